-- name: keep
-- The newest report of a provider takes the place of the one before.
INSERT INTO provider_conformance (provider_id, ran_at, actor, url, dialect, realistic, passed,
    scenarios)
VALUES (%(provider_id)s, %(ran_at)s, %(actor)s, %(url)s, %(dialect)s, %(realistic)s, %(passed)s,
    %(scenarios)s::jsonb)
ON CONFLICT (provider_id) DO UPDATE
SET ran_at = excluded.ran_at, stored_at = now(), actor = excluded.actor, url = excluded.url,
    dialect = excluded.dialect, realistic = excluded.realistic, passed = excluded.passed,
    scenarios = excluded.scenarios, overtaken_at = NULL, overtaken_because = NULL;

-- name: last
-- The last report of a provider; not member data.
SELECT provider_id, ran_at, stored_at, actor, url, dialect, realistic, passed,
    scenarios::text AS scenarios, overtaken_at, overtaken_because
FROM provider_conformance WHERE provider_id = %(provider_id)s;

-- name: overtake
-- Something that the report was about is no longer so; the first reason stands.
UPDATE provider_conformance SET overtaken_at = now(), overtaken_because = %(because)s
WHERE provider_id = %(provider_id)s AND overtaken_at IS NULL;

-- name: changed_at
-- When a provider, or one of its current secrets, last changed.
SELECT greatest(p.updated_at, max(s.created_at)) AS at, now() AS now
FROM provider p JOIN provider_secret s USING (provider_id)
WHERE p.provider_id = %(provider_id)s AND s.valid_until IS NULL
GROUP BY p.provider_id;
