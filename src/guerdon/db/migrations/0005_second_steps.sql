-- A second step at sign-in: one-time codes, and what lies between the first step and the second.

-- The secret of the codes, sealed. It asks for codes from when a first one confirmed it; a code's
-- counter is the half minute it belongs to, and only a later one than the last is taken.
CREATE TABLE second_step (
    operator_id    uuid PRIMARY KEY REFERENCES operator,
    secret_sealed  bytea NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    confirmed_at   timestamptz,
    last_counter   bigint NOT NULL DEFAULT 0,
    failures       integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    failed_at      timestamptz,
    CHECK ((failures > 0) = (failed_at IS NOT NULL))
);

-- Codes for whoever lost the device, by their hash; each one opens once.
CREATE TABLE recovery_code (
    operator_id  uuid NOT NULL REFERENCES second_step ON DELETE CASCADE,
    code_hash    bytea NOT NULL CHECK (length(code_hash) = 32),
    used_at      timestamptz,
    PRIMARY KEY (operator_id, code_hash)
);

-- Who has passed the first step, by the hash of a cookie: they owe a code, or have to say which of
-- their programmes they mean.
CREATE TABLE half_sign_in (
    half_hash    bytea PRIMARY KEY CHECK (length(half_hash) = 32),
    operator_id  uuid REFERENCES operator,
    email        text,
    way          text NOT NULL CHECK (way IN ('password', 'openid')),
    following    text NOT NULL,
    expires_at   timestamptz NOT NULL,
    CHECK ((operator_id IS NULL) <> (email IS NULL))
);
CREATE INDEX half_sign_in_operator ON half_sign_in (operator_id);
