-- name: slots
-- The number of slots of this installation; not member data.
SELECT slots FROM installation;
