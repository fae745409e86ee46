-- name: complain
-- A member's complaint opens a case, or one that was closed; said again, the first stands.
INSERT INTO transaction_case (slot, transaction_id, namespace, opened_at, complained_at)
VALUES (%(slot)s, %(id)s, %(namespace)s, %(at)s, %(at)s)
ON CONFLICT (slot, transaction_id) DO UPDATE
SET complained_at = excluded.complained_at, closed_at = NULL, closed_by = NULL, choice = NULL,
    opened_at = CASE WHEN transaction_case.closed_at IS NULL THEN transaction_case.opened_at
                     ELSE excluded.opened_at END
WHERE transaction_case.complained_at IS NULL;

-- name: keep_words
-- What the member wrote of it: part -1 of what erasure removes.
INSERT INTO transaction_personal (slot, transaction_id, part, content)
VALUES (%(slot)s, %(id)s, -1, %(content)s)
ON CONFLICT DO NOTHING;

-- name: contradict
-- News that contradicts what was concluded opens cases, or those that were closed.
INSERT INTO transaction_case (slot, transaction_id, namespace, opened_at, contradicted_at)
SELECT %(slot)s, n.id, n.namespace, %(at)s, %(at)s
FROM unnest(%(ids)s::uuid[], %(namespaces)s::text[]) AS n (id, namespace)
ORDER BY n.id
ON CONFLICT (slot, transaction_id) DO UPDATE
SET contradicted_at = excluded.contradicted_at, closed_at = NULL, closed_by = NULL, choice = NULL,
    opened_at = CASE WHEN transaction_case.closed_at IS NULL THEN transaction_case.opened_at
                     ELSE excluded.opened_at END;

-- name: cases_of
-- The cases of some transactions of one slot, with what the members wrote, unless erased.
SELECT c.transaction_id, c.opened_at, c.complained_at, c.contradicted_at, c.closed_at, c.closed_by,
       c.choice, p.content
FROM transaction_case c
LEFT JOIN transaction_personal p ON p.slot = %(slot)s AND p.transaction_id = c.transaction_id
    AND p.part = -1
WHERE c.slot = %(slot)s AND c.transaction_id = ANY (%(ids)s::uuid[]);

-- name: close
-- Closes a case that is open; of two people at once the second closes nothing.
UPDATE transaction_case
SET closed_at = %(at)s, closed_by = %(by)s, choice = %(choice)s
WHERE slot = %(slot)s AND transaction_id = %(id)s AND closed_at IS NULL;

-- name: open
-- The open cases of a namespace, the oldest redemption first. All slots: a partial index.
SELECT slot, transaction_id, opened_at, complained_at, contradicted_at, closed_at, closed_by, choice
FROM transaction_case
WHERE namespace = %(namespace)s AND closed_at IS NULL AND transaction_id > %(above)s
ORDER BY transaction_id
LIMIT %(limit)s;

-- name: closed
-- The closed cases of a namespace, the newest redemption first. All slots: an index.
SELECT slot, transaction_id, opened_at, complained_at, contradicted_at, closed_at, closed_by, choice
FROM transaction_case
WHERE namespace = %(namespace)s AND closed_at IS NOT NULL AND transaction_id < %(below)s
ORDER BY transaction_id DESC
LIMIT %(limit)s;

-- name: count_open
-- How many cases are open, counted no further than the limit. All slots: a partial index.
SELECT count(*) AS found
FROM (SELECT 1 FROM transaction_case
      WHERE namespace = %(namespace)s AND closed_at IS NULL
      LIMIT %(limit)s) AS counted;
