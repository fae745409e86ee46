-- Saved views are bounded, and a person's own go with the person.
ALTER TABLE saved_view
    DROP CONSTRAINT saved_view_owner_id_fkey,
    ADD FOREIGN KEY (owner_id) REFERENCES operator ON DELETE CASCADE,
    ADD CHECK (length(name) BETWEEN 1 AND 60),
    ADD CHECK (length(query) <= 4000);
