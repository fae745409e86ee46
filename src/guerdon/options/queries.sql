-- name: current
-- Which version of each option stands; its definition is fetched once and kept.
SELECT o.namespace, o.option_name, o.version, o.archived_at IS NOT NULL AS archived, o.created_at,
       o.type
FROM unnest(%(namespaces)s::text[], %(names)s::uuid[]) AS w (namespace, option_name)
JOIN option o ON o.namespace = w.namespace AND o.option_name = w.option_name;

-- name: definitions
-- What some versions are made of.
SELECT v.namespace, v.option_name, v.version, v.definition
FROM unnest(%(namespaces)s::text[], %(names)s::uuid[], %(versions)s::integer[])
    AS w (namespace, option_name, version)
JOIN option_version v ON v.namespace = w.namespace AND v.option_name = w.option_name
    AND v.version = w.version;

-- name: lock_option
-- One option under lock: who edits it, or moves units between its shares, excludes the others.
SELECT namespace, option_name, version, archived_at IS NOT NULL AS archived, created_at, type
FROM option
WHERE namespace = %(namespace)s AND option_name = %(name)s
FOR NO KEY UPDATE;

-- name: lock_shares
-- What is left of total limits in one slot, locked in one order.
SELECT namespace, option_name, spare
FROM option_share
WHERE slot = %(slot)s AND namespace = ANY (%(namespaces)s::text[])
  AND option_name = ANY (%(names)s::uuid[])
ORDER BY namespace, option_name
FOR UPDATE;

-- name: take
-- Counts uses in one slot, the shares locked in one order. What is taken leaves the spare units;
-- what comes back is not added to them but found by the next refill, which knows the total: it may
-- have been lowered in the meantime.
WITH moved AS MATERIALIZED (
    SELECT s.slot, s.namespace, s.option_name, n.delta
    FROM unnest(%(namespaces)s::text[], %(names)s::uuid[], %(deltas)s::bigint[])
        AS n (namespace, option_name, delta)
    JOIN option_share s ON s.slot = %(slot)s AND s.namespace = ANY (%(namespaces)s::text[])
        AND s.option_name = ANY (%(names)s::uuid[])
        AND s.namespace = n.namespace AND s.option_name = n.option_name
    ORDER BY s.namespace, s.option_name
    FOR UPDATE OF s)
UPDATE option_share s
SET used = s.used + moved.delta, spare = s.spare - greatest(moved.delta, 0)
FROM moved
WHERE s.slot = %(slot)s AND s.namespace = ANY (%(namespaces)s::text[])
  AND s.option_name = ANY (%(names)s::uuid[])
  AND s.namespace = moved.namespace AND s.option_name = moved.option_name;

-- name: all_shares
-- Every share of one option, locked in slot order. All slots: units move between them.
SELECT slot, used, spare
FROM option_share
WHERE namespace = %(namespace)s AND option_name = %(name)s
ORDER BY slot
FOR UPDATE;

-- name: save_spares
-- What is left in each slot, of shares under lock. All slots: units move between them.
UPDATE option_share s
SET spare = n.spare
FROM unnest(%(slots)s::smallint[], %(spares)s::bigint[]) AS n (slot, spare)
WHERE s.slot = n.slot AND s.namespace = %(namespace)s AND s.option_name = %(name)s;

-- name: add_option
-- A new option; one that is there already is left alone.
INSERT INTO option (namespace, option_name, type, provider_id, version, sort_order, created_at,
                    updated_at)
VALUES (%(namespace)s, %(name)s, %(type)s, %(provider_id)s, 1, %(sort_order)s, %(at)s, %(at)s)
ON CONFLICT DO NOTHING;

-- name: add_shares
-- One share a slot. All slots: any of them may redeem.
INSERT INTO option_share (namespace, option_name, slot, spare)
SELECT %(namespace)s, %(name)s, * FROM unnest(%(slots)s::smallint[], %(spares)s::bigint[]);

-- name: add_version
-- Appends a version.
INSERT INTO option_version (namespace, option_name, version, definition, author, created_at)
VALUES (%(namespace)s, %(name)s, %(version)s, %(definition)s::jsonb, %(author)s, %(at)s);

-- name: save_option
-- The option under lock now stands at its newest version.
UPDATE option
SET version = %(version)s, provider_id = %(provider_id)s, sort_order = %(sort_order)s,
    archived_at = CASE WHEN %(archived)s THEN coalesce(archived_at, %(at)s) END,
    updated_at = %(at)s
WHERE namespace = %(namespace)s AND option_name = %(name)s;

-- name: page
-- A page of a namespace's options, in the order they are shown.
SELECT namespace, option_name, version, archived_at IS NOT NULL AS archived, created_at, type,
       sort_order
FROM option
WHERE namespace = %(namespace)s
  AND (%(archived)s::boolean IS NULL OR (archived_at IS NOT NULL) = %(archived)s::boolean)
  AND (%(after_order)s::integer IS NULL
       OR (sort_order, option_name) > (%(after_order)s::integer, %(after_name)s::uuid))
ORDER BY sort_order, option_name
LIMIT %(limit)s;

-- name: usage
-- How often options were used. All slots: a sum over shares, for people to read.
SELECT option_name, sum(used)::bigint AS used
FROM option_share
WHERE namespace = %(namespace)s AND option_name = ANY (%(names)s::uuid[])
GROUP BY option_name;

-- name: versions
-- The versions of one option, newest first.
SELECT version, definition, author, created_at
FROM option_version
WHERE namespace = %(namespace)s AND option_name = %(name)s
  AND (%(below)s::integer IS NULL OR version < %(below)s::integer)
ORDER BY version DESC
LIMIT %(limit)s;

-- name: last_changes
-- Who made the versions that stand, and when.
SELECT o.option_name, v.author, v.created_at
FROM option o
JOIN option_version v ON v.namespace = o.namespace AND v.option_name = o.option_name
    AND v.version = o.version
WHERE o.namespace = %(namespace)s AND o.option_name = ANY (%(names)s::uuid[]);

-- name: of_name
-- Who bears this name, in any namespace: a provider of the original product knows only the name.
SELECT namespace, provider_id FROM option WHERE option_name = %(name)s ORDER BY namespace;
