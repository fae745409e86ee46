-- What was redeemed in each hour, and what became of it: figures over long spans are sums of these
-- rows, and need not read the transactions.

-- How the hours of a batch change, noted in the batch's own transaction: new rows only, nothing that
-- two redemptions would update. Hours plus changes are at every moment what the transactions say.
-- No index: the rows are folded away within a second or two.
CREATE TABLE transaction_hour_change (
    slot       smallint NOT NULL,
    namespace  text COLLATE "C" NOT NULL,
    hour       timestamptz NOT NULL,
    status     text NOT NULL,
    found      bigint NOT NULL CHECK (found <> 0)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- The hours. They belong to no member, hence to no slot. An hour that was not counted yet may have
-- less than nothing of a status: what left it.
CREATE TABLE transaction_hour (
    namespace  text COLLATE "C" NOT NULL,
    hour       timestamptz NOT NULL CHECK (extract(epoch FROM hour) % 3600 = 0),
    status     text NOT NULL,
    found      bigint NOT NULL,
    PRIMARY KEY (namespace, hour, status)
) WITH (fillfactor = 70);

-- How far back the hours of a programme were counted in this round; the first round makes them
-- whole, later ones check them.
CREATE TABLE transaction_hour_count (
    namespace     text COLLATE "C" PRIMARY KEY,
    counted_from  timestamptz NOT NULL,
    rounds        integer NOT NULL DEFAULT 0,
    looked_at     timestamptz NOT NULL DEFAULT now()
);

-- What waits for a person: as the console counts it, so that the count reads the index alone.
DROP INDEX transaction_to_decide;
CREATE INDEX transaction_to_decide ON transaction (namespace, transaction_id)
    WHERE status IN ('postponed', 'recoverable-failure') AND open_reason IS DISTINCT FROM 'asking';

-- What is wiped leaves its hours: the function of before, with one statement more.
CREATE OR REPLACE FUNCTION wipe_test_members(
    of_namespace text, of_slot smallint, at_most integer,
    OUT members integer, OUT transactions integer, OUT passed_over integer
) LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    keys_since timestamptz;
    chosen uuid[];
    locked uuid[];
    busy uuid[];
    gone uuid[];
BEGIN
    SELECT coalesce(n.wiped_at, n.created_at) - interval '1 hour' INTO keys_since
    FROM namespace n WHERE n.namespace = of_namespace AND n.test;
    IF NOT FOUND THEN
        RAISE insufficient_privilege USING MESSAGE = 'only a test programme is ever wiped';
    END IF;

    SELECT coalesce(array_agg(w.member_id), '{}') INTO chosen
    FROM (SELECT m.member_id FROM member m
          WHERE m.slot = of_slot AND m.namespace = of_namespace
          ORDER BY m.namespace, m.user_id LIMIT at_most FOR UPDATE) AS w;
    PERFORM 1 FROM transaction t WHERE t.slot = of_slot AND t.member_id = ANY (chosen)
    ORDER BY t.transaction_id FOR UPDATE;
    PERFORM 1 FROM account a WHERE a.slot = of_slot AND a.member_id = ANY (chosen)
    ORDER BY a.member_id FOR UPDATE;
    SELECT coalesce(array_agg(w.transaction_id), '{}') INTO locked
    FROM (SELECT t.transaction_id FROM transaction t
          WHERE t.slot = of_slot AND t.member_id = ANY (chosen) FOR UPDATE SKIP LOCKED) AS w;
    SELECT coalesce(array_agg(DISTINCT t.member_id), '{}') INTO busy
    FROM transaction t
    WHERE t.slot = of_slot AND t.member_id = ANY (chosen)
      AND NOT EXISTS (SELECT FROM unnest(locked) AS l (id) WHERE l.id = t.transaction_id);
    SELECT coalesce(array_agg(c.id), '{}') INTO chosen
    FROM unnest(chosen) AS c (id) WHERE c.id <> ALL (busy);
    SELECT coalesce(array_agg(t.transaction_id), '{}') INTO gone
    FROM transaction t WHERE t.slot = of_slot AND t.member_id = ANY (chosen);

    DELETE FROM message m USING unnest(gone) AS g (id)
    WHERE m.slot = of_slot AND m.transaction_id = g.id;
    WITH uses AS MATERIALIZED (
        SELECT s.option_name, u.used
        FROM (SELECT t.option_name, count(*) AS used FROM transaction t
              WHERE t.slot = of_slot AND t.member_id = ANY (chosen) AND t.status <> 'failure'
              GROUP BY t.option_name) AS u
        JOIN option_share s ON s.slot = of_slot AND s.namespace = of_namespace
            AND s.option_name = u.option_name
        ORDER BY s.option_name
        FOR UPDATE OF s)
    UPDATE option_share s SET used = s.used - uses.used
    FROM uses
    WHERE s.slot = of_slot AND s.namespace = of_namespace AND s.option_name = uses.option_name;

    DELETE FROM idempotency_key k
    USING (SELECT unnest(chosen || gone) UNION
           SELECT p.cause_id FROM posting p
           WHERE p.slot = of_slot AND p.member_id = ANY (chosen)) AS c (id)
    WHERE k.slot = of_slot AND k.created_at >= keys_since AND k.cause_id = c.id;
    DELETE FROM event e USING unnest(gone) AS g (id)
    WHERE e.slot = of_slot AND e.transaction_id = g.id;
    DELETE FROM attempt a USING unnest(gone) AS g (id)
    WHERE a.slot = of_slot AND a.transaction_id = g.id;
    DELETE FROM callback c USING unnest(gone) AS g (id)
    WHERE c.slot = of_slot AND c.transaction_id = g.id;
    DELETE FROM transaction_case c USING unnest(gone) AS g (id)
    WHERE c.slot = of_slot AND c.transaction_id = g.id;
    DELETE FROM decision_request r USING unnest(gone) AS g (id)
    WHERE r.slot = of_slot AND r.transaction_id = g.id;
    DELETE FROM transaction_note n USING unnest(gone) AS g (id)
    WHERE n.slot = of_slot AND n.transaction_id = g.id;
    DELETE FROM transaction_assignee a USING unnest(gone) AS g (id)
    WHERE a.slot = of_slot AND a.transaction_id = g.id;
    DELETE FROM transaction_personal p USING unnest(gone) AS g (id)
    WHERE p.slot = of_slot AND p.transaction_id = g.id;
    INSERT INTO transaction_hour_change (slot, namespace, hour, status, found)
    SELECT t.slot, t.namespace, date_trunc('hour', t.created_at, 'UTC'), t.status, -count(*)
    FROM transaction t JOIN unnest(gone) AS g (id) ON g.id = t.transaction_id
    WHERE t.slot = of_slot
    GROUP BY 1, 2, 3, 4;
    DELETE FROM transaction t USING unnest(gone) AS g (id)
    WHERE t.slot = of_slot AND t.transaction_id = g.id;
    DELETE FROM posting p WHERE p.slot = of_slot AND p.member_id = ANY (chosen);
    DELETE FROM account a WHERE a.slot = of_slot AND a.member_id = ANY (chosen);
    DELETE FROM member_profile p WHERE p.slot = of_slot AND p.member_id = ANY (chosen);
    DELETE FROM member_tombstone t WHERE t.slot = of_slot AND t.namespace = of_namespace;
    DELETE FROM member m WHERE m.slot = of_slot AND m.member_id = ANY (chosen);

    members := cardinality(chosen);
    transactions := cardinality(gone);
    passed_over := cardinality(busy);
END $$;
