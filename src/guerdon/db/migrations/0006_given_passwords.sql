-- A password that somebody else gave: whoever signs in with it chooses another one first.
ALTER TABLE operator ADD COLUMN password_given boolean NOT NULL DEFAULT false;
-- Who came by other ways than a password has nothing to choose.
ALTER TABLE operator_session ADD COLUMN by_password boolean NOT NULL DEFAULT true;
