-- A second person for adjustments too: what is asked for is about a transaction, or about the tokens
-- of a member.

ALTER TABLE decision_request DROP CONSTRAINT decision_request_pkey;
ALTER TABLE decision_request
    ALTER COLUMN transaction_id DROP NOT NULL,
    ALTER COLUMN standing_at DROP NOT NULL,
    ADD COLUMN member_id uuid,
    ADD COLUMN change bigint CHECK (change <> 0),
    DROP CONSTRAINT decision_request_choice_check,
    ADD CHECK (choice IN ('confirm', 'cancel', 'grant', 'charge', 'adjust')),
    ADD CHECK (num_nonnulls(transaction_id, member_id) = 1),
    ADD CHECK ((transaction_id IS NULL) = (standing_at IS NULL)),
    ADD CHECK ((member_id IS NULL) = (change IS NULL)),
    ADD CHECK ((choice = 'adjust') = (member_id IS NOT NULL)),
    ADD UNIQUE (slot, transaction_id, n),
    ADD UNIQUE (slot, member_id, n),
    ADD FOREIGN KEY (slot, member_id) REFERENCES member ON DELETE CASCADE;
CREATE UNIQUE INDEX decision_request_adjustment ON decision_request (slot, member_id)
    WHERE settled_at IS NULL;
CREATE INDEX decision_request_adjustments ON decision_request (namespace, asked_at)
    WHERE settled_at IS NULL AND member_id IS NOT NULL;
