-- What operators note about a member. It is personal and goes with the member's profile, by erasure,
-- or with the member, when a test programme is wiped.
CREATE TABLE member_note (
    slot       smallint NOT NULL,
    member_id  uuid NOT NULL,
    n          smallint NOT NULL CHECK (n > 0),
    author     text NOT NULL,
    at         timestamptz NOT NULL,
    text       text NOT NULL,
    PRIMARY KEY (slot, member_id, n),
    FOREIGN KEY (slot, member_id) REFERENCES member ON DELETE CASCADE
);
