-- name: find_members
-- Members of one slot with their profiles, without a lock; erased ones are not among them. OFFSET 0
-- keeps it one lookup by the whole key for each, however little the planner knows of the table.
SELECT m.member_id, m.slot, m.namespace, m.user_id, m.frozen, p.email, p.address,
       coalesce(p.attributes, '{}') AS attributes, m.created_at
FROM unnest(%(namespaces)s::text[], %(user_ids)s::text[]) AS w (namespace, user_id)
CROSS JOIN LATERAL (
    SELECT * FROM member
    WHERE slot = %(slot)s AND namespace = w.namespace AND user_id = w.user_id OFFSET 0) AS m
LEFT JOIN member_profile p ON p.slot = %(slot)s AND p.member_id = m.member_id
WHERE m.erased_at IS NULL;

-- name: lock_members
-- The same under a lock, in one order: who changes a profile excludes who erases it. The array is
-- made once, by lookups as above: joined instead, a slot's members are walked for each that is wanted.
SELECT m.member_id
FROM member m
WHERE m.slot = %(slot)s AND m.erased_at IS NULL
  AND m.member_id = ANY (ARRAY(
      SELECT found.member_id
      FROM unnest(%(namespaces)s::text[], %(user_ids)s::text[]) AS w (namespace, user_id)
      CROSS JOIN LATERAL (
          SELECT member_id FROM member
          WHERE slot = %(slot)s AND namespace = w.namespace AND user_id = w.user_id OFFSET 0
      ) AS found))
ORDER BY m.member_id
FOR NO KEY UPDATE;

-- name: add_members
-- New members, in the order given; one that another session made first is left out.
INSERT INTO member (slot, created_at, member_id, namespace, user_id)
SELECT %(slot)s, %(at)s, n.member_id, n.namespace, n.user_id
FROM unnest(%(member_ids)s::uuid[], %(namespaces)s::text[], %(user_ids)s::text[])
    AS n (member_id, namespace, user_id)
ORDER BY n.namespace, n.user_id
ON CONFLICT DO NOTHING
RETURNING member_id;

-- name: save_profiles
-- Profiles as they are now, of members under lock.
INSERT INTO member_profile (slot, updated_at, member_id, email, address, attributes)
SELECT %(slot)s, %(at)s, n.member_id, n.email, n.address, n.attributes::jsonb
FROM unnest(%(member_ids)s::uuid[], %(emails)s::text[], %(addresses)s::text[],
            %(attributes)s::text[]) AS n (member_id, email, address, attributes)
ON CONFLICT (slot, member_id) DO UPDATE
SET email = excluded.email, address = excluded.address, attributes = excluded.attributes,
    updated_at = excluded.updated_at;

-- name: save_frozen
-- Who may redeem, of members under lock.
UPDATE member m
SET frozen = n.frozen
FROM unnest(%(member_ids)s::uuid[], %(frozen)s::boolean[]) AS n (member_id, frozen)
WHERE m.slot = %(slot)s AND m.member_id = ANY (%(member_ids)s::uuid[])
  AND m.member_id = n.member_id AND m.frozen <> n.frozen;

-- name: remove_profile
-- What is personal about a member goes.
DELETE FROM member_profile WHERE slot = %(slot)s AND member_id = %(member_id)s;

-- name: rename_erased
-- The money rows stay; the person they were about is no longer named.
UPDATE member
SET user_id = 'erased-' || member_id, frozen = true, erased_at = %(at)s
WHERE slot = %(slot)s AND member_id = %(member_id)s AND erased_at IS NULL;

-- name: add_tombstone
-- Remembers by a keyed hash that this userId was erased.
INSERT INTO member_tombstone (slot, namespace, user_hash, erased_at)
VALUES (%(slot)s, %(namespace)s, %(user_hash)s, %(at)s)
ON CONFLICT (slot, namespace, user_hash) DO UPDATE SET erased_at = excluded.erased_at;

-- name: tombstone
-- Whether this userId was erased.
SELECT 1 AS erased
FROM member_tombstone
WHERE slot = %(slot)s AND namespace = %(namespace)s AND user_hash = %(user_hash)s;

-- name: user_ids
-- The userIds of some members; they come from a page of a list, so from several slots.
SELECT m.member_id, m.user_id
FROM member m
WHERE m.slot = ANY (%(slots)s::smallint[]) AND m.member_id = ANY (%(member_ids)s::uuid[]);
