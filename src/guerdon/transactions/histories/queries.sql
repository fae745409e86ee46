-- name: of_member
-- One member's transactions, newest first.
SELECT slot, transaction_id, namespace, member_id, option_name, option_version, option_title,
    provider_id, type, price, currency, currency_amount, conversion_rate, origin, status, events,
    dirty, conflict, open_reason, due_at, next_ask_at, asked, reference, created_at, updated_at,
    closed_at, closed_by
FROM transaction
WHERE slot = %(slot)s AND member_id = %(member_id)s AND transaction_id < %(below)s
  AND (NOT %(open)s OR closed_at IS NULL)
ORDER BY transaction_id DESC
LIMIT %(limit)s;

-- name: nth_use
-- The n-th newest time that a member used an option: when it ages out of a period, one is free.
SELECT created_at
FROM transaction
WHERE slot = %(slot)s AND member_id = %(member_id)s AND option_name = %(option_name)s
  AND status <> 'failure'
ORDER BY transaction_id DESC
LIMIT 1 OFFSET %(skipped)s;

-- name: open_case
-- A member's case; said again, the first stands.
INSERT INTO transaction_case (slot, transaction_id, namespace, opened_at)
VALUES (%(slot)s, %(id)s, %(namespace)s, %(at)s)
ON CONFLICT DO NOTHING;

-- name: keep_words
-- What the member wrote of it: part -1 of what erasure removes.
INSERT INTO transaction_personal (slot, transaction_id, part, content)
VALUES (%(slot)s, %(id)s, -1, %(content)s)
ON CONFLICT DO NOTHING;

-- name: cases_of
-- The cases of some transactions of one slot, with what the members wrote, unless erased.
SELECT c.transaction_id, c.opened_at, p.content
FROM transaction_case c
LEFT JOIN transaction_personal p ON p.slot = %(slot)s AND p.transaction_id = c.transaction_id
    AND p.part = -1
WHERE c.slot = %(slot)s AND c.transaction_id = ANY (%(ids)s::uuid[]);
