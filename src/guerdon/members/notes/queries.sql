-- name: add
-- The next note of a member under lock.
INSERT INTO member_note (slot, member_id, n, author, at, text)
SELECT %(slot)s, %(id)s, coalesce(max(n), 0) + 1, %(author)s, %(at)s, %(text)s
FROM member_note WHERE slot = %(slot)s AND member_id = %(id)s
RETURNING n;

-- name: newest
-- The newest notes of a member below a number.
SELECT n, author, at, text
FROM member_note
WHERE slot = %(slot)s AND member_id = %(id)s AND n < %(below)s
ORDER BY n DESC
LIMIT %(limit)s;

-- name: remove
-- What was noted about a member goes.
DELETE FROM member_note WHERE slot = %(slot)s AND member_id = %(id)s;
