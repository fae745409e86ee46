-- name: unsettled
-- What was asked for and is not settled, at most one a transaction; of one slot.
SELECT n, reason, asked_by, asked_at, transaction_id, choice, standing_at
FROM decision_request
WHERE slot = %(slot)s AND transaction_id = ANY (%(ids)s::uuid[]) AND settled_at IS NULL;

-- name: waiting
-- Which of some transactions wait for a second person; they come from a page, so several slots.
SELECT r.n, r.reason, r.asked_by, r.asked_at, r.transaction_id, r.choice, r.standing_at
FROM unnest(%(slots)s::smallint[], %(ids)s::uuid[]) AS w (slot, transaction_id)
JOIN decision_request r ON r.slot = w.slot AND r.transaction_id = w.transaction_id
WHERE r.settled_at IS NULL;

-- name: of_member
-- The adjustment of a member's tokens that was asked for and is not settled; at most one.
SELECT n, reason, asked_by, asked_at, member_id, change
FROM decision_request
WHERE slot = %(slot)s AND member_id = %(id)s AND settled_at IS NULL;

-- name: adjustments
-- The adjustments that wait in a programme, the oldest first. All slots: an index of what waits.
SELECT n, reason, asked_by, asked_at, member_id, change, slot
FROM decision_request
WHERE namespace = %(namespace)s AND member_id IS NOT NULL AND settled_at IS NULL
ORDER BY asked_at
LIMIT %(limit)s;

-- name: add
-- One more; the partial key refuses a second that is not settled.
INSERT INTO decision_request (slot, transaction_id, n, namespace, choice, reason, asked_by,
    asked_at, standing_at)
SELECT %(slot)s, %(id)s, coalesce(max(n), 0) + 1, %(namespace)s, %(choice)s, %(reason)s,
    %(asked_by)s, %(at)s, %(standing_at)s
FROM decision_request
WHERE slot = %(slot)s AND transaction_id = %(id)s;

-- name: add_adjustment
-- One more about a member's tokens; the partial key refuses a second that is not settled.
INSERT INTO decision_request (slot, member_id, n, namespace, choice, change, reason, asked_by,
    asked_at)
SELECT %(slot)s, %(id)s, coalesce(max(n), 0) + 1, %(namespace)s, 'adjust', %(change)s, %(reason)s,
    %(asked_by)s, %(at)s
FROM decision_request
WHERE slot = %(slot)s AND member_id = %(id)s;

-- name: settle
-- How it ended, and by whom.
UPDATE decision_request
SET settled_at = %(at)s, settled_by = %(by)s, outcome = %(outcome)s
WHERE slot = %(slot)s AND (transaction_id = %(id)s OR member_id = %(id)s) AND n = %(n)s
    AND settled_at IS NULL;
