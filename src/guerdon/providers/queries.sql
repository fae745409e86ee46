-- name: standing
-- What accepting and sending must know of the providers of some namespaces; not member data.
SELECT p.provider_id, p.namespace, p.test, p.paused, h.paused_because, h.breaker, p.timeout_seconds,
    p.max_in_flight, p.rate_per_second, p.status_url IS NOT NULL AS has_status_url, p.idempotent,
    ceil(extract(epoch FROM h.probe_at - clock_timestamp()))::integer AS probe_in,
    coalesce(h.slow_until > clock_timestamp(), false) AS slow
FROM provider p JOIN provider_health h USING (provider_id)
WHERE p.namespace = ANY (%(namespaces)s::text[]);

-- name: load
-- One provider with its health, for delivery and for the API.
SELECT p.provider_id, p.namespace, p.test, p.name, p.webhook_url, p.authorization_sealed, p.dialect,
    p.confirmation, p.idempotent, p.bare4xx, p.status_url, p.timeout_seconds, p.max_in_flight,
    p.rate_per_second, p.reuse_connections, p.paused, p.version, p.created_at, p.updated_at,
    h.paused_because, h.breaker, h.probe_at, h.not_found_streak
FROM provider p JOIN provider_health h USING (provider_id)
WHERE p.provider_id = %(provider_id)s;

-- name: list
-- The providers of a namespace after a name; not member data.
SELECT p.provider_id, p.namespace, p.test, p.name, p.webhook_url, p.authorization_sealed, p.dialect,
    p.confirmation, p.idempotent, p.bare4xx, p.status_url, p.timeout_seconds, p.max_in_flight,
    p.rate_per_second, p.reuse_connections, p.paused, p.version, p.created_at, p.updated_at,
    h.paused_because, h.breaker, h.probe_at, h.not_found_streak
FROM provider p JOIN provider_health h USING (provider_id)
WHERE p.namespace = %(namespace)s AND p.name > %(after)s
ORDER BY p.name
LIMIT %(limit)s;

-- name: note_refused_callback
-- One more callback that could not prove to be theirs, in the row of this hour.
INSERT INTO callback_refused (provider_id, hour)
SELECT provider_id, date_trunc('hour', now()) FROM unnest(%(provider_ids)s::uuid[]) AS p (provider_id)
ORDER BY provider_id
ON CONFLICT (provider_id, hour) DO UPDATE SET refused = callback_refused.refused + 1;

-- name: refused_callbacks
-- How many there were of some providers in the last 24 hours; not member data.
SELECT provider_id, sum(refused)::bigint AS refused
FROM callback_refused
WHERE provider_id = ANY (%(provider_ids)s::uuid[]) AND hour > now() - interval '24 hours'
GROUP BY provider_id;

-- name: prune_refused_callbacks
-- They are counted for 30 days; not member data.
DELETE FROM callback_refused WHERE hour < now() - interval '30 days';

-- name: named
-- Providers of this name in every namespace, for commands; not member data.
SELECT provider_id FROM provider WHERE name = %(name)s;

-- name: names
-- What the providers of a namespace are called; not member data.
SELECT provider_id, name FROM provider WHERE namespace = %(namespace)s ORDER BY name;

-- name: secrets
-- The secrets of a provider that are valid now, the current one of each kind first.
SELECT secret_id, kind, sealed
FROM provider_secret
WHERE provider_id = %(provider_id)s AND (valid_until IS NULL OR valid_until > clock_timestamp())
ORDER BY valid_until DESC NULLS FIRST;

-- name: add
-- A new provider.
INSERT INTO provider (provider_id, namespace, test, name, webhook_url, authorization_sealed, dialect,
    confirmation, idempotent, bare4xx, status_url, timeout_seconds, max_in_flight, rate_per_second,
    reuse_connections, paused)
VALUES (%(provider_id)s, %(namespace)s, %(test)s, %(name)s, %(webhook_url)s, %(authorization_sealed)s,
    %(dialect)s, %(confirmation)s, %(idempotent)s, %(bare4xx)s, %(status_url)s, %(timeout_seconds)s,
    %(max_in_flight)s, %(rate_per_second)s, %(reuse_connections)s, %(paused)s);

-- name: add_health
-- Its health, with nothing noticed yet.
INSERT INTO provider_health (provider_id) VALUES (%(provider_id)s);

-- name: change
-- New settings; the version guards against overwriting somebody else's.
UPDATE provider
SET name = %(name)s, webhook_url = %(webhook_url)s, authorization_sealed = %(authorization_sealed)s,
    dialect = %(dialect)s, confirmation = %(confirmation)s, idempotent = %(idempotent)s,
    bare4xx = %(bare4xx)s, status_url = %(status_url)s, timeout_seconds = %(timeout_seconds)s,
    max_in_flight = %(max_in_flight)s, rate_per_second = %(rate_per_second)s,
    reuse_connections = %(reuse_connections)s, paused = %(paused)s, version = version + 1,
    updated_at = now()
WHERE provider_id = %(provider_id)s AND version = %(version)s;

-- name: add_secret
-- A new current secret.
INSERT INTO provider_secret (secret_id, provider_id, kind, sealed)
VALUES (%(secret_id)s, %(provider_id)s, %(kind)s, %(sealed)s);

-- name: retire_secret
-- The current secret of a kind becomes the previous one, for as long as the overlap.
UPDATE provider_secret
SET valid_until = now() + make_interval(secs => %(overlap)s)
WHERE provider_id = %(provider_id)s AND kind = %(kind)s AND valid_until IS NULL
RETURNING valid_until;

-- name: pause
-- A machine noticed that sending on would do harm.
UPDATE provider_health
SET paused_because = %(because)s, paused_at = now()
WHERE provider_id = %(provider_id)s AND paused_because IS NULL;

-- name: unpause
-- People say: go on. What machines noticed is cleared with it.
UPDATE provider_health
SET paused_because = NULL, paused_at = NULL, not_found_streak = 0, breaker = 'closed',
    opened_at = NULL, probe_at = NULL, probe_delay_seconds = 5, slow_until = NULL
WHERE provider_id = %(provider_id)s;

-- name: not_found
-- One more 404 in a row.
UPDATE provider_health
SET not_found_streak = not_found_streak + 1
WHERE provider_id = %(provider_id)s
RETURNING not_found_streak;

-- name: found
-- Something other than a 404 came between.
UPDATE provider_health SET not_found_streak = 0
WHERE provider_id = %(provider_id)s AND not_found_streak > 0;

-- name: open_breaker
-- The provider is down: nothing starts until the probe.
UPDATE provider_health
SET breaker = 'open', opened_at = clock_timestamp(), probe_delay_seconds = 5,
    probe_at = clock_timestamp() + interval '5 seconds'
WHERE provider_id = %(provider_id)s AND breaker = 'closed';

-- name: take_probe
-- One process takes the probe that is due; the next is due later, doubling to a minute.
UPDATE provider_health
SET probe_delay_seconds = least(probe_delay_seconds * 2, 60),
    probe_at = clock_timestamp() + make_interval(secs => least(probe_delay_seconds * 2, 60))
WHERE provider_id = %(provider_id)s AND breaker = 'open' AND probe_at <= clock_timestamp();

-- name: close_breaker
-- The probe came back: the provider is up.
UPDATE provider_health
SET breaker = 'closed', opened_at = NULL, probe_at = NULL, probe_delay_seconds = 5
WHERE provider_id = %(provider_id)s AND breaker = 'open';

-- name: advance
-- For providers of a test programme: a breaker's probe, the end of a slowdown and of old secrets
-- come nearer.
WITH secrets AS (
    UPDATE provider_secret s SET valid_until = s.valid_until - make_interval(secs => %(seconds)s)
    FROM provider p
    WHERE p.provider_id = s.provider_id AND p.namespace = %(namespace)s AND p.test
      AND s.valid_until IS NOT NULL)
UPDATE provider_health h
SET probe_at = h.probe_at - make_interval(secs => %(seconds)s),
    slow_until = h.slow_until - make_interval(secs => %(seconds)s)
FROM provider p
WHERE p.provider_id = h.provider_id AND p.namespace = %(namespace)s AND p.test
  AND (h.probe_at IS NOT NULL OR h.slow_until IS NOT NULL);

-- name: slow_down
-- The provider asked to slow down; what it asked for before stands if it is longer.
UPDATE provider_health
SET slow_until = greatest(slow_until, clock_timestamp() + make_interval(secs => %(seconds)s))
WHERE provider_id = %(provider_id)s;

-- name: sending_standing
-- For each provider: whether attempts may start now.
SELECT p.provider_id, p.namespace, p.paused OR h.paused_because IS NOT NULL AS paused, h.breaker,
    coalesce(h.probe_at <= clock_timestamp(), false) AS probe_due,
    coalesce(h.slow_until > clock_timestamp(), false) AS slow,
    p.timeout_seconds, p.max_in_flight, p.rate_per_second, p.idempotent
FROM provider p JOIN provider_health h USING (provider_id)
WHERE p.provider_id = ANY (%(provider_ids)s::uuid[]);

-- name: of_tests
-- The providers of test programmes, which no figures count; not member data.
SELECT provider_id FROM provider WHERE test;

-- name: breakers
-- The state of every breaker, for the metrics.
SELECT p.provider_id, p.name, p.namespace, p.test, h.breaker, h.paused_because
FROM provider p JOIN provider_health h USING (provider_id);

-- name: sealed
-- All that is sealed about providers, for sealing it anew; not member data.
SELECT provider_id, NULL::uuid AS secret_id, authorization_sealed AS sealed
FROM provider WHERE authorization_sealed IS NOT NULL
UNION ALL
SELECT provider_id, secret_id, sealed FROM provider_secret;

-- name: reseal_authorization
-- The same value under another key, unless somebody changed it meanwhile.
UPDATE provider SET authorization_sealed = %(fresh)s
WHERE provider_id = %(provider_id)s AND authorization_sealed = %(sealed)s;

-- name: reseal_secret
-- The same secret under another key.
UPDATE provider_secret SET sealed = %(fresh)s WHERE secret_id = %(secret_id)s;
