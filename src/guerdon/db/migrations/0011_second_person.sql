-- A second person: above a price, what one operator decides another one must approve.

ALTER TABLE namespace_rules ADD COLUMN second_person_from bigint CHECK (second_person_from > 0);

-- What somebody asked for. It stands as long as its transaction was not touched since (`standing_at`
-- is the transaction's `updated_at` by then); one that is settled says how.
CREATE TABLE decision_request (
    slot            smallint NOT NULL,
    transaction_id  uuid NOT NULL,
    n               smallint NOT NULL CHECK (n > 0),
    namespace       text COLLATE "C" NOT NULL,
    choice          text NOT NULL CHECK (choice IN ('confirm', 'cancel', 'grant', 'charge')),
    reason          text,
    asked_by        text NOT NULL,
    asked_at        timestamptz NOT NULL,
    standing_at     timestamptz NOT NULL,
    settled_at      timestamptz,
    settled_by      text,
    outcome         text CHECK (outcome IN ('approved', 'declined', 'void')),
    PRIMARY KEY (slot, transaction_id, n),
    CHECK ((settled_at IS NULL) = (settled_by IS NULL) AND (settled_at IS NULL) = (outcome IS NULL)),
    CHECK (outcome <> 'approved' OR settled_by <> asked_by)
);
CREATE UNIQUE INDEX decision_request_unsettled ON decision_request (slot, transaction_id)
    WHERE settled_at IS NULL;

-- The same as before, and what was asked for goes too.
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
