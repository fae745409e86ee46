-- name: holding
-- What is kept in plain about some transactions and has a text in it: the request as it is sent, and
-- what events say. They come from a page of a list, so from several slots.
SELECT w.transaction_id, convert_from(p.content, 'UTF8') AS text
FROM unnest(%(slots)s::smallint[], %(ids)s::uuid[]) AS w (slot, transaction_id)
JOIN transaction_personal p ON p.slot = w.slot AND p.transaction_id = w.transaction_id
WHERE p.part = 0 AND convert_from(p.content, 'UTF8') ILIKE %(pattern)s
UNION ALL
SELECT w.transaction_id, e.payload::text
FROM unnest(%(slots)s::smallint[], %(ids)s::uuid[]) AS w (slot, transaction_id)
JOIN event e ON e.slot = w.slot AND e.transaction_id = w.transaction_id
WHERE e.payload::text ILIKE %(pattern)s;

-- name: replies
-- The sealed replies to some transactions; they come from a page of a list, so from several slots.
SELECT w.transaction_id, p.part, p.content
FROM unnest(%(slots)s::smallint[], %(ids)s::uuid[]) AS w (slot, transaction_id)
JOIN transaction_personal p ON p.slot = w.slot AND p.transaction_id = w.transaction_id
WHERE p.part > 0;
