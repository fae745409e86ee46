-- name: add_transactions
-- Opens a batch of transactions; all were made at the same moment.
INSERT INTO transaction (slot, created_at, updated_at, status, events, transaction_id, namespace,
    member_id, option_name, option_version, option_title, provider_id, type, price, currency,
    currency_amount, conversion_rate, origin)
SELECT %(slot)s, %(at)s, %(at)s, 'pending', 2, *
FROM unnest(%(ids)s::uuid[], %(namespaces)s::text[], %(member_ids)s::uuid[],
    %(option_names)s::uuid[], %(option_versions)s::integer[], %(option_titles)s::text[],
    %(provider_ids)s::uuid[], %(types)s::text[], %(prices)s::bigint[], %(currencies)s::text[],
    %(currency_amounts)s::bigint[], %(conversion_rates)s::text[], %(origins)s::text[]);

-- name: lock_transactions
-- Locks in one order, before any account, so that two batches never wait in a circle.
SELECT slot, transaction_id, namespace, member_id, option_name, option_version, option_title,
    provider_id, type, price, currency, currency_amount, conversion_rate, origin, status, events,
    dirty, conflict, open_reason, due_at, next_ask_at, asked, reference, created_at, updated_at,
    closed_at, closed_by
FROM transaction
WHERE slot = %(slot)s AND transaction_id = ANY (%(ids)s::uuid[])
ORDER BY transaction_id
FOR UPDATE;

-- name: save_transactions
-- The guarded move: a row whose status is no longer what was decided upon is not touched.
WITH saved AS (
UPDATE transaction t
SET status = n.status, events = n.events, dirty = n.dirty, conflict = n.conflict,
    open_reason = n.open_reason, due_at = n.due_at, next_ask_at = n.next_ask_at, asked = n.asked,
    reference = n.reference, updated_at = n.updated_at, closed_at = n.closed_at,
    closed_by = n.closed_by
FROM unnest(%(ids)s::uuid[], %(was)s::text[], %(statuses)s::text[], %(events)s::integer[],
    %(dirty)s::boolean[], %(conflicts)s::boolean[], %(open_reasons)s::text[],
    %(due_ats)s::timestamptz[], %(next_ask_ats)s::timestamptz[], %(asked)s::integer[],
    %(references)s::text[], %(updated_ats)s::timestamptz[], %(closed_ats)s::timestamptz[],
    %(closed_bys)s::text[])
    AS n (id, was, status, events, dirty, conflict, open_reason, due_at, next_ask_at, asked,
          reference, updated_at, closed_at, closed_by)
WHERE t.slot = %(slot)s AND t.transaction_id = ANY (%(ids)s::uuid[])
  AND t.transaction_id = n.id AND t.status = n.was
RETURNING 1)
SELECT count(*) AS rows FROM saved;

-- name: add_events
-- Appends to histories.
INSERT INTO event (slot, transaction_id, seq, type, at, actor, payload)
SELECT %(slot)s, n.id, n.seq, n.type, n.at, n.actor, n.payload::jsonb
FROM unnest(%(ids)s::uuid[], %(seqs)s::integer[], %(types)s::text[], %(ats)s::timestamptz[],
    %(actors)s::text[], %(payloads)s::text[]) AS n (id, seq, type, at, actor, payload);

-- name: add_attempts
-- One row a finished attempt; told twice (a lease ran out, then the result came), the first stands.
INSERT INTO attempt (slot, transaction_id, n, started_at, duration_ms, http_status, evidence, rule,
    sentence)
SELECT %(slot)s, *
FROM unnest(%(ids)s::uuid[], %(ns)s::smallint[], %(started_ats)s::timestamptz[],
    %(durations)s::integer[], %(http_statuses)s::integer[], %(evidence)s::text[],
    %(rules)s::text[], %(sentences)s::text[])
ON CONFLICT DO NOTHING;

-- name: attempts_of
-- The finished attempts of some transactions, in their order.
SELECT transaction_id, n, started_at, duration_ms, http_status, evidence, rule, sentence
FROM attempt
WHERE slot = %(slot)s AND transaction_id = ANY (%(ids)s::uuid[])
ORDER BY transaction_id, n;

-- name: add_personal
-- What erasure will remove.
INSERT INTO transaction_personal (slot, transaction_id, part, email, address, content)
SELECT %(slot)s, *
FROM unnest(%(ids)s::uuid[], %(parts)s::smallint[], %(emails)s::text[], %(addresses)s::text[],
    %(contents)s::bytea[])
ON CONFLICT DO NOTHING;

-- name: personal_of
-- The personal parts of one transaction, in their order.
SELECT transaction_id, part, email, address, content
FROM transaction_personal
WHERE slot = %(slot)s AND transaction_id = %(id)s
ORDER BY part;

-- name: bodies_of
-- The exact bodies owed to providers.
SELECT transaction_id, content
FROM transaction_personal
WHERE slot = %(slot)s AND transaction_id = ANY (%(ids)s::uuid[]) AND part = 0;

-- name: standing_of
-- Where some transactions stand, without a lock.
SELECT transaction_id, status, dirty
FROM transaction
WHERE slot = %(slot)s AND transaction_id = ANY (%(ids)s::uuid[]);

-- name: erase_personal
-- Removes what is personal from every transaction of a member.
DELETE FROM transaction_personal p
USING transaction t
WHERE p.slot = %(slot)s AND t.slot = %(slot)s AND t.member_id = %(member_id)s
  AND p.transaction_id = t.transaction_id;

-- name: open_count
-- Whether a member has open transactions.
SELECT count(*) AS open
FROM transaction
WHERE slot = %(slot)s AND member_id = %(member_id)s AND closed_at IS NULL;

-- name: counts_of
-- How often members used options: ever, and since the first ID of a period.
SELECT w.n, count(t.transaction_id) AS used,
       count(t.transaction_id) FILTER (WHERE t.transaction_id >= w.since) AS used_in_period
FROM unnest(%(ns)s::integer[], %(member_ids)s::uuid[], %(option_names)s::uuid[],
    %(sinces)s::uuid[]) AS w (n, member_id, option_name, since)
LEFT JOIN transaction t ON t.slot = %(slot)s AND t.member_id = w.member_id
    AND t.option_name = w.option_name AND t.status <> 'failure'
GROUP BY w.n;

-- name: events_of
-- A transaction's history.
SELECT transaction_id, seq, type, at, actor, payload
FROM event
WHERE slot = %(slot)s AND transaction_id = %(id)s
ORDER BY seq;

-- name: said_before
-- Which of these kinds of event, from which source, some transactions have already.
SELECT transaction_id, type, coalesce(payload ->> 'source', '') AS source,
       coalesce(payload ->> 'said', '') AS said
FROM event
WHERE slot = %(slot)s AND transaction_id = ANY (%(ids)s::uuid[]);

-- name: transaction
-- One transaction, without a lock.
SELECT slot, transaction_id, namespace, member_id, option_name, option_version, option_title,
    provider_id, type, price, currency, currency_amount, conversion_rate, origin, status, events,
    dirty, conflict, open_reason, due_at, next_ask_at, asked, reference, created_at, updated_at,
    closed_at, closed_by
FROM transaction
WHERE slot = %(slot)s AND transaction_id = %(id)s;

-- name: find_keys
-- The first accepted answers to these idempotency keys.
SELECT scope_hash, body_hash, cause_id, answer::text AS answer
FROM idempotency_key
WHERE slot = %(slot)s AND scope_hash = ANY (%(scopes)s::bytea[]);

-- name: add_keys
-- Keeps first accepted answers; the lock on the member comes before, so none is there yet.
INSERT INTO idempotency_key (slot, created_at, scope_hash, body_hash, cause_id, answer)
SELECT %(slot)s, %(at)s, n.scope_hash, n.body_hash, n.cause_id, n.answer::jsonb
FROM unnest(%(scopes)s::bytea[], %(bodies)s::bytea[], %(causes)s::uuid[], %(answers)s::text[])
    AS n (scope_hash, body_hash, cause_id, answer);

-- name: find_callbacks
-- Callbacks that came before under the same webhook-id.
SELECT transaction_id, webhook_id, body_hash, conflicts
FROM callback
WHERE slot = %(slot)s AND transaction_id = ANY (%(ids)s::uuid[])
  AND webhook_id = ANY (%(webhook_ids)s::text[]);

-- name: add_callbacks
-- Remembers what a webhook-id said.
INSERT INTO callback (slot, transaction_id, webhook_id, body_hash, status, conflicts, at)
SELECT %(slot)s, *
FROM unnest(%(ids)s::uuid[], %(webhook_ids)s::text[], %(body_hashes)s::bytea[],
    %(statuses)s::text[], %(conflicts)s::boolean[], %(ats)s::timestamptz[])
ON CONFLICT DO NOTHING;

-- name: overdue
-- Transactions whose deadline has passed. All slots: the index is entered at the time and left
-- again (a volatile clock_timestamp() would read all of it, every second).
SELECT slot, transaction_id
FROM transaction
WHERE due_at <= statement_timestamp()
ORDER BY due_at
LIMIT %(limit)s;

-- name: to_ask
-- Unknown outcomes that a provider is to be asked about. All slots: the index holds few rows.
SELECT slot, transaction_id, namespace, provider_id, asked
FROM transaction
WHERE next_ask_at <= statement_timestamp()
ORDER BY next_ask_at
LIMIT %(limit)s;

-- name: reschedule_ask
-- The next time to ask, or none.
UPDATE transaction
SET next_ask_at = clock_timestamp() + make_interval(secs => %(seconds)s), asked = asked + 1
WHERE slot = %(slot)s AND transaction_id = %(id)s AND next_ask_at IS NOT NULL
  AND asked = %(asked)s;

-- name: stop_asking
-- The asking ended without an answer: now people decide.
UPDATE transaction
SET next_ask_at = NULL, open_reason = nullif(open_reason, 'asking'), asked = asked + 1
WHERE slot = %(slot)s AND transaction_id = %(id)s AND next_ask_at IS NOT NULL
  AND asked = %(asked)s;

-- name: prune_keys
-- Keys lapse 90 days after their transaction closed. All slots: housekeeping, in small bites.
DELETE FROM idempotency_key
WHERE ctid IN (
    SELECT k.ctid FROM idempotency_key k
    LEFT JOIN transaction t ON t.slot = k.slot AND t.transaction_id = k.cause_id
    WHERE k.created_at < now() - interval '90 days'
      AND (t.transaction_id IS NULL OR t.closed_at < now() - interval '90 days')
    LIMIT %(limit)s);

-- name: prune_callbacks
-- A webhook-id is remembered for 30 days. All slots: housekeeping, in small bites.
DELETE FROM callback
WHERE ctid IN (
    SELECT ctid FROM callback
    WHERE at < now() - interval '30 days'
    LIMIT %(limit)s);

-- name: open_holds
-- What open transactions hold for each member of one slot, for the proof.
SELECT member_id, sum(price)::bigint AS held
FROM transaction
WHERE slot = %(slot)s AND closed_at IS NULL
GROUP BY member_id
ORDER BY member_id;

-- name: in_order
-- Every transaction of one slot by ID, for the proof.
SELECT transaction_id, namespace, member_id, status, price
FROM transaction
WHERE slot = %(slot)s
ORDER BY transaction_id;

-- name: page
-- A namespace's transactions, newest first. All slots: the index leads by namespace and ID.
SELECT slot, transaction_id, namespace, member_id, option_name, option_version, option_title,
    provider_id, type, price, currency, currency_amount, conversion_rate, origin, status, events,
    dirty, conflict, open_reason, due_at, next_ask_at, asked, reference, created_at, updated_at,
    closed_at, closed_by
FROM transaction
WHERE namespace = %(namespace)s AND transaction_id < %(below)s AND transaction_id >= %(from)s
  AND (%(statuses)s::text[] IS NULL OR status = ANY (%(statuses)s::text[]))
  AND (%(option_names)s::uuid[] IS NULL OR option_name = ANY (%(option_names)s::uuid[]))
  AND (%(member_ids)s::uuid[] IS NULL OR member_id = ANY (%(member_ids)s::uuid[]))
  AND (%(title)s::text IS NULL OR option_title ILIKE %(title)s)
ORDER BY transaction_id DESC
LIMIT %(limit)s;

-- name: sealed_replies
-- Every reply of one slot that is kept sealed, for sealing it anew.
SELECT transaction_id, part, content
FROM transaction_personal
WHERE slot = %(slot)s AND part > 0;

-- name: reseal_replies
-- The same replies under another key; one that was erased meanwhile stays erased.
UPDATE transaction_personal p
SET content = n.content
FROM unnest(%(ids)s::uuid[], %(parts)s::smallint[], %(contents)s::bytea[]) AS n (id, part, content)
WHERE p.slot = %(slot)s AND p.transaction_id = n.id AND p.part = n.part;

-- name: replies_estimate
-- How many personal parts there are, roughly, over all slots: for a progress bar, not for a sum.
SELECT greatest(reltuples, 0)::bigint AS rows
FROM pg_class WHERE oid = 'transaction_personal'::regclass;
