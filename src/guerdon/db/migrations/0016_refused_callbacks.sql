-- Callbacks that could not prove that they are a provider's, counted by the hour. A row an hour and
-- provider, however many come.
CREATE TABLE callback_refused (
    provider_id  uuid NOT NULL REFERENCES provider,
    hour         timestamptz NOT NULL,
    refused      integer NOT NULL DEFAULT 1,
    PRIMARY KEY (provider_id, hour)
);
