-- name: hold
-- One at a time in a programme: who begins a file, and who erases a member. Held to the end of the
-- Tx; not member data.
SELECT pg_advisory_xact_lock(hashtextextended('export ' || %(namespace)s::text, 0));

-- name: add
-- A new export. It belongs to no member.
INSERT INTO transaction_export
    (export_id, namespace, actor, name, asked, words, plan, personal, kept)
VALUES (%(export_id)s, %(namespace)s, %(actor)s, %(name)s, %(asked)s::jsonb, %(words)s,
    %(plan)s::jsonb, %(personal)s, %(kept)s);

-- name: export
-- One export of a namespace.
SELECT export_id, namespace, actor, name, asked, words, plan, kept, started_at, walked_to, steps,
    written, size, stopped_by, stopped_at, withdrawn_at, trouble, ended_at
FROM transaction_export WHERE export_id = %(export_id)s AND namespace = %(namespace)s;

-- name: exports
-- The newest exports of a namespace.
SELECT export_id, namespace, actor, name, asked, words, plan, kept, started_at, walked_to, steps,
    written, size, stopped_by, stopped_at, withdrawn_at, trouble, ended_at
FROM transaction_export WHERE namespace = %(namespace)s
ORDER BY started_at DESC
LIMIT %(limit)s;

-- name: under_way
-- How many files of a namespace are being written; no more are begun than the limit.
SELECT count(*) AS found
FROM transaction_export WHERE namespace = %(namespace)s AND kept AND ended_at IS NULL;

-- name: claim
-- The oldest file that nobody writes: not begun yet, or whose writer's lease ran out.
UPDATE transaction_export
SET lease_owner = %(owner)s, lease_until = now() + make_interval(secs => %(seconds)s)
WHERE export_id = (
    SELECT export_id FROM transaction_export
    WHERE kept AND ended_at IS NULL
      AND (lease_until IS NULL OR lease_until <= now() OR lease_owner = %(owner)s)
    ORDER BY started_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED)
RETURNING export_id, namespace, actor, name, asked, words, plan, kept, started_at, walked_to, steps,
    written, size, stopped_by, stopped_at, withdrawn_at, trouble, ended_at;

-- name: advance
-- One step further, if it is still ours, nobody ended it, and no other took this step.
UPDATE transaction_export
SET walked_to = %(walked_to)s, steps = steps + 1, written = written + %(rows)s,
    size = size + %(size)s,
    ended_at = CASE WHEN %(last)s THEN now() END,
    lease_owner = CASE WHEN NOT %(last)s THEN lease_owner END,
    lease_until = CASE WHEN NOT %(last)s THEN now() + make_interval(secs => %(seconds)s) END
WHERE export_id = %(export_id)s AND lease_owner = %(owner)s AND steps = %(steps)s
  AND ended_at IS NULL;

-- name: add_part
-- What a step wrote.
INSERT INTO transaction_export_part (export_id, n, content)
VALUES (%(export_id)s, %(n)s, %(content)s);

-- name: finish_streamed
-- A stream that came to its end.
UPDATE transaction_export SET written = %(written)s, size = %(size)s, ended_at = now()
WHERE export_id = %(export_id)s AND NOT kept AND ended_at IS NULL;

-- name: stop
-- Ends a file that is being written.
UPDATE transaction_export
SET stopped_by = %(actor)s, stopped_at = now(), ended_at = now(), lease_owner = NULL,
    lease_until = NULL
WHERE export_id = %(export_id)s AND namespace = %(namespace)s AND kept AND ended_at IS NULL;

-- name: fail
-- Ends a file that cannot be written.
UPDATE transaction_export
SET trouble = %(trouble)s, ended_at = now(), lease_owner = NULL, lease_until = NULL
WHERE export_id = %(export_id)s AND lease_owner = %(owner)s AND ended_at IS NULL;

-- name: withdraw
-- Ends the files with personal data of a namespace, whether they are being written or finished.
UPDATE transaction_export
SET withdrawn_at = now(), ended_at = coalesce(ended_at, now()), lease_owner = NULL,
    lease_until = NULL
WHERE namespace = %(namespace)s AND kept AND personal
  AND withdrawn_at IS NULL AND stopped_at IS NULL AND trouble IS NULL
RETURNING export_id;

-- name: drop_parts
-- What some exports wrote.
DELETE FROM transaction_export_part WHERE export_id = ANY (%(export_ids)s::uuid[]);

-- name: parts
-- A file, in its order.
SELECT content FROM transaction_export_part WHERE export_id = %(export_id)s ORDER BY n;

-- name: let_go
-- A process that ends leaves its file to the next.
UPDATE transaction_export SET lease_owner = NULL, lease_until = NULL
WHERE lease_owner = %(owner)s AND ended_at IS NULL;

-- name: prune
-- What had its days: files go with their exports.
DELETE FROM transaction_export
WHERE coalesce(ended_at, started_at) <= now() - make_interval(secs => %(seconds)s)
  AND (ended_at IS NOT NULL OR NOT kept);

-- name: events
-- The histories of some transactions, with how attempts ended; they come from a page of a list, so
-- from several slots.
SELECT e.transaction_id, e.seq, e.type, e.at, e.actor, e.payload, a.http_status, a.duration_ms,
    a.evidence, a.rule, a.sentence
FROM unnest(%(slots)s::smallint[], %(ids)s::uuid[]) AS w (slot, transaction_id)
JOIN event e ON e.slot = w.slot AND e.transaction_id = w.transaction_id
LEFT JOIN attempt a ON a.slot = e.slot AND a.transaction_id = e.transaction_id
    AND e.type = 'message.posted' AND a.n = (e.payload ->> 'attempt')::integer
ORDER BY e.transaction_id, e.seq;
