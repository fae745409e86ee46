-- name: note
-- How the hours of one batch change; only new rows, so that no two batches wait for each other.
INSERT INTO transaction_hour_change (slot, namespace, hour, status, found)
SELECT %(slot)s, *
FROM unnest(%(namespaces)s::text[], %(hours)s::timestamptz[], %(statuses)s::text[],
    %(found)s::bigint[]);

-- name: fold
-- Some changes go into their hours, in one order; what another process folds is left to it. All
-- slots: hours belong to none.
WITH taken AS (
    DELETE FROM transaction_hour_change
    WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM transaction_hour_change LIMIT %(limit)s FOR UPDATE SKIP LOCKED))
    RETURNING namespace, hour, status, found),
folded AS (
    INSERT INTO transaction_hour (namespace, hour, status, found)
    SELECT namespace, hour, status, sum(found) FROM taken
    GROUP BY namespace, hour, status
    HAVING sum(found) <> 0
    ORDER BY namespace, hour, status
    ON CONFLICT (namespace, hour, status)
        DO UPDATE SET found = transaction_hour.found + excluded.found)
SELECT count(*) AS rows FROM taken;

-- name: bars
-- A span of whole hours in bars of some seconds, by status. All slots: what is not folded yet is
-- a few rows.
SELECT floor((date_part('epoch', hour) - date_part('epoch', %(from)s::timestamptz))
             / %(seconds)s::double precision)::integer AS bar,
       status, sum(found)::bigint AS found
FROM (SELECT hour, status, found FROM transaction_hour
      WHERE namespace = %(namespace)s AND hour >= %(from)s AND hour < %(below)s
      UNION ALL
      SELECT hour, status, found FROM transaction_hour_change
      WHERE namespace = %(namespace)s AND hour >= %(from)s AND hour < %(below)s) AS known
GROUP BY 1, 2
HAVING sum(found) <> 0
ORDER BY 1, 2;

-- name: counting
-- How far the counting of a programme has come; not member data.
SELECT counted_from, rounds FROM transaction_hour_count WHERE namespace = %(namespace)s;

-- name: programmes
-- How far the counting of every programme has come; not member data.
SELECT namespace, counted_from, rounds FROM transaction_hour_count ORDER BY namespace;

-- name: begin_counting
-- Programmes that have transactions and were never counted, found by stepping along the index. All
-- slots: the index leads by namespace.
WITH RECURSIVE programme AS (
    (SELECT namespace FROM transaction ORDER BY namespace, transaction_id LIMIT 1)
    UNION ALL
    SELECT (SELECT t.namespace FROM transaction t WHERE t.namespace > p.namespace
            ORDER BY t.namespace, t.transaction_id LIMIT 1)
    FROM programme p WHERE p.namespace IS NOT NULL)
INSERT INTO transaction_hour_count (namespace, counted_from)
SELECT namespace, %(from)s FROM programme WHERE namespace IS NOT NULL
ON CONFLICT DO NOTHING;

-- name: take_turn
-- The programme whose turn it is: those that are not whole yet first, and the others only when they
-- are to be checked. Another process's turn is left to it; not member data.
SELECT namespace, counted_from, rounds
FROM transaction_hour_count
WHERE rounds = 0 OR %(checks)s
ORDER BY rounds > 0, looked_at
LIMIT 1
FOR UPDATE SKIP LOCKED;

-- name: save_turn
-- How far it came; not member data.
UPDATE transaction_hour_count
SET counted_from = %(from)s, rounds = %(rounds)s, looked_at = clock_timestamp()
WHERE namespace = %(namespace)s;

-- name: stretch
-- The oldest of the next so many transactions below an ID: how far one turn goes. All slots: the
-- index leads by namespace.
SELECT count(*) AS found, min(transaction_id::text COLLATE "C")::uuid AS oldest
FROM (SELECT transaction_id FROM transaction
      WHERE namespace = %(namespace)s AND transaction_id < %(below_id)s
      ORDER BY transaction_id DESC
      LIMIT %(limit)s) AS newest;

-- name: differences
-- What hours and changes together say otherwise than the transactions, in one snapshot: nothing,
-- unless they were not counted yet. The hour is read from the ID, so an index has all of it. All
-- slots: that index leads by namespace.
SELECT hour, status, coalesce(counted.found, 0) AS counted, coalesce(known.found, 0) AS known
FROM (SELECT to_timestamp(('x' || left(transaction_id::text, 8)
                 || substr(transaction_id::text, 10, 4))::bit(48)::bigint / 3600000 * 3600) AS hour,
             status, count(*) AS found
      FROM transaction
      WHERE namespace = %(namespace)s AND status = ANY (%(statuses)s::text[])
        AND transaction_id >= %(from_id)s AND transaction_id < %(below_id)s
      GROUP BY 1, 2) AS counted
FULL JOIN (
      SELECT hour, status, sum(found)::bigint AS found
      FROM (SELECT hour, status, found FROM transaction_hour
            WHERE namespace = %(namespace)s AND hour >= %(from)s AND hour < %(below)s
            UNION ALL
            SELECT hour, status, found FROM transaction_hour_change
            WHERE namespace = %(namespace)s AND hour >= %(from)s AND hour < %(below)s) AS noted
      GROUP BY hour, status) AS known USING (hour, status)
WHERE coalesce(counted.found, 0) <> coalesce(known.found, 0)
ORDER BY hour, status;
