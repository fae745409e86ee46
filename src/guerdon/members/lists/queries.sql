-- name: by_prefix
-- Members whose userId begins so, a few from each slot in the order of the index; for a search.
SELECT m.member_id, m.slot, m.user_id
FROM unnest(%(slots)s::smallint[]) AS s (slot)
CROSS JOIN LATERAL (
    SELECT member_id, slot, user_id FROM member
    WHERE slot = s.slot AND namespace = %(namespace)s AND user_id >= %(prefix)s
      AND user_id < %(end)s AND erased_at IS NULL
    ORDER BY user_id
    LIMIT %(limit)s) AS m
ORDER BY m.user_id
LIMIT %(limit)s;

-- name: after
-- A page of a namespace's members by userId, merged from every slot.
SELECT m.member_id, m.slot, m.user_id, m.frozen, m.created_at
FROM unnest(%(slots)s::smallint[]) AS s (slot)
CROSS JOIN LATERAL (
    SELECT member_id, slot, user_id, frozen, created_at FROM member
    WHERE slot = s.slot AND namespace = %(namespace)s AND user_id > %(after)s
      AND user_id >= %(prefix)s AND user_id < %(end)s AND erased_at IS NULL
    ORDER BY user_id
    LIMIT %(limit)s) AS m
ORDER BY m.user_id
LIMIT %(limit)s;

-- name: by_email
-- Members whose profile has this email. All slots: an index on emails.
SELECT m.member_id, m.slot, m.user_id, m.frozen, m.created_at
FROM member_profile p
JOIN member m ON m.slot = p.slot AND m.member_id = p.member_id
WHERE lower(p.email) = lower(%(email)s) AND m.namespace = %(namespace)s AND m.erased_at IS NULL
ORDER BY m.user_id
LIMIT %(limit)s;
