-- Cases are a queue: what people look at again, one a transaction, until somebody closes it.

-- A member says that a reward did not come, or news contradicts what was concluded; of each the
-- newest time. What is new opens a closed case again.
ALTER TABLE transaction_case
    ADD COLUMN complained_at    timestamptz,
    ADD COLUMN contradicted_at  timestamptz,
    ADD COLUMN closed_at        timestamptz,
    ADD COLUMN closed_by        text,
    ADD COLUMN choice           text CHECK (choice IN ('leave', 'grant', 'charge'));
UPDATE transaction_case SET complained_at = opened_at;
INSERT INTO transaction_case (slot, transaction_id, namespace, opened_at, contradicted_at)
SELECT slot, transaction_id, namespace, updated_at, updated_at FROM transaction WHERE conflict
ON CONFLICT (slot, transaction_id) DO UPDATE SET contradicted_at = excluded.contradicted_at;
ALTER TABLE transaction_case
    ADD CHECK (complained_at IS NOT NULL OR contradicted_at IS NOT NULL),
    ADD CHECK ((closed_at IS NULL) = (closed_by IS NULL) AND (closed_at IS NULL) = (choice IS NULL));
CREATE INDEX transaction_case_open ON transaction_case (namespace, transaction_id)
    WHERE closed_at IS NULL;

-- A closed transaction is corrected by a posting of its own: leg 2 of its cause, so the key allows
-- one, whoever asks how often.
ALTER TABLE posting DROP CONSTRAINT posting_check;
ALTER TABLE posting ADD CONSTRAINT posting_check CHECK ((movement, from_account, to_account, leg) IN (
    ('issue',   'issued',    'available', 0),
    ('adjust',  'available', 'adjusted',  0),
    ('adjust',  'adjusted',  'available', 0),
    ('hold',    'available', 'held',      0),
    ('capture', 'held',      'redeemed',  1),
    ('release', 'held',      'available', 1),
    ('adjust',  'available', 'adjusted',  2),
    ('adjust',  'adjusted',  'available', 2)));
