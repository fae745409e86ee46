-- Exports: lists of transactions as files. A short one is streamed, and only what it was is kept; a
-- long one is written by whoever holds the lease, and its file is kept for some days.
CREATE TABLE transaction_export (
    export_id     uuid PRIMARY KEY,
    namespace     text COLLATE "C" NOT NULL REFERENCES namespace,
    actor         text NOT NULL,
    name          text NOT NULL,
    asked         jsonb NOT NULL,
    words         text NOT NULL,
    plan          jsonb NOT NULL,
    personal      boolean NOT NULL,
    kept          boolean NOT NULL,
    started_at    timestamptz NOT NULL DEFAULT now(),
    -- How far it was written: everything newer than this ID is in the file.
    walked_to     uuid,
    steps         integer NOT NULL DEFAULT 0,
    written       bigint NOT NULL DEFAULT 0,
    size          bigint NOT NULL DEFAULT 0,
    stopped_by    text,
    stopped_at    timestamptz,
    -- What was personal in it was erased: the file is gone.
    withdrawn_at  timestamptz,
    trouble       text,
    ended_at      timestamptz,
    lease_owner   uuid,
    lease_until   timestamptz,
    CHECK (kept OR lease_owner IS NULL),
    CHECK (ended_at IS NOT NULL OR (stopped_at IS NULL AND withdrawn_at IS NULL AND trouble IS NULL)),
    CHECK ((stopped_by IS NULL) = (stopped_at IS NULL)),
    CHECK ((lease_until IS NULL) = (lease_owner IS NULL)),
    CHECK (ended_at IS NULL OR lease_until IS NULL)
);
CREATE INDEX transaction_export_newest ON transaction_export (namespace, started_at DESC);
CREATE INDEX transaction_export_to_do ON transaction_export (started_at) WHERE kept AND ended_at IS NULL;

-- A kept file, in the order of its steps. Every process of an installation shares the database, and
-- nothing else.
CREATE TABLE transaction_export_part (
    export_id  uuid NOT NULL REFERENCES transaction_export ON DELETE CASCADE,
    n          integer NOT NULL CHECK (n > 0),
    content    bytea NOT NULL,
    PRIMARY KEY (export_id, n)
);
