-- How many members each process tells live news to, by programme: who has the widget in view. What a
-- process wrote long ago, before it was killed, does not count.
CREATE TABLE widget_in_view (
    process_id  uuid NOT NULL,
    namespace   text COLLATE "C" NOT NULL,
    members     integer NOT NULL CHECK (members > 0),
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (process_id, namespace)
);
CREATE INDEX widget_in_view_of ON widget_in_view (namespace);
