-- name: add_job
-- A frozen selection, not begun. It belongs to no member.
INSERT INTO bulk_job (job_id, namespace, verb, asked, frozen_by, frozen_at)
VALUES (%(job_id)s, %(namespace)s, %(verb)s, %(asked)s::jsonb, %(frozen_by)s, %(frozen_at)s);

-- name: add_items
-- What was selected, in the order of the list, with how much had happened to each.
INSERT INTO bulk_item (job_id, n, transaction_id, events)
SELECT %(job_id)s, w.n, w.transaction_id, w.events
FROM unnest(%(ns)s::integer[], %(ids)s::uuid[], %(events)s::integer[]) AS w (n, transaction_id, events);

-- name: job
-- One job of a namespace.
SELECT job_id, namespace, verb, asked, frozen_by, frozen_at, actor, address, reason, started_at,
    stopped_by, stopped_at, ended_at
FROM bulk_job WHERE job_id = %(job_id)s AND namespace = %(namespace)s;

-- name: jobs
-- The newest jobs of a namespace that were begun.
SELECT job_id, namespace, verb, asked, frozen_by, frozen_at, actor, address, reason, started_at,
    stopped_by, stopped_at, ended_at
FROM bulk_job WHERE namespace = %(namespace)s AND started_at IS NOT NULL
ORDER BY frozen_at DESC
LIMIT %(limit)s;

-- name: items
-- The rows of a job from one on, of one outcome, still waiting (empty), or all.
SELECT n, transaction_id, events, outcome, sentence, at
FROM bulk_item
WHERE job_id = %(job_id)s AND n > %(after)s
  AND (%(outcome)s::text IS NULL OR coalesce(outcome, '') = %(outcome)s::text)
ORDER BY n
LIMIT %(limit)s;

-- name: counts
-- How many rows of a job have which outcome; at most a job's cap are looked at.
SELECT coalesce(outcome, '') AS outcome, count(*) AS found
FROM bulk_item WHERE job_id = %(job_id)s
GROUP BY 1;

-- name: start
-- Begun by a person, once.
UPDATE bulk_job
SET actor = %(actor)s, address = %(address)s, reason = %(reason)s, started_at = now()
WHERE job_id = %(job_id)s AND namespace = %(namespace)s AND started_at IS NULL;

-- name: stop
-- No further row is begun.
UPDATE bulk_job SET stopped_by = %(actor)s, stopped_at = now()
WHERE job_id = %(job_id)s AND namespace = %(namespace)s AND started_at IS NOT NULL
  AND stopped_at IS NULL AND ended_at IS NULL;

-- name: claim
-- The oldest job that nobody works at: not begun yet, or whose worker's lease ran out.
UPDATE bulk_job
SET lease_owner = %(owner)s, lease_until = now() + make_interval(secs => %(seconds)s)
WHERE job_id = (
    SELECT job_id FROM bulk_job
    WHERE started_at IS NOT NULL AND ended_at IS NULL
      AND (lease_until IS NULL OR lease_until <= now() OR lease_owner = %(owner)s)
    ORDER BY started_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED)
RETURNING job_id, namespace, verb, asked, frozen_by, frozen_at, actor, address, reason, started_at,
    stopped_by, stopped_at, ended_at;

-- name: keep
-- Still ours, and for longer; says whether somebody stopped it.
UPDATE bulk_job SET lease_until = now() + make_interval(secs => %(seconds)s)
WHERE job_id = %(job_id)s AND lease_owner = %(owner)s AND ended_at IS NULL
RETURNING stopped_by;

-- name: begin_items
-- The next rows. What was begun before and has no outcome comes again, also after a stop.
UPDATE bulk_item i
SET begun_at = coalesce(i.begun_at, now())
FROM (SELECT n FROM bulk_item
      WHERE job_id = %(job_id)s AND outcome IS NULL AND (begun_at IS NOT NULL OR NOT %(stopped)s)
      ORDER BY n
      LIMIT %(limit)s) AS next
WHERE i.job_id = %(job_id)s AND i.n = next.n
RETURNING i.n, i.transaction_id, i.events, i.begun_at;

-- name: record
-- What became of rows; what has an outcome keeps it.
UPDATE bulk_item i
SET outcome = w.outcome, sentence = w.sentence, at = now()
FROM unnest(%(ns)s::integer[], %(outcomes)s::text[], %(sentences)s::text[])
    AS w (n, outcome, sentence)
WHERE i.job_id = %(job_id)s AND i.n = w.n AND i.outcome IS NULL;

-- name: leave_rest
-- A stopped job's rows that were never begun.
UPDATE bulk_item SET outcome = 'skipped', sentence = %(sentence)s, at = now()
WHERE job_id = %(job_id)s AND outcome IS NULL AND begun_at IS NULL;

-- name: finish
-- Every row has an outcome.
UPDATE bulk_job SET ended_at = now(), lease_owner = NULL, lease_until = NULL
WHERE job_id = %(job_id)s AND lease_owner = %(owner)s;

-- name: let_go
-- A process that ends leaves its job to the next.
UPDATE bulk_job SET lease_owner = NULL, lease_until = NULL
WHERE lease_owner = %(owner)s AND ended_at IS NULL;

-- name: prune
-- Selections that nobody began within a day.
DELETE FROM bulk_job WHERE started_at IS NULL AND frozen_at < now() - interval '1 day';
