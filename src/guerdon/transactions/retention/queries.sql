-- name: terms
-- How long a programme keeps what is personal, and how far that was done; not member data.
SELECT namespace, personal_days, disputed_days, walked_to, removed, told, told_at
FROM retention WHERE namespace = %(namespace)s;

-- name: set_days
-- Other terms; how far it was done stays.
INSERT INTO retention (namespace, personal_days, disputed_days)
VALUES (%(namespace)s, %(personal_days)s, %(disputed_days)s)
ON CONFLICT (namespace) DO UPDATE
SET personal_days = excluded.personal_days, disputed_days = excluded.disputed_days;

-- name: limited
-- The programmes that keep it for a limited time; not member data.
SELECT namespace FROM retention WHERE personal_days IS NOT NULL ORDER BY namespace;

-- name: take
-- The terms under lock, so that one process at a time does it; whoever comes second goes on.
SELECT namespace, personal_days, disputed_days, walked_to, removed, told, told_at
FROM retention
WHERE namespace = %(namespace)s AND personal_days IS NOT NULL
FOR UPDATE SKIP LOCKED;

-- name: walk
-- The next transactions by age, and what decides. All slots: the index leads by namespace and ID.
SELECT t.slot, t.transaction_id, t.closed_at,
    t.conflict OR EXISTS (
        SELECT FROM transaction_case c
        WHERE c.slot = t.slot AND c.transaction_id = t.transaction_id) AS disputed
FROM transaction t
WHERE t.namespace = %(namespace)s AND t.transaction_id > %(above)s AND t.transaction_id < %(below)s
ORDER BY t.transaction_id
LIMIT %(limit)s;

-- name: come_back
-- Those that are to be looked at again now. All slots: an index on the time, and each by its key.
SELECT l.slot, l.transaction_id, t.closed_at,
    t.conflict OR EXISTS (
        SELECT FROM transaction_case c
        WHERE c.slot = l.slot AND c.transaction_id = l.transaction_id) AS disputed
FROM (SELECT slot, transaction_id FROM retention_later
      WHERE namespace = %(namespace)s AND look_at <= now()
      ORDER BY look_at
      LIMIT %(limit)s) AS l
JOIN transaction t ON t.slot = l.slot AND t.transaction_id = l.transaction_id;

-- name: remove
-- What is personal about some transactions goes; answers from how many there was something to remove.
WITH gone AS (
    DELETE FROM transaction_personal p
    USING unnest(%(slots)s::smallint[], %(ids)s::uuid[]) AS w (slot, transaction_id)
    WHERE p.slot = w.slot AND p.transaction_id = w.transaction_id
    RETURNING p.transaction_id)
SELECT count(DISTINCT transaction_id) AS transactions FROM gone;

-- name: settle
-- These need no second look.
DELETE FROM retention_later l
USING unnest(%(slots)s::smallint[], %(ids)s::uuid[]) AS w (slot, transaction_id)
WHERE l.slot = w.slot AND l.transaction_id = w.transaction_id;

-- name: later
-- These are looked at again then.
INSERT INTO retention_later (slot, transaction_id, namespace, look_at)
SELECT w.slot, w.transaction_id, %(namespace)s, w.look_at
FROM unnest(%(slots)s::smallint[], %(ids)s::uuid[], %(look_ats)s::timestamptz[])
    AS w (slot, transaction_id, look_at)
ON CONFLICT (slot, transaction_id) DO UPDATE SET look_at = excluded.look_at;

-- name: note_done
-- How far it was done, and from how many transactions something was removed.
UPDATE retention SET walked_to = %(walked_to)s, removed = removed + %(removed)s
WHERE namespace = %(namespace)s;

-- name: note_told
-- The audit trail knows of all of them.
UPDATE retention SET told = removed, told_at = now() WHERE namespace = %(namespace)s;

-- name: written_to
-- Something personal was written to a transaction that may have been passed by already. The lock
-- waits for whoever is passing by at this moment.
INSERT INTO retention_later (slot, transaction_id, namespace, look_at)
SELECT %(slot)s, %(id)s, r.namespace, now()
FROM retention r
WHERE r.namespace = %(namespace)s AND r.walked_to >= %(id)s
FOR SHARE
ON CONFLICT (slot, transaction_id) DO NOTHING;
