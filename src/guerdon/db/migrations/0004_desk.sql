-- The operators' desk: notes and assignees, many decisions at once, and saved views.

-- Who wrote when. What they wrote may be personal, so note n is part -1 - n of
-- `transaction_personal` and goes with erasure.
CREATE TABLE transaction_note (
    slot            smallint NOT NULL,
    transaction_id  uuid NOT NULL,
    n               smallint NOT NULL CHECK (n > 0),
    author          text NOT NULL,
    at              timestamptz NOT NULL,
    PRIMARY KEY (slot, transaction_id, n)
);

-- Who looks after it; nobody has no row.
CREATE TABLE transaction_assignee (
    slot            smallint NOT NULL,
    transaction_id  uuid NOT NULL,
    namespace       text COLLATE "C" NOT NULL,
    assignee        text NOT NULL,
    at              timestamptz NOT NULL,
    PRIMARY KEY (slot, transaction_id)
);
CREATE INDEX transaction_assignee_of ON transaction_assignee (namespace, assignee, transaction_id);

-- Many decisions at once: frozen when they were asked for, begun by a person, carried out by any
-- process that holds the lease. It belongs to no member, hence to no slot.
CREATE TABLE bulk_job (
    job_id       uuid PRIMARY KEY,
    namespace    text COLLATE "C" NOT NULL REFERENCES namespace,
    verb         text NOT NULL CHECK (verb IN ('confirm', 'cancel')),
    asked        jsonb NOT NULL,
    frozen_by    text NOT NULL,
    frozen_at    timestamptz NOT NULL,
    actor        text,
    address      text,
    reason       text,
    started_at   timestamptz,
    stopped_by   text,
    stopped_at   timestamptz,
    ended_at     timestamptz,
    lease_owner  uuid,
    lease_until  timestamptz,
    CHECK ((actor IS NULL) = (started_at IS NULL)),
    CHECK ((stopped_by IS NULL) = (stopped_at IS NULL)),
    CHECK (started_at IS NOT NULL OR (stopped_at IS NULL AND ended_at IS NULL)),
    CHECK ((lease_until IS NULL) = (lease_owner IS NULL)),
    CHECK (ended_at IS NULL OR lease_until IS NULL)
);
CREATE INDEX bulk_job_newest ON bulk_job (namespace, frozen_at DESC);
CREATE INDEX bulk_job_to_do ON bulk_job (started_at) WHERE started_at IS NOT NULL AND ended_at IS NULL;
CREATE INDEX bulk_job_never_begun ON bulk_job (frozen_at) WHERE started_at IS NULL;

-- One row a transaction, in the order of the list. `events` is how much had happened to it when the
-- selection was frozen: what changed since is left to a person.
CREATE TABLE bulk_item (
    job_id          uuid NOT NULL REFERENCES bulk_job ON DELETE CASCADE,
    n               integer NOT NULL CHECK (n > 0),
    transaction_id  uuid NOT NULL,
    events          integer NOT NULL,
    begun_at        timestamptz,
    outcome         text CHECK (outcome IN ('done', 'skipped', 'failed')),
    sentence        text,
    at              timestamptz,
    PRIMARY KEY (job_id, n),
    UNIQUE (job_id, transaction_id),
    CHECK ((outcome IS NULL) = (at IS NULL) AND (outcome IS NULL) = (sentence IS NULL))
);

-- A name for a list's query. Without an owner it is the whole team's.
CREATE TABLE saved_view (
    view_id     uuid PRIMARY KEY,
    namespace   text COLLATE "C" NOT NULL REFERENCES namespace,
    owner_id    uuid REFERENCES operator,
    name        text NOT NULL,
    query       text NOT NULL,
    changed_by  text NOT NULL,
    changed_at  timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX saved_view_name ON saved_view
    (namespace, coalesce(owner_id, '00000000-0000-0000-0000-000000000000'), lower(name));
