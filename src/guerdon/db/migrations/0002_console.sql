-- The console: who is signed in, and the indexes that its lists and its live feed need.

-- A session is known by the hash of a random cookie; it ends by time, by signing out, or with its
-- operator.
CREATE TABLE operator_session (
    session_hash  bytea PRIMARY KEY CHECK (length(session_hash) = 32),
    operator_id   uuid NOT NULL REFERENCES operator,
    created_at    timestamptz NOT NULL DEFAULT now(),
    seen_at       timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL,
    address       text
);
CREATE INDEX operator_session_operator ON operator_session (operator_id);

-- What waits for a person, oldest first; and what contradicts itself. Both hold few rows.
CREATE INDEX transaction_to_decide ON transaction (namespace, transaction_id)
    WHERE status IN ('postponed', 'recoverable-failure');
CREATE INDEX transaction_conflict ON transaction (namespace, transaction_id) WHERE conflict;

-- The live feed reads the newest events: a block range index costs the hot path next to nothing.
CREATE INDEX event_at ON event USING brin (at) WITH (pages_per_range = 16, autosummarize = on);

-- Operators look members up by their email.
CREATE INDEX member_profile_email ON member_profile (lower(email)) WHERE email IS NOT NULL;
