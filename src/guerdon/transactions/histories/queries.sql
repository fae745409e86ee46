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
