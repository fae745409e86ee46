-- name: find
-- Members of one slot by namespace and userId, with their profiles.
SELECT m.slot, m.member_id, m.namespace, m.user_id, m.frozen, m.created_at, p.email, p.address,
    coalesce(p.attributes, '{}') AS attributes
FROM unnest(%(namespaces)s::text[], %(user_ids)s::text[]) AS w (namespace, user_id)
JOIN member m ON m.slot = %(slot)s AND m.namespace = w.namespace AND m.user_id = w.user_id
LEFT JOIN member_profile p ON p.slot = %(slot)s AND p.member_id = m.member_id
WHERE m.erased_at IS NULL;

-- name: add
-- New members; of two that come at once the first stands.
INSERT INTO member (slot, member_id, namespace, user_id, frozen, created_at)
SELECT %(slot)s, n.member_id, n.namespace, n.user_id, n.frozen, %(at)s
FROM unnest(%(member_ids)s::uuid[], %(namespaces)s::text[], %(user_ids)s::text[],
    %(frozen)s::boolean[]) AS n (member_id, namespace, user_id, frozen)
ON CONFLICT (slot, namespace, user_id) DO NOTHING
RETURNING member_id;

-- name: save_profiles
-- Profiles as they are now.
INSERT INTO member_profile (slot, member_id, email, address, attributes, updated_at)
SELECT %(slot)s, n.member_id, n.email, n.address, n.attributes::jsonb, %(at)s
FROM unnest(%(member_ids)s::uuid[], %(emails)s::text[], %(addresses)s::text[],
    %(attributes)s::text[]) AS n (member_id, email, address, attributes)
ON CONFLICT (slot, member_id) DO UPDATE
SET email = excluded.email, address = excluded.address, attributes = excluded.attributes,
    updated_at = excluded.updated_at;

-- name: freeze
-- Whether members may redeem.
UPDATE member m SET frozen = n.frozen
FROM unnest(%(member_ids)s::uuid[], %(frozen)s::boolean[]) AS n (member_id, frozen)
WHERE m.slot = %(slot)s AND m.member_id = n.member_id;

-- name: erase_profile
-- The personal data of a member goes.
DELETE FROM member_profile WHERE slot = %(slot)s AND member_id = %(member_id)s;

-- name: erase
-- The member stays as a number that money rows refer to.
UPDATE member
SET user_id = 'erased-' || member_id::text, erased_at = %(at)s, frozen = true
WHERE slot = %(slot)s AND member_id = %(member_id)s;

-- name: add_tombstone
-- So that an old member token does not bring the member back.
INSERT INTO member_tombstone (slot, namespace, user_hash, erased_at)
VALUES (%(slot)s, %(namespace)s, %(user_hash)s, %(at)s)
ON CONFLICT DO NOTHING;

-- name: tombstone
-- Whether a userId was erased.
SELECT 1 AS there FROM member_tombstone
WHERE slot = %(slot)s AND namespace = %(namespace)s AND user_hash = %(user_hash)s;

-- name: user_ids
-- The userIds behind the rows of a list; each row brings its own slot.
SELECT m.member_id, m.user_id
FROM unnest(%(slots)s::smallint[], %(member_ids)s::uuid[]) AS w (slot, member_id)
JOIN member m ON m.slot = w.slot AND m.member_id = w.member_id;
