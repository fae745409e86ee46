-- name: open_accounts
-- Empty accounts for new members.
INSERT INTO account (slot, member_id, namespace)
SELECT %(slot)s, * FROM unnest(%(member_ids)s::uuid[], %(namespaces)s::text[]);

-- name: lock_accounts
-- Locks in one order, so that two batches never wait for each other in a circle.
SELECT member_id, namespace, available, held, redeemed, member_seq, head
FROM account
WHERE slot = %(slot)s AND member_id = ANY (%(member_ids)s::uuid[])
ORDER BY member_id
FOR UPDATE;

-- name: account
-- One member's accounts, as they stand.
SELECT member_id, namespace, available, held, redeemed, member_seq, head
FROM account
WHERE slot = %(slot)s AND member_id = %(member_id)s;

-- name: save_accounts
-- The locked accounts as their newest postings leave them.
UPDATE account a
SET available = n.available, held = n.held, redeemed = n.redeemed,
    member_seq = n.member_seq, head = n.head
FROM unnest(%(member_ids)s::uuid[], %(available)s::bigint[], %(held)s::bigint[],
            %(redeemed)s::bigint[], %(seqs)s::bigint[], %(heads)s::bytea[])
     AS n (member_id, available, held, redeemed, member_seq, head)
WHERE a.slot = %(slot)s AND a.member_id = ANY (%(member_ids)s::uuid[])
  AND a.member_id = n.member_id;

-- name: add_postings
-- Appends a batch; the key refuses a second opening or closing of one cause.
INSERT INTO posting (slot, at, cause_id, leg, namespace, member_id, member_seq, movement,
                     from_account, to_account, amount, available_after, held_after, reason, hash)
SELECT %(slot)s, %(at)s, *
FROM unnest(%(cause_ids)s::uuid[], %(legs)s::smallint[], %(namespaces)s::text[],
            %(member_ids)s::uuid[], %(seqs)s::bigint[], %(movements)s::text[], %(froms)s::text[],
            %(tos)s::text[], %(amounts)s::bigint[], %(available)s::bigint[], %(held)s::bigint[],
            %(reasons)s::text[], %(hashes)s::bytea[]);

-- name: statement
-- A member's postings from the newest down.
SELECT cause_id, leg, member_seq, movement, from_account, to_account, amount, available_after,
       held_after, at, reason
FROM posting
WHERE slot = %(slot)s AND member_id = %(member_id)s
  AND (%(before_seq)s::bigint IS NULL OR member_seq < %(before_seq)s::bigint)
ORDER BY member_seq DESC
LIMIT %(limit)s;

-- name: postings_of
-- What each transaction's postings left behind.
SELECT cause_id, leg, amount, available_after, held_after, at, reason
FROM posting
WHERE slot = %(slot)s AND cause_id = ANY (%(cause_ids)s::uuid[]);

-- name: chain
-- Every posting of one slot, member by member in the order of their chains; for the proof.
SELECT member_id, member_seq, cause_id, leg, namespace, movement, from_account, to_account, amount,
       available_after, held_after, at, hash
FROM posting
WHERE slot = %(slot)s
ORDER BY member_id, member_seq;

-- name: accounts
-- Every account of one slot, in the order of the chains; for the proof.
SELECT member_id, namespace, available, held, redeemed, member_seq, head
FROM account
WHERE slot = %(slot)s
ORDER BY member_id;

-- name: by_cause
-- Every posting of one slot, in the order of what caused it; for the proof.
SELECT cause_id, leg, namespace, member_id, movement, to_account, amount
FROM posting
WHERE slot = %(slot)s
ORDER BY cause_id, leg;

-- name: postings_estimate
-- How many postings there are, roughly, over all slots: for a progress bar, not for a sum.
SELECT greatest(reltuples, 0)::bigint AS rows FROM pg_class WHERE oid = 'posting'::regclass;
