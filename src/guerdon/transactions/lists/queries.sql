-- name: bounded
-- From here on a question of this snapshot may take so long and no longer, and each is planned for
-- what it asks: one plan for all filters would walk the whole list for a rare one; not member data.
SELECT set_config('statement_timeout', %(milliseconds)s::text, true) AS bound,
       set_config('plan_cache_mode', 'force_custom_plan', true) AS planned;

-- name: newest
-- A page of a namespace's transactions, newest first. All slots: the indexes lead by namespace.
SELECT slot, transaction_id, namespace, member_id, option_name, option_version, option_title,
    provider_id, type, price, currency, currency_amount, conversion_rate, origin, status, events,
    dirty, conflict, open_reason, due_at, next_ask_at, asked, reference, created_at, updated_at,
    closed_at, closed_by
FROM transaction
WHERE namespace = %(namespace)s AND transaction_id > %(above)s AND transaction_id < %(below)s
  AND (%(statuses)s::text[] IS NULL OR status = ANY (%(statuses)s::text[]))
  AND (%(option_names)s::uuid[] IS NULL OR option_name = ANY (%(option_names)s::uuid[]))
  AND (%(member_ids)s::uuid[] IS NULL OR member_id = ANY (%(member_ids)s::uuid[]))
  AND (%(refused_member_ids)s::uuid[] IS NULL
       OR member_id <> ALL (%(refused_member_ids)s::uuid[]))
  AND (%(types)s::text[] IS NULL OR type = ANY (%(types)s::text[]))
  AND (%(ids)s::uuid[] IS NULL OR transaction_id = ANY (%(ids)s::uuid[]))
  AND (%(lowest)s::bigint IS NULL OR price >= %(lowest)s::bigint)
  AND (%(highest)s::bigint IS NULL OR price <= %(highest)s::bigint)
  AND (%(closers)s::text[] IS NULL OR closed_by = ANY (%(closers)s::text[])
       OR split_part(closed_by, ':', 1) = ANY (%(closers)s::text[]))
  AND (%(results)s::text[] IS NULL OR EXISTS (
      SELECT FROM (SELECT rule, http_status FROM attempt a
                   WHERE a.slot = transaction.slot
                     AND a.transaction_id = transaction.transaction_id
                   ORDER BY n DESC LIMIT 1) AS last
      WHERE rule = ANY (%(results)s::text[]) OR http_status::text = ANY (%(results)s::text[])
         OR http_status / 100 || 'xx' = ANY (%(results)s::text[])))
  AND (NOT %(contradicted)s OR conflict)
  AND (NOT %(unasked)s OR open_reason IS DISTINCT FROM 'asking')
ORDER BY transaction_id DESC
LIMIT %(limit)s;

-- name: oldest
-- The same, oldest first. All slots: the indexes lead by namespace.
SELECT slot, transaction_id, namespace, member_id, option_name, option_version, option_title,
    provider_id, type, price, currency, currency_amount, conversion_rate, origin, status, events,
    dirty, conflict, open_reason, due_at, next_ask_at, asked, reference, created_at, updated_at,
    closed_at, closed_by
FROM transaction
WHERE namespace = %(namespace)s AND transaction_id > %(above)s AND transaction_id < %(below)s
  AND (%(statuses)s::text[] IS NULL OR status = ANY (%(statuses)s::text[]))
  AND (%(option_names)s::uuid[] IS NULL OR option_name = ANY (%(option_names)s::uuid[]))
  AND (%(member_ids)s::uuid[] IS NULL OR member_id = ANY (%(member_ids)s::uuid[]))
  AND (%(refused_member_ids)s::uuid[] IS NULL
       OR member_id <> ALL (%(refused_member_ids)s::uuid[]))
  AND (%(types)s::text[] IS NULL OR type = ANY (%(types)s::text[]))
  AND (%(ids)s::uuid[] IS NULL OR transaction_id = ANY (%(ids)s::uuid[]))
  AND (%(lowest)s::bigint IS NULL OR price >= %(lowest)s::bigint)
  AND (%(highest)s::bigint IS NULL OR price <= %(highest)s::bigint)
  AND (%(closers)s::text[] IS NULL OR closed_by = ANY (%(closers)s::text[])
       OR split_part(closed_by, ':', 1) = ANY (%(closers)s::text[]))
  AND (%(results)s::text[] IS NULL OR EXISTS (
      SELECT FROM (SELECT rule, http_status FROM attempt a
                   WHERE a.slot = transaction.slot
                     AND a.transaction_id = transaction.transaction_id
                   ORDER BY n DESC LIMIT 1) AS last
      WHERE rule = ANY (%(results)s::text[]) OR http_status::text = ANY (%(results)s::text[])
         OR http_status / 100 || 'xx' = ANY (%(results)s::text[])))
  AND (NOT %(contradicted)s OR conflict)
  AND (NOT %(unasked)s OR open_reason IS DISTINCT FROM 'asking')
ORDER BY transaction_id
LIMIT %(limit)s;

-- name: reach_newest
-- How far down the next so many transactions of a namespace reach. All slots: an index.
SELECT transaction_id
FROM (SELECT transaction_id FROM transaction
      WHERE namespace = %(namespace)s AND transaction_id > %(above)s AND transaction_id < %(below)s
      ORDER BY transaction_id DESC
      LIMIT %(limit)s) AS looked
ORDER BY transaction_id
LIMIT 1;

-- name: reach_oldest
-- The same upwards. All slots: an index.
SELECT transaction_id
FROM (SELECT transaction_id FROM transaction
      WHERE namespace = %(namespace)s AND transaction_id > %(above)s AND transaction_id < %(below)s
      ORDER BY transaction_id
      LIMIT %(limit)s) AS looked
ORDER BY transaction_id DESC
LIMIT 1;

-- name: count
-- How many a list has, counted no further than the limit. All slots: the indexes lead by namespace.
SELECT count(*) AS found
FROM (SELECT 1 FROM transaction
      WHERE namespace = %(namespace)s AND transaction_id > %(above)s AND transaction_id < %(below)s
        AND (%(statuses)s::text[] IS NULL OR status = ANY (%(statuses)s::text[]))
        AND (%(option_names)s::uuid[] IS NULL OR option_name = ANY (%(option_names)s::uuid[]))
        AND (%(member_ids)s::uuid[] IS NULL OR member_id = ANY (%(member_ids)s::uuid[]))
        AND (%(refused_member_ids)s::uuid[] IS NULL
             OR member_id <> ALL (%(refused_member_ids)s::uuid[]))
        AND (%(types)s::text[] IS NULL OR type = ANY (%(types)s::text[]))
        AND (%(ids)s::uuid[] IS NULL OR transaction_id = ANY (%(ids)s::uuid[]))
        AND (%(lowest)s::bigint IS NULL OR price >= %(lowest)s::bigint)
        AND (%(highest)s::bigint IS NULL OR price <= %(highest)s::bigint)
        AND (%(closers)s::text[] IS NULL OR closed_by = ANY (%(closers)s::text[])
             OR split_part(closed_by, ':', 1) = ANY (%(closers)s::text[]))
        AND (%(results)s::text[] IS NULL OR EXISTS (
            SELECT FROM (SELECT rule, http_status FROM attempt a
                         WHERE a.slot = transaction.slot
                           AND a.transaction_id = transaction.transaction_id
                         ORDER BY n DESC LIMIT 1) AS last
            WHERE rule = ANY (%(results)s::text[]) OR http_status::text = ANY (%(results)s::text[])
               OR http_status / 100 || 'xx' = ANY (%(results)s::text[])))
        AND (NOT %(contradicted)s OR conflict)
        AND (NOT %(unasked)s OR open_reason IS DISTINCT FROM 'asking')
      LIMIT %(limit)s) AS counted;

-- name: size
-- The same, and how many events these have. All slots: the indexes lead by namespace.
SELECT count(*) AS found, coalesce(sum(events), 0)::bigint AS events
FROM (SELECT events FROM transaction
      WHERE namespace = %(namespace)s AND transaction_id > %(above)s AND transaction_id < %(below)s
        AND (%(statuses)s::text[] IS NULL OR status = ANY (%(statuses)s::text[]))
        AND (%(option_names)s::uuid[] IS NULL OR option_name = ANY (%(option_names)s::uuid[]))
        AND (%(member_ids)s::uuid[] IS NULL OR member_id = ANY (%(member_ids)s::uuid[]))
        AND (%(refused_member_ids)s::uuid[] IS NULL
             OR member_id <> ALL (%(refused_member_ids)s::uuid[]))
        AND (%(types)s::text[] IS NULL OR type = ANY (%(types)s::text[]))
        AND (%(ids)s::uuid[] IS NULL OR transaction_id = ANY (%(ids)s::uuid[]))
        AND (%(lowest)s::bigint IS NULL OR price >= %(lowest)s::bigint)
        AND (%(highest)s::bigint IS NULL OR price <= %(highest)s::bigint)
        AND (%(closers)s::text[] IS NULL OR closed_by = ANY (%(closers)s::text[])
             OR split_part(closed_by, ':', 1) = ANY (%(closers)s::text[]))
        AND (%(results)s::text[] IS NULL OR EXISTS (
            SELECT FROM (SELECT rule, http_status FROM attempt a
                         WHERE a.slot = transaction.slot
                           AND a.transaction_id = transaction.transaction_id
                         ORDER BY n DESC LIMIT 1) AS last
            WHERE rule = ANY (%(results)s::text[]) OR http_status::text = ANY (%(results)s::text[])
               OR http_status / 100 || 'xx' = ANY (%(results)s::text[])))
        AND (NOT %(contradicted)s OR conflict)
        AND (NOT %(unasked)s OR open_reason IS DISTINCT FROM 'asking')
      LIMIT %(limit)s) AS counted;

-- name: count_to_decide
-- What waits for a person, counted no further than the limit. All slots: a partial index.
SELECT count(*) AS found
FROM (SELECT 1 FROM transaction
      WHERE namespace = %(namespace)s AND status IN ('postponed', 'recoverable-failure')
        AND open_reason IS DISTINCT FROM 'asking'
      LIMIT %(limit)s) AS counted;

-- name: count_status
-- How many have a status in a span of IDs, counted no further than the limit. All slots: an index.
SELECT count(*) AS found
FROM (SELECT 1 FROM transaction
      WHERE namespace = %(namespace)s AND status = %(status)s
        AND transaction_id >= %(from)s AND transaction_id < %(below)s
      LIMIT %(limit)s) AS counted;

-- name: histogram
-- The newest transactions of a span of time by bar and status; how many are looked at is bounded,
-- whether or not the filters let them in. All slots: the index leads by namespace and ID.
SELECT floor((date_part('epoch', created_at) - date_part('epoch', %(start)s::timestamptz))
             / %(seconds)s::double precision)::integer AS bar,
       status, count(*) AS looked_at, min(created_at) AS first,
       count(*) FILTER (WHERE
           (%(statuses)s::text[] IS NULL OR status = ANY (%(statuses)s::text[]))
           AND (%(option_names)s::uuid[] IS NULL OR option_name = ANY (%(option_names)s::uuid[]))
           AND (%(member_ids)s::uuid[] IS NULL OR member_id = ANY (%(member_ids)s::uuid[]))
           AND (%(refused_member_ids)s::uuid[] IS NULL
                OR member_id <> ALL (%(refused_member_ids)s::uuid[]))
           AND (%(types)s::text[] IS NULL OR type = ANY (%(types)s::text[]))
           AND (%(ids)s::uuid[] IS NULL OR transaction_id = ANY (%(ids)s::uuid[]))
           AND (%(lowest)s::bigint IS NULL OR price >= %(lowest)s::bigint)
           AND (%(highest)s::bigint IS NULL OR price <= %(highest)s::bigint)
           AND (%(closers)s::text[] IS NULL OR closed_by = ANY (%(closers)s::text[])
                OR split_part(closed_by, ':', 1) = ANY (%(closers)s::text[]))
           AND (%(results)s::text[] IS NULL OR EXISTS (
               SELECT FROM (SELECT rule, http_status FROM attempt a
                            WHERE a.slot = newest.slot
                              AND a.transaction_id = newest.transaction_id
                            ORDER BY n DESC LIMIT 1) AS last
               WHERE rule = ANY (%(results)s::text[])
                  OR http_status::text = ANY (%(results)s::text[])
                  OR http_status / 100 || 'xx' = ANY (%(results)s::text[])))) AS found
FROM (SELECT slot, transaction_id, created_at, status, option_name, member_id, type, price, closed_by
      FROM transaction
      WHERE namespace = %(namespace)s
        AND transaction_id > %(above)s AND transaction_id < %(below)s
      ORDER BY transaction_id DESC
      LIMIT %(limit)s) AS newest
GROUP BY 1, 2
ORDER BY 1, 2;

-- name: waiting
-- What waits for a person, by status: how many, since when, how many tokens. All slots: a partial
-- index; no more rows are looked at than the limit.
SELECT status, count(*) AS found, min(created_at) AS oldest, coalesce(sum(price), 0)::bigint AS held
FROM (SELECT status, created_at, price FROM transaction
      WHERE namespace = %(namespace)s AND status IN ('postponed', 'recoverable-failure')
        AND open_reason IS DISTINCT FROM 'asking'
      ORDER BY transaction_id
      LIMIT %(limit)s) AS open
GROUP BY status;

-- name: changed_since
-- Which transactions have new events, and how many they have now. All slots: a block range index
-- on time finds the newest blocks.
SELECT slot, transaction_id, max(seq) AS events
FROM event
WHERE at > now() - make_interval(secs => %(seconds)s)
GROUP BY slot, transaction_id
LIMIT %(limit)s;

-- name: by_ids
-- Some transactions as they stand; they come from a page or a feed, so from several slots.
SELECT t.slot, t.transaction_id, t.namespace, t.member_id, t.option_name, t.option_version,
    t.option_title, t.provider_id, t.type, t.price, t.currency, t.currency_amount,
    t.conversion_rate, t.origin, t.status, t.events, t.dirty, t.conflict, t.open_reason, t.due_at,
    t.next_ask_at, t.asked, t.reference, t.created_at, t.updated_at, t.closed_at, t.closed_by
FROM unnest(%(slots)s::smallint[], %(ids)s::uuid[]) AS w (slot, transaction_id)
JOIN transaction t ON t.slot = w.slot AND t.transaction_id = w.transaction_id;

-- name: last_attempts
-- The newest finished attempt of some transactions; they come from a page, so from several slots.
SELECT w.transaction_id, a.http_status, a.duration_ms, a.rule
FROM unnest(%(slots)s::smallint[], %(ids)s::uuid[]) AS w (slot, transaction_id)
CROSS JOIN LATERAL (
    SELECT http_status, duration_ms, rule FROM attempt
    WHERE slot = w.slot AND transaction_id = w.transaction_id
    ORDER BY n DESC
    LIMIT 1) AS a;

-- name: health
-- How each provider answered the newest attempts of a span of IDs. All slots, bounded by the limit.
SELECT t.provider_id, count(*) AS found,
       count(*) FILTER (WHERE a.evidence IN ('S', 'P')) AS good,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY a.duration_ms) AS p95,
       max(a.started_at) FILTER (WHERE a.evidence NOT IN ('S', 'P')) AS last_bad
FROM (SELECT slot, transaction_id, provider_id FROM transaction
      WHERE namespace = %(namespace)s AND transaction_id >= %(from)s
      ORDER BY transaction_id DESC
      LIMIT %(limit)s) AS t
JOIN attempt a ON a.slot = t.slot AND a.transaction_id = t.transaction_id
GROUP BY t.provider_id;

-- name: troubles
-- Attempts at one provider that were not answered well, among the newest transactions of a span of
-- IDs, the newest first. All slots, bounded by the limit.
SELECT t.transaction_id, t.option_title, a.started_at, a.http_status, a.rule, a.sentence
FROM (SELECT slot, transaction_id, provider_id, option_title FROM transaction
      WHERE namespace = %(namespace)s AND transaction_id >= %(from)s
      ORDER BY transaction_id DESC
      LIMIT %(limit)s) AS t
JOIN attempt a ON a.slot = t.slot AND a.transaction_id = t.transaction_id
WHERE t.provider_id = %(provider_id)s AND a.evidence NOT IN ('S', 'P')
ORDER BY a.started_at DESC
LIMIT %(shown)s;

-- name: option_speeds
-- How long attempts for each option took, of the newest of a span of IDs. All slots, bounded.
SELECT t.option_name, percentile_cont(0.95) WITHIN GROUP (ORDER BY a.duration_ms) AS p95
FROM (SELECT slot, transaction_id, option_name FROM transaction
      WHERE namespace = %(namespace)s AND transaction_id >= %(from)s
      ORDER BY transaction_id DESC
      LIMIT %(limit)s) AS t
JOIN attempt a ON a.slot = t.slot AND a.transaction_id = t.transaction_id
WHERE a.duration_ms IS NOT NULL
GROUP BY t.option_name;

-- name: option_health
-- How the newest attempts for each option were answered, of a span of IDs: how many well, how fast, by
-- which rules not, and the last of those. All slots, bounded by the limit.
SELECT t.option_name, max(t.option_title) AS title, count(*) AS found,
       count(*) FILTER (WHERE well) AS good,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms) AS p95,
       array_agg(DISTINCT rule) FILTER (WHERE NOT well) AS rules,
       (array_agg(t.transaction_id ORDER BY started_at DESC) FILTER (WHERE NOT well))[1] AS last_bad,
       (array_agg(sentence ORDER BY started_at DESC) FILTER (WHERE NOT well))[1] AS last_sentence,
       max(started_at) FILTER (WHERE NOT well) AS last_at
FROM (SELECT slot, transaction_id, option_name, option_title FROM transaction
      WHERE namespace = %(namespace)s AND transaction_id >= %(from)s
      ORDER BY transaction_id DESC
      LIMIT %(limit)s) AS t
JOIN LATERAL (
    SELECT duration_ms, rule, sentence, started_at, evidence IN ('S', 'P') AS well FROM attempt
    WHERE slot = t.slot AND transaction_id = t.transaction_id) AS a ON true
GROUP BY t.option_name
ORDER BY count(*) FILTER (WHERE NOT well)::float8 / count(*) DESC, found DESC
LIMIT %(shown)s;

-- name: option_days
-- How each option fared, by age in days, among the newest transactions of a span of IDs. All slots,
-- bounded.
SELECT option_name,
       greatest(0, floor(extract(epoch FROM %(now)s::timestamptz - created_at) / 86400))::integer
           AS age,
       count(*) AS found,
       count(*) FILTER (WHERE status = 'success') AS good,
       count(*) FILTER (WHERE status IN ('success', 'failure')) AS closed,
       count(*) FILTER (WHERE closed_at IS NULL) AS open
FROM (SELECT option_name, status, closed_at, created_at FROM transaction
      WHERE namespace = %(namespace)s AND transaction_id >= %(from)s
      ORDER BY transaction_id DESC
      LIMIT %(limit)s) AS newest
GROUP BY option_name, age;

-- name: sent_about
-- What was sent about the members of some transactions, as far as it is kept; they come from a page
-- of a list, so from several slots.
SELECT p.transaction_id, p.email, p.address
FROM unnest(%(slots)s::smallint[], %(ids)s::uuid[]) AS w (slot, transaction_id)
JOIN transaction_personal p ON p.slot = w.slot AND p.transaction_id = w.transaction_id
WHERE p.part = 0;
