-- name: add_messages
-- What a batch of new transactions owes.
INSERT INTO message (slot, due_at, created_at, transaction_id, provider_id, state, attempts,
    lease_until, lease_owner)
SELECT %(slot)s, %(at)s, %(at)s, n.id, n.provider_id, n.state, n.attempts, n.lease_until,
    CASE WHEN n.lease_until IS NOT NULL THEN %(owner)s::uuid END
FROM unnest(%(ids)s::uuid[], %(provider_ids)s::uuid[], %(states)s::text[], %(attempts)s::smallint[],
    %(leases)s::timestamptz[]) AS n (id, provider_id, state, attempts, lease_until);

-- name: add_again
-- The same message once more, after as many attempts; there is no debt of it now.
INSERT INTO message (slot, due_at, created_at, transaction_id, provider_id, state, attempts, resent)
VALUES (%(slot)s, %(at)s, %(at)s, %(id)s, %(provider_id)s, 'queued', %(attempts)s, true);

-- name: lock_messages
-- Locks debts in one order, after their transactions.
SELECT slot, transaction_id, provider_id, state, attempts, tries_n, tries_u, due_at, lease_until,
    lease_owner, created_at, resent
FROM message
WHERE slot = %(slot)s AND transaction_id = ANY (%(ids)s::uuid[])
ORDER BY transaction_id
FOR UPDATE;

-- name: remove_messages
-- The debts are settled, or acknowledged.
DELETE FROM message WHERE slot = %(slot)s AND transaction_id = ANY (%(ids)s::uuid[]);

-- name: requeue_messages
-- To be tried again when they are due.
UPDATE message m
SET state = 'queued', lease_until = NULL, lease_owner = NULL, due_at = n.due_at,
    tries_n = n.tries_n, tries_u = n.tries_u
FROM unnest(%(ids)s::uuid[], %(due_ats)s::timestamptz[], %(tries_n)s::smallint[],
    %(tries_u)s::smallint[]) AS n (id, due_at, tries_n, tries_u)
WHERE m.slot = %(slot)s AND m.transaction_id = ANY (%(ids)s::uuid[]) AND m.transaction_id = n.id;

-- name: claim
-- Takes due messages of one provider in one slot, oldest first; passes over what others hold. The
-- array is made once: joined instead, the choice may be run again for each row and pass its limit.
UPDATE message m
SET state = 'sending', attempts = m.attempts + 1, lease_owner = %(owner)s,
    lease_until = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
WHERE m.slot = %(slot)s AND m.transaction_id = ANY (ARRAY(
    SELECT transaction_id
    FROM message
    WHERE slot = %(slot)s AND provider_id = %(provider_id)s AND state = 'queued'
      AND due_at <= statement_timestamp()
    ORDER BY due_at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED))
RETURNING m.slot, m.transaction_id, m.provider_id, m.attempts, m.resent;

-- name: waiting
-- For each provider and slot with queued messages: how many are due, and when the next one will be.
-- All slots: the index on what is queued holds only debts.
SELECT provider_id, slot, count(*) FILTER (WHERE due_at <= clock_timestamp()) AS due,
    count(*) AS queued, min(due_at) AS first_due,
    extract(epoch FROM min(due_at) - clock_timestamp())::float8 AS due_in,
    extract(epoch FROM clock_timestamp() - min(created_at))::float8 AS oldest_age
FROM message
WHERE state = 'queued'
GROUP BY provider_id, slot;

-- name: owed
-- What is owed to some providers: on the wire, waiting, since when; no more rows are counted than
-- the limit. All slots: the table holds only debts.
SELECT provider_id, count(*) FILTER (WHERE state = 'sending') AS sending,
    count(*) FILTER (WHERE state = 'queued') AS queued,
    min(created_at) FILTER (WHERE state = 'queued') AS oldest
FROM (SELECT provider_id, state, created_at FROM message
      WHERE provider_id = ANY (%(provider_ids)s::uuid[])
      LIMIT %(limit)s) AS debts
GROUP BY provider_id;

-- name: put_back
-- Unsent, surely: back into the queue, and the attempt that never began is not counted.
UPDATE message
SET state = 'queued', lease_until = NULL, lease_owner = NULL, attempts = attempts - 1
WHERE slot = %(slot)s AND transaction_id = ANY (%(ids)s::uuid[]) AND state = 'sending'
  AND lease_owner = %(owner)s;

-- name: put_back_strays
-- Leased at birth by this process, which then did not see the commit and sent nothing. Leased anew
-- since, they have another end, and are left alone.
UPDATE message m
SET state = 'queued', lease_until = NULL, lease_owner = NULL, attempts = m.attempts - 1
FROM unnest(%(ids)s::uuid[], %(leases)s::timestamptz[]) AS n (id, lease_until)
WHERE m.slot = %(slot)s AND m.transaction_id = ANY (%(ids)s::uuid[]) AND m.transaction_id = n.id
  AND m.state = 'sending' AND m.lease_owner = %(owner)s AND m.lease_until = n.lease_until;

-- name: lapsed
-- Leases that ran out: what became of these nobody knows. All slots: only leased rows are indexed.
-- Not clock_timestamp(): it is volatile, and the index could not be entered at it.
SELECT slot, transaction_id, provider_id, attempts, lease_until
FROM message
WHERE state = 'sending' AND lease_until <= statement_timestamp()
ORDER BY lease_until
LIMIT %(limit)s;

-- name: stale
-- Messages that have waited longer than a day without a byte being sent. All slots, few rows.
SELECT slot, transaction_id
FROM message
WHERE state = 'queued' AND created_at <= now() - make_interval(secs => %(seconds)s)
ORDER BY created_at
LIMIT %(limit)s;

-- name: debt
-- What one transaction still owes, without a lock.
SELECT slot, transaction_id, provider_id, state, attempts, tries_n, tries_u, due_at, lease_until,
    lease_owner, created_at, resent
FROM message
WHERE slot = %(slot)s AND transaction_id = %(id)s;

-- name: advance
-- What waits for providers of a test programme has waited longer and is due sooner; leases stay, for
-- who holds them lives in real time. Locked in the order of all others. All slots: only debts.
WITH waiting AS MATERIALIZED (
    SELECT slot, transaction_id FROM message
    WHERE provider_id = ANY (%(provider_ids)s::uuid[])
    ORDER BY transaction_id
    FOR UPDATE)
UPDATE message m
SET due_at = m.due_at - make_interval(secs => %(seconds)s),
    created_at = m.created_at - make_interval(secs => %(seconds)s)
FROM waiting w
WHERE m.slot = w.slot AND m.transaction_id = w.transaction_id;

-- name: beat
-- This process is alive; not member data.
INSERT INTO process (process_id, delivers) VALUES (%(process_id)s, %(delivers)s)
ON CONFLICT (process_id) DO UPDATE SET beat_at = clock_timestamp();

-- name: live_processes
-- How many processes deliver, so that each takes its share of a provider's limits.
SELECT count(*) AS live
FROM process
WHERE delivers AND beat_at > clock_timestamp() - interval '15 seconds';

-- name: leave
-- This process ends, in good order.
DELETE FROM process
WHERE process_id = %(process_id)s OR beat_at < clock_timestamp() - interval '1 day';
