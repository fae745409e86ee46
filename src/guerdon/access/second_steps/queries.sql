-- name: begin_second_step
-- A fresh secret that nothing has confirmed yet; one that was confirmed stays as it is.
INSERT INTO second_step (operator_id, secret_sealed)
VALUES (%(operator_id)s, %(secret_sealed)s)
ON CONFLICT (operator_id) DO UPDATE
SET secret_sealed = excluded.secret_sealed, created_at = now(), failures = 0, failed_at = NULL
WHERE second_step.confirmed_at IS NULL;

-- name: second_step
-- An operator's second step, whether confirmed or not.
SELECT operator_id, secret_sealed, confirmed_at, last_counter, failures, failed_at,
    ARRAY(SELECT used_at FROM recovery_code c WHERE c.operator_id = s.operator_id) AS codes_used
FROM second_step s
WHERE operator_id = %(operator_id)s;

-- name: lock_second_step
-- Whoever checks a code excludes whoever checks the same code.
SELECT operator_id FROM second_step WHERE operator_id = %(operator_id)s FOR NO KEY UPDATE;

-- name: confirm_second_step
-- From now on it is asked for.
UPDATE second_step SET confirmed_at = now() WHERE operator_id = %(operator_id)s;

-- name: add_recovery_codes
-- The hashes of fresh recovery codes.
INSERT INTO recovery_code (operator_id, code_hash)
SELECT %(operator_id)s, unnest(%(hashes)s::bytea[]);

-- name: take_counter
-- A code was right: it and those before it are of no more use.
UPDATE second_step SET last_counter = %(counter)s, failures = 0, failed_at = NULL
WHERE operator_id = %(operator_id)s AND last_counter < %(counter)s;

-- name: take_recovery_code
-- A recovery code was right, and is of no more use.
UPDATE recovery_code SET used_at = now()
WHERE operator_id = %(operator_id)s AND code_hash = %(code_hash)s AND used_at IS NULL;

-- name: note_failure
-- A code was wrong.
UPDATE second_step SET failures = failures + 1, failed_at = now()
WHERE operator_id = %(operator_id)s;

-- name: end_second_step
-- Nothing is asked for any more; the recovery codes go with it.
DELETE FROM second_step WHERE operator_id = %(operator_id)s;

-- name: sealed_secrets
-- What is sealed, for a rotation of the key.
SELECT operator_id, secret_sealed FROM second_step FOR NO KEY UPDATE;

-- name: reseal_secret
-- The same secret under another key.
UPDATE second_step SET secret_sealed = %(secret_sealed)s WHERE operator_id = %(operator_id)s;

-- name: add_half
-- Somebody has passed the first step, by the hash of their cookie.
INSERT INTO half_sign_in (half_hash, operator_id, email, way, following, expires_at)
VALUES (%(half_hash)s, %(operator_id)s, %(email)s, %(way)s, %(following)s,
    now() + make_interval(secs => %(seconds)s));

-- name: half
-- What is known of somebody who has passed the first step, while it is valid.
SELECT h.operator_id, h.email AS proved, h.way, h.following, o.namespace, o.email, o.role
FROM half_sign_in h LEFT JOIN operator o USING (operator_id)
WHERE h.half_hash = %(half_hash)s AND h.expires_at > now() AND o.disabled_at IS NULL;

-- name: end_half
-- It has become a session, or was given up.
DELETE FROM half_sign_in WHERE half_hash = %(half_hash)s;

-- name: prune_halves
-- Those that time has ended.
DELETE FROM half_sign_in WHERE expires_at < now();
