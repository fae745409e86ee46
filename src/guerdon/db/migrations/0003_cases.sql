-- Cases: a member says that a reward did not come. One a transaction, however often it is said.
-- What they wrote is personal, so it is part -1 of `transaction_personal` and goes with erasure.

CREATE TABLE transaction_case (
    slot            smallint NOT NULL,
    transaction_id  uuid NOT NULL,
    namespace       text COLLATE "C" NOT NULL,
    opened_at       timestamptz NOT NULL,
    PRIMARY KEY (slot, transaction_id)
);
CREATE INDEX transaction_case_newest ON transaction_case (namespace, transaction_id);
