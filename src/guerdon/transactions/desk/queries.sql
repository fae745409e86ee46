-- name: hold
-- Two notes at once wait for each other here, so that each has its own number.
SELECT 1 AS held FROM transaction
WHERE slot = %(slot)s AND transaction_id = %(id)s
FOR NO KEY UPDATE;

-- name: add_note
-- The next note of a transaction.
INSERT INTO transaction_note (slot, transaction_id, n, author, at)
SELECT %(slot)s, %(id)s, coalesce(max(n), 0) + 1, %(author)s, %(at)s
FROM transaction_note WHERE slot = %(slot)s AND transaction_id = %(id)s
RETURNING n;

-- name: keep_text
-- What a note says: note n is part -1 - n of what erasure removes.
INSERT INTO transaction_personal (slot, transaction_id, part, content)
VALUES (%(slot)s, %(id)s, -1 - %(n)s::smallint, %(content)s);

-- name: notes_of
-- The notes of a transaction, with what they say unless the member was erased.
SELECT n.n, n.author, n.at, p.content
FROM transaction_note n
LEFT JOIN transaction_personal p ON p.slot = %(slot)s AND p.transaction_id = n.transaction_id
    AND p.part = -1 - n.n
WHERE n.slot = %(slot)s AND n.transaction_id = %(id)s
ORDER BY n.n;

-- name: assign
-- Somebody looks after it from now on, unless it changed hands since it was shown.
INSERT INTO transaction_assignee (slot, transaction_id, namespace, assignee, at)
VALUES (%(slot)s, %(id)s, %(namespace)s, %(assignee)s, %(at)s)
ON CONFLICT (slot, transaction_id) DO UPDATE
SET assignee = excluded.assignee, at = excluded.at
WHERE transaction_assignee.assignee = %(seen)s;

-- name: unassign
-- Nobody looks after it, unless it changed hands since it was shown.
DELETE FROM transaction_assignee
WHERE slot = %(slot)s AND transaction_id = %(id)s AND assignee = %(seen)s;

-- name: assignees
-- Who looks after some transactions; they come from a page, so from several slots.
SELECT a.transaction_id, a.assignee
FROM unnest(%(slots)s::smallint[], %(ids)s::uuid[]) AS w (slot, transaction_id)
JOIN transaction_assignee a ON a.slot = w.slot AND a.transaction_id = w.transaction_id;

-- name: last_notes
-- The newest note of some transactions, unless the member was erased; they come from a page, so from
-- several slots.
SELECT w.transaction_id, p.content
FROM unnest(%(slots)s::smallint[], %(ids)s::uuid[]) AS w (slot, transaction_id)
CROSS JOIN LATERAL (
    SELECT n FROM transaction_note
    WHERE slot = w.slot AND transaction_id = w.transaction_id
    ORDER BY n DESC
    LIMIT 1) AS last
JOIN transaction_personal p ON p.slot = w.slot AND p.transaction_id = w.transaction_id
    AND p.part = -1 - last.n;

-- name: assigned_to
-- What some people look after, the newest first, no more than the limit. All slots: an index.
SELECT transaction_id FROM transaction_assignee
WHERE namespace = %(namespace)s AND assignee = ANY (%(assignees)s::text[])
ORDER BY transaction_id DESC
LIMIT %(limit)s;
