-- Conformance: what `guerdon conformance` last found out about a provider, and who asks for it.

-- The last report of a provider, as somebody gave it. It counts until something changes that it was
-- about; then `overtaken_because` says what.
CREATE TABLE provider_conformance (
    provider_id        uuid PRIMARY KEY REFERENCES provider,
    ran_at             timestamptz NOT NULL,
    stored_at          timestamptz NOT NULL DEFAULT now(),
    actor              text NOT NULL,
    url                text NOT NULL,
    dialect            text NOT NULL,
    realistic          boolean NOT NULL,
    passed             boolean NOT NULL,
    scenarios          jsonb NOT NULL,
    overtaken_at       timestamptz,
    overtaken_because  text,
    CHECK ((overtaken_at IS NULL) = (overtaken_because IS NULL))
);

-- What a programme asks of its own people beyond their roles; a programme without a row asks nothing.
CREATE TABLE namespace_rules (
    namespace             text COLLATE "C" PRIMARY KEY REFERENCES namespace,
    conformance_required  boolean NOT NULL DEFAULT false
);
