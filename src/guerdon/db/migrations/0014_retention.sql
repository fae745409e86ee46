-- Retention: how long what is personal about closed transactions is kept, and how far that was done.

-- A programme without a row, or without days, keeps it until the member is erased.
CREATE TABLE retention (
    namespace      text COLLATE "C" PRIMARY KEY REFERENCES namespace,
    personal_days  integer CHECK (personal_days BETWEEN 1 AND 36500),
    disputed_days  integer CHECK (disputed_days BETWEEN 1 AND 36500),
    -- Every transaction up to this ID was looked at; those to come back to are in `retention_later`.
    walked_to      uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    -- From how many transactions it was removed in all, and how many of these the audit trail knows.
    removed        bigint NOT NULL DEFAULT 0,
    told           bigint NOT NULL DEFAULT 0,
    told_at        timestamptz,
    CHECK ((personal_days IS NULL) = (disputed_days IS NULL)),
    CHECK (disputed_days >= personal_days),
    CHECK (told <= removed)
);

-- Passed by while it was open, or may be kept longer, or something was written to it since.
CREATE TABLE retention_later (
    slot            smallint NOT NULL,
    transaction_id  uuid NOT NULL,
    namespace       text COLLATE "C" NOT NULL,
    look_at         timestamptz NOT NULL,
    PRIMARY KEY (slot, transaction_id),
    FOREIGN KEY (slot, transaction_id) REFERENCES transaction ON DELETE CASCADE
);
CREATE INDEX retention_later_due ON retention_later (namespace, look_at);
