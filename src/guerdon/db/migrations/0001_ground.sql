-- The ground: every table of the first release.
--
-- Member data is led by `slot` in every primary and unique key: a slot is a lane of group commit,
-- and the distribution column where there are many machines. No triggers: what must hold is held
-- by constraints, keys and grants. No foreign key points at an append-only table, because its
-- check would need UPDATE rights there.

CREATE TABLE installation (
    single    boolean PRIMARY KEY DEFAULT true CHECK (single),
    slots     smallint NOT NULL CHECK (slots > 0 AND slots <= 4096 AND slots & (slots - 1) = 0),
    made_at   timestamptz NOT NULL DEFAULT now()
);
INSERT INTO installation (slots) VALUES (2);

-- One row a live process: provider limits hold for the installation, each process takes its share.
CREATE TABLE process (
    process_id  uuid PRIMARY KEY,
    delivers    boolean NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    beat_at     timestamptz NOT NULL DEFAULT now()
);

-- access ---------------------------------------------------------------------------------------

CREATE TABLE namespace (
    namespace        text COLLATE "C" PRIMARY KEY CHECK (namespace ~ '^[A-Za-z0-9_-]{1,64}$'),
    token_issuer     text,
    token_audience   text,
    allowed_origins  text[] NOT NULL DEFAULT '{}',
    limits           jsonb NOT NULL DEFAULT '{}',
    version          integer NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE api_key (
    key_id       uuid PRIMARY KEY,
    namespace    text COLLATE "C" NOT NULL REFERENCES namespace,
    secret_hash  bytea NOT NULL UNIQUE,
    scopes       text[] NOT NULL CHECK (scopes <@ ARRAY['members', 'options', 'redeem', 'read', 'operate']),
    label        text NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL DEFAULT now(),
    revoked_at   timestamptz
);

CREATE TABLE member_key (
    member_key_id  uuid PRIMARY KEY,
    namespace      text COLLATE "C" NOT NULL REFERENCES namespace,
    kid            text,
    algorithm      text NOT NULL CHECK (algorithm IN ('RS256', 'ES256', 'EdDSA')),
    public_key     text NOT NULL,
    label          text NOT NULL DEFAULT '',
    created_at     timestamptz NOT NULL DEFAULT now(),
    disabled_at    timestamptz
);
CREATE INDEX member_key_namespace ON member_key (namespace);

CREATE TABLE operator (
    operator_id    uuid PRIMARY KEY,
    namespace      text COLLATE "C" NOT NULL REFERENCES namespace,
    email          text NOT NULL,
    role           text NOT NULL CHECK (role IN ('viewer', 'support', 'manager', 'admin')),
    password_hash  text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    disabled_at    timestamptz
);
CREATE UNIQUE INDEX operator_email ON operator (namespace, lower(email));

-- Append-only: who did what to what, with what it was before and after.
CREATE TABLE audit (
    audit_id   uuid PRIMARY KEY,
    namespace  text COLLATE "C" NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    actor      text NOT NULL,
    action     text NOT NULL,
    target     text NOT NULL,
    detail     jsonb NOT NULL DEFAULT '{}',
    address    text
);
CREATE INDEX audit_namespace_at ON audit (namespace, at DESC, audit_id DESC);

-- members --------------------------------------------------------------------------------------

CREATE TABLE member (
    slot        smallint NOT NULL,
    member_id   uuid NOT NULL,
    namespace   text COLLATE "C" NOT NULL,
    user_id     text COLLATE "C" NOT NULL,
    frozen      boolean NOT NULL DEFAULT false,
    erased_at   timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (slot, member_id),
    UNIQUE (slot, namespace, user_id)
);

CREATE TABLE member_profile (
    slot        smallint NOT NULL,
    member_id   uuid NOT NULL,
    email       text,
    address     text,
    attributes  jsonb NOT NULL DEFAULT '{}',
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (slot, member_id),
    FOREIGN KEY (slot, member_id) REFERENCES member (slot, member_id)
);

-- A keyed hash of each erased userId, so that an old member token does not re-create it.
CREATE TABLE member_tombstone (
    slot       smallint NOT NULL,
    namespace  text COLLATE "C" NOT NULL,
    user_hash  bytea NOT NULL,
    erased_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (slot, namespace, user_hash)
);

-- ledger ---------------------------------------------------------------------------------------

-- A member's accounts, opened together with the member, and the head of the chain of their postings.
-- Half-filled pages keep updates in place.
CREATE TABLE account (
    slot        smallint NOT NULL,
    member_id   uuid NOT NULL,
    namespace   text COLLATE "C" NOT NULL,
    available   bigint NOT NULL DEFAULT 0 CHECK (available >= 0),
    held        bigint NOT NULL DEFAULT 0 CHECK (held >= 0),
    redeemed    bigint NOT NULL DEFAULT 0 CHECK (redeemed >= 0),
    member_seq  bigint NOT NULL DEFAULT 0,
    head        bytea NOT NULL DEFAULT '\x',
    PRIMARY KEY (slot, member_id),
    CHECK (available + held <= 9007199254740991)
) WITH (fillfactor = 50);

-- Append-only. One row is one movement: what leaves one account enters another, so it balances by
-- construction. `cause_id` is the transaction, or the grant's or charge's own ID; `leg` 0 opens and
-- 1 closes, so the key allows one hold, and one capture or release, for each transaction.
CREATE TABLE posting (
    slot             smallint NOT NULL,
    cause_id         uuid NOT NULL,
    leg              smallint NOT NULL,
    namespace        text COLLATE "C" NOT NULL,
    member_id        uuid NOT NULL,
    member_seq       bigint NOT NULL CHECK (member_seq > 0),
    movement         text NOT NULL,
    from_account     text NOT NULL,
    to_account       text NOT NULL,
    amount           bigint NOT NULL CHECK (amount > 0),
    available_after  bigint NOT NULL CHECK (available_after >= 0),
    held_after       bigint NOT NULL CHECK (held_after >= 0),
    at               timestamptz NOT NULL,
    reason           text,
    hash             bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (slot, cause_id, leg),
    UNIQUE (slot, member_id, member_seq),
    CHECK ((movement, from_account, to_account, leg) IN (
        ('issue',   'issued',    'available', 0),
        ('adjust',  'available', 'adjusted',  0),
        ('adjust',  'adjusted',  'available', 0),
        ('hold',    'available', 'held',      0),
        ('capture', 'held',      'redeemed',  1),
        ('release', 'held',      'available', 1)))
);

-- providers ------------------------------------------------------------------------------------

CREATE TABLE provider (
    provider_id           uuid PRIMARY KEY,
    namespace             text COLLATE "C" NOT NULL REFERENCES namespace,
    name                  text NOT NULL,
    webhook_url           text NOT NULL,
    authorization_sealed  bytea,
    dialect               text NOT NULL CHECK (dialect IN ('status-code', 'json')),
    confirmation          text NOT NULL CHECK (confirmation IN ('reply', 'callback')),
    idempotent            boolean NOT NULL,
    bare4xx               text NOT NULL CHECK (bare4xx IN ('hold', 'refund')),
    status_url            text,
    timeout_seconds       integer NOT NULL CHECK (timeout_seconds BETWEEN 2 AND 30),
    max_in_flight         integer NOT NULL CHECK (max_in_flight BETWEEN 1 AND 1000),
    rate_per_second       integer CHECK (rate_per_second > 0),
    reuse_connections     boolean NOT NULL DEFAULT false,
    paused                boolean NOT NULL DEFAULT false,
    version               integer NOT NULL DEFAULT 1,
    created_at            timestamptz NOT NULL DEFAULT now(),
    updated_at            timestamptz NOT NULL DEFAULT now(),
    UNIQUE (namespace, name)
);

-- What machines noticed about a provider; its settings are people's.
CREATE TABLE provider_health (
    provider_id          uuid PRIMARY KEY REFERENCES provider,
    paused_because       text,
    paused_at            timestamptz,
    not_found_streak     integer NOT NULL DEFAULT 0,
    breaker              text NOT NULL DEFAULT 'closed' CHECK (breaker IN ('closed', 'open')),
    opened_at            timestamptz,
    probe_at             timestamptz,
    probe_delay_seconds  integer NOT NULL DEFAULT 5,
    slow_until           timestamptz,
    CHECK ((breaker = 'open') = (probe_at IS NOT NULL))
);

CREATE TABLE provider_secret (
    secret_id    uuid PRIMARY KEY,
    provider_id  uuid NOT NULL REFERENCES provider,
    kind         text NOT NULL CHECK (kind IN ('secretKey', 'signingSecret', 'callbackSecret')),
    sealed       bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    valid_until  timestamptz
);
CREATE UNIQUE INDEX provider_secret_current ON provider_secret (provider_id, kind) WHERE valid_until IS NULL;
CREATE INDEX provider_secret_provider ON provider_secret (provider_id);

-- options --------------------------------------------------------------------------------------

-- `option_name` is the option's public UUID; `namespace` leads so that two programmes may carry
-- the same name over from elsewhere.
CREATE TABLE option (
    namespace    text COLLATE "C" NOT NULL REFERENCES namespace,
    option_name  uuid NOT NULL,
    type         text NOT NULL CHECK (type IN ('physical', 'digital', 'currency')),
    provider_id  uuid NOT NULL REFERENCES provider,
    version      integer NOT NULL,
    sort_order   integer NOT NULL DEFAULT 0,
    archived_at  timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (namespace, option_name)
);
CREATE INDEX option_name_anywhere ON option (option_name);
CREATE INDEX option_provider ON option (provider_id);

-- Append-only: a transaction keeps the version it was made with.
CREATE TABLE option_version (
    namespace    text COLLATE "C" NOT NULL,
    option_name  uuid NOT NULL,
    version      integer NOT NULL,
    definition   jsonb NOT NULL,
    author       text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (namespace, option_name, version)
);

-- How often an option was used, and what is left of its total, as one share a slot. `spare` NULL
-- means no total limit. Used = open + success; a release gives the unit back.
CREATE TABLE option_share (
    slot         smallint NOT NULL,
    namespace    text COLLATE "C" NOT NULL,
    option_name  uuid NOT NULL,
    used         bigint NOT NULL DEFAULT 0 CHECK (used >= 0),
    spare        bigint CHECK (spare >= 0),
    PRIMARY KEY (slot, namespace, option_name)
) WITH (fillfactor = 50);

-- transactions ---------------------------------------------------------------------------------

CREATE TABLE transaction (
    slot             smallint NOT NULL,
    transaction_id   uuid NOT NULL,
    namespace        text COLLATE "C" NOT NULL,
    member_id        uuid NOT NULL,
    option_name      uuid NOT NULL,
    option_version   integer NOT NULL,
    option_title     text NOT NULL,
    provider_id      uuid NOT NULL,
    type             text NOT NULL,
    price            bigint NOT NULL CHECK (price > 0),
    currency         text,
    currency_amount  bigint CHECK (currency_amount > 0),
    conversion_rate  text,
    origin           text NOT NULL CHECK (origin IN ('api', 'widget')),
    status           text NOT NULL CHECK (status IN
                         ('pending', 'postponed', 'recoverable-failure', 'success', 'failure')),
    events           integer NOT NULL,
    dirty            boolean NOT NULL DEFAULT false,
    conflict         boolean NOT NULL DEFAULT false,
    open_reason      text,
    due_at           timestamptz,
    next_ask_at      timestamptz,
    asked            integer NOT NULL DEFAULT 0,
    reference        text,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    closed_at        timestamptz,
    closed_by        text,
    PRIMARY KEY (slot, transaction_id),
    CHECK ((status IN ('success', 'failure')) = (closed_at IS NOT NULL)),
    CHECK ((closed_at IS NULL) = (closed_by IS NULL)),
    CHECK (closed_at IS NULL OR (due_at IS NULL AND next_ask_at IS NULL)),
    CHECK ((type = 'currency') = (currency IS NOT NULL)),
    CHECK ((currency IS NULL) = (currency_amount IS NULL) AND (currency IS NULL) = (conversion_rate IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX transaction_newest ON transaction (namespace, transaction_id);
CREATE INDEX transaction_status ON transaction (namespace, status, transaction_id);
CREATE INDEX transaction_option ON transaction (namespace, option_name, transaction_id);
CREATE INDEX transaction_member ON transaction (member_id, transaction_id);
CREATE INDEX transaction_due ON transaction (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX transaction_ask ON transaction (next_ask_at) WHERE next_ask_at IS NOT NULL;

-- Part 0 is what was sent (email, address and the exact body); part n is the reply to attempt n,
-- sealed. Erasure removes these rows and nothing else of a transaction.
CREATE TABLE transaction_personal (
    slot            smallint NOT NULL,
    transaction_id  uuid NOT NULL,
    part            smallint NOT NULL,
    email           text,
    address         text,
    content         bytea NOT NULL,
    PRIMARY KEY (slot, transaction_id, part)
);

-- Append-only. The payload holds facts that stand nowhere else; the rest is joined when read, so
-- that erasing a member leaves the history whole.
CREATE TABLE event (
    slot            smallint NOT NULL,
    transaction_id  uuid NOT NULL,
    seq             integer NOT NULL CHECK (seq > 0),
    type            text NOT NULL,
    at              timestamptz NOT NULL,
    actor           text NOT NULL,
    payload         jsonb,
    PRIMARY KEY (slot, transaction_id, seq)
);

-- Append-only: one row a finished attempt, with the verdict and the rule that gave it.
CREATE TABLE attempt (
    slot            smallint NOT NULL,
    transaction_id  uuid NOT NULL,
    n               smallint NOT NULL CHECK (n > 0),
    started_at      timestamptz NOT NULL,
    duration_ms     integer,
    http_status     integer,
    evidence        text NOT NULL CHECK (evidence IN ('N', 'R', 'F', 'P', 'S', 'U')),
    rule            text NOT NULL,
    sentence        text NOT NULL,
    PRIMARY KEY (slot, transaction_id, n)
);

-- The same news under the same webhook-id is the same news. Kept 30 days.
CREATE TABLE callback (
    slot            smallint NOT NULL,
    transaction_id  uuid NOT NULL,
    webhook_id      text NOT NULL,
    body_hash       bytea NOT NULL,
    status          text NOT NULL,
    conflicts       boolean NOT NULL,
    at              timestamptz NOT NULL,
    PRIMARY KEY (slot, transaction_id, webhook_id)
);
-- For housekeeping: rows come in the order of their age, so a few bytes a page are enough.
CREATE INDEX callback_age ON callback USING brin (at);

-- The first accepted answer to a key; refusals store nothing. `scope_hash` covers namespace, door,
-- route, member and key, so that no userId stands here.
CREATE TABLE idempotency_key (
    slot        smallint NOT NULL,
    scope_hash  bytea NOT NULL,
    body_hash   bytea NOT NULL,
    cause_id    uuid NOT NULL,
    answer      jsonb,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (slot, scope_hash)
);
CREATE INDEX idempotency_key_age ON idempotency_key USING brin (created_at);

-- outbox ---------------------------------------------------------------------------------------

-- What is owed to a provider. The row lives as long as the debt; attempts keep the history.
CREATE TABLE message (
    slot            smallint NOT NULL,
    transaction_id  uuid NOT NULL,
    provider_id     uuid NOT NULL,
    state           text NOT NULL CHECK (state IN ('sending', 'queued')),
    attempts        smallint NOT NULL CHECK (attempts >= 0),
    tries_n         smallint NOT NULL DEFAULT 0,
    tries_u         smallint NOT NULL DEFAULT 0,
    due_at          timestamptz NOT NULL,
    lease_until     timestamptz,
    lease_owner     uuid,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (slot, transaction_id),
    CHECK ((state = 'sending') = (lease_until IS NOT NULL)),
    CHECK ((lease_until IS NULL) = (lease_owner IS NULL))
) WITH (fillfactor = 50);
CREATE INDEX message_queued ON message (slot, provider_id, due_at) WHERE state = 'queued';
CREATE INDEX message_leased ON message (lease_until) WHERE state = 'sending';
CREATE INDEX message_waiting ON message (created_at) WHERE state = 'queued';
