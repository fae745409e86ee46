-- name: add_namespace
-- A namespace exists from its first key or operator; what it was made as, live or test, it stays.
INSERT INTO namespace (namespace, test) VALUES (%(namespace)s, %(test)s) ON CONFLICT DO NOTHING;

-- name: namespace
-- One namespace and its settings.
SELECT namespace, token_issuer, token_audience, allowed_origins, limits, version, created_at, test,
    wiped_at, advanced_seconds
FROM namespace WHERE namespace = %(namespace)s;

-- name: sandbox
-- A test namespace, under lock: its clock is moved, and it is wiped, by one at a time.
SELECT namespace, wiped_at, advanced_seconds, now() AS at
FROM namespace WHERE namespace = %(namespace)s AND test
FOR NO KEY UPDATE;

-- name: note_wipe
-- A whole wipe that began then has ended.
UPDATE namespace SET wiped_at = %(at)s WHERE namespace = %(namespace)s AND test;

-- name: note_advance
-- The time of a test namespace went on.
UPDATE namespace SET advanced_seconds = advanced_seconds + %(seconds)s
WHERE namespace = %(namespace)s AND test;

-- name: patience
-- What follows may take longer than people wait: many rows hang on a member.
SELECT set_config('statement_timeout', '5min', true) AS patience;

-- name: wipe
-- Some members of a test namespace in one slot, whole; every other namespace is refused.
SELECT members, transactions, passed_over
FROM wipe_test_members(%(namespace)s, %(slot)s::smallint, %(at_most)s);

-- name: namespaces
-- Every namespace: for commands that go through all there is.
SELECT namespace FROM namespace ORDER BY namespace;

-- name: some_namespaces
-- Up to two names, live ones first, to tell whether there is only one.
SELECT namespace, test FROM namespace ORDER BY test, namespace LIMIT 2;

-- name: allows_origin
-- Whether any namespace lets its widget stand on pages of this origin.
SELECT 1 AS allowed FROM namespace WHERE %(origin)s = ANY (allowed_origins) LIMIT 1;

-- name: change_namespace
-- New settings; the version guards against overwriting somebody else's.
UPDATE namespace
SET token_issuer = %(issuer)s, token_audience = %(audience)s, allowed_origins = %(origins)s::text[],
    limits = %(limits)s::jsonb, version = version + 1
WHERE namespace = %(namespace)s AND version = %(version)s;

-- name: add_key
-- A new API key, by its hash.
INSERT INTO api_key (key_id, namespace, secret_hash, scopes, label)
VALUES (%(key_id)s, %(namespace)s, %(secret_hash)s, %(scopes)s::text[], %(label)s);

-- name: key_holder
-- Whose key this is, and how often it may ask; a revoked key is nobody's.
SELECT key_id, namespace, scopes, label, test, (limits ->> 'apiKeyPerMinute')::int AS per_minute
FROM api_key JOIN namespace USING (namespace)
WHERE secret_hash = %(secret_hash)s AND revoked_at IS NULL;

-- name: keys
-- The keys of a namespace, or of all.
SELECT key_id, namespace, scopes, label, created_at, revoked_at
FROM api_key WHERE %(namespace)s::text IS NULL OR namespace = %(namespace)s::text
ORDER BY namespace, created_at;

-- name: revoke_key
-- From now on this key is nobody's.
UPDATE api_key SET revoked_at = now() WHERE key_id = %(key_id)s AND revoked_at IS NULL;

-- name: add_operator
-- A person who signs in to the console; one more time: a new role and password.
INSERT INTO operator (operator_id, namespace, email, role, password_hash, password_given)
VALUES (%(operator_id)s, %(namespace)s, %(email)s, %(role)s, %(password_hash)s,
    %(password_given)s)
ON CONFLICT (namespace, lower(email)) DO UPDATE
SET role = excluded.role, password_hash = excluded.password_hash,
    password_given = excluded.password_given, disabled_at = NULL;

-- name: set_password
-- Another password, chosen by its operator or given to them.
UPDATE operator SET password_hash = %(password_hash)s, password_given = %(password_given)s
WHERE operator_id = %(operator_id)s;

-- name: add_audit
-- Appends to the audit trail.
INSERT INTO audit (audit_id, namespace, actor, action, target, detail, address)
VALUES (%(audit_id)s, %(namespace)s, %(actor)s, %(action)s, %(target)s, %(detail)s::jsonb,
    %(address)s);

-- name: add_member_key
-- A public key that member tokens may be signed with.
INSERT INTO member_key (member_key_id, namespace, kid, algorithm, public_key, label)
VALUES (%(member_key_id)s, %(namespace)s, %(kid)s, %(algorithm)s, %(public_key)s, %(label)s);

-- name: member_keys
-- The public keys of a namespace.
SELECT member_key_id, namespace, kid, algorithm, public_key, label, created_at, disabled_at
FROM member_key WHERE namespace = %(namespace)s
ORDER BY created_at, member_key_id;

-- name: disable_member_key
-- Disables a public key at once, or enables it again.
UPDATE member_key
SET disabled_at = CASE WHEN %(disabled)s THEN coalesce(disabled_at, now()) END
WHERE member_key_id = %(member_key_id)s AND namespace = %(namespace)s;

-- name: operators_by_email
-- Who may be signing in: an email may belong to several namespaces.
SELECT operator_id, namespace, email, role, password_hash
FROM operator
WHERE lower(email) = lower(%(email)s) AND disabled_at IS NULL AND password_hash IS NOT NULL
ORDER BY namespace
LIMIT 20;

-- name: add_session
-- A fresh session, by the hash of its cookie.
INSERT INTO operator_session (session_hash, operator_id, expires_at, address, by_password)
VALUES (%(session_hash)s, %(operator_id)s, now() + make_interval(secs => %(seconds)s), %(address)s,
    %(by_password)s);

-- name: session_operator
-- Whose session this is, if it has not ended: by time, by disuse, or with its operator.
SELECT o.operator_id, o.namespace, o.email, o.role, now() - s.seen_at > interval '1 minute' AS stale,
    s.by_password AND o.password_given AS password_given, n.test
FROM operator_session s JOIN operator o USING (operator_id) JOIN namespace n USING (namespace)
WHERE s.session_hash = %(session_hash)s AND s.expires_at > now() AND o.disabled_at IS NULL
  AND s.seen_at > now() - make_interval(secs => %(idle)s);

-- name: see_session
-- The session was used.
UPDATE operator_session SET seen_at = now() WHERE session_hash = %(session_hash)s;

-- name: end_session
-- Signing out.
DELETE FROM operator_session WHERE session_hash = %(session_hash)s;

-- name: end_sessions_of
-- Everywhere, half sign-ins too: a new password, another role, or the operator was disabled.
WITH halves AS (
    DELETE FROM half_sign_in h
    USING operator o
    WHERE h.operator_id = o.operator_id AND o.namespace = %(namespace)s
      AND lower(o.email) = lower(%(email)s)
)
DELETE FROM operator_session s
USING operator o
WHERE s.operator_id = o.operator_id AND o.namespace = %(namespace)s
  AND lower(o.email) = lower(%(email)s);

-- name: end_other_sessions
-- Those that were begun without what the operator has now turned on.
DELETE FROM operator_session
WHERE operator_id = %(operator_id)s AND session_hash <> %(session_hash)s;

-- name: sessions_of
-- Where an operator is signed in.
SELECT created_at, seen_at, address, session_hash = %(session_hash)s AS here
FROM operator_session
WHERE operator_id = %(operator_id)s AND expires_at > now()
  AND seen_at > now() - make_interval(secs => %(idle)s)
ORDER BY seen_at DESC;

-- name: operators_of_email
-- Whose email this is, with a password or without; somebody else has proved that it is theirs.
SELECT operator_id, namespace, email, role
FROM operator
WHERE lower(email) = lower(%(email)s) AND disabled_at IS NULL
ORDER BY namespace
LIMIT 20;

-- name: prune_sessions
-- Sessions that ended by time.
DELETE FROM operator_session WHERE expires_at < now();

-- name: operators
-- The people of a namespace.
SELECT operator_id, email, role, created_at, disabled_at,
    EXISTS (SELECT 1 FROM second_step t
        WHERE t.operator_id = o.operator_id AND t.confirmed_at IS NOT NULL) AS second_step,
    (SELECT max(seen_at) FROM operator_session s WHERE s.operator_id = o.operator_id) AS seen_at
FROM operator o
WHERE namespace = %(namespace)s
ORDER BY disabled_at IS NOT NULL, lower(email);

-- name: operator
-- One of them, under lock: who changes a role excludes who changes it too.
SELECT operator_id, email, role, disabled_at
FROM operator
WHERE operator_id = %(operator_id)s AND namespace = %(namespace)s
FOR NO KEY UPDATE;

-- name: admins
-- Who may let people in; locked, so that the last two cannot both go at once.
SELECT operator_id FROM operator
WHERE namespace = %(namespace)s AND role = 'admin' AND disabled_at IS NULL
FOR NO KEY UPDATE;

-- name: set_role
-- Another role, or out, or in again.
UPDATE operator
SET role = %(role)s,
    disabled_at = CASE WHEN %(disabled)s THEN coalesce(disabled_at, now()) END
WHERE operator_id = %(operator_id)s AND namespace = %(namespace)s;

-- name: revoke_key_of
-- From now on this key of a namespace is nobody's.
UPDATE api_key SET revoked_at = now()
WHERE key_id = %(key_id)s AND namespace = %(namespace)s AND revoked_at IS NULL;

-- name: audit_page
-- The audit trail from the newest down; of the lines of the time no more than some are looked at.
SELECT audit_id, at, actor, action, target, detail, address
FROM (SELECT audit_id, at, actor, action, target, detail, address FROM audit
      WHERE namespace = %(namespace)s AND at >= %(since)s AND at < %(until)s
        AND (%(below_at)s::timestamptz IS NULL OR (at, audit_id) <
             (%(below_at)s::timestamptz, %(below_id)s::uuid))
      ORDER BY at DESC, audit_id DESC
      LIMIT %(looked_at)s) AS newest
WHERE (%(actor)s::text IS NULL OR actor = %(actor)s::text)
  AND (%(action)s::text IS NULL OR action LIKE %(action)s::text)
  AND (%(target)s::text IS NULL OR target = %(target)s::text)
ORDER BY at DESC, audit_id DESC
LIMIT %(limit)s;

-- name: audit_reach
-- The last of the lines that a page looked at, and how many those were.
SELECT at, audit_id, count(*) OVER () AS looked_at
FROM (SELECT at, audit_id FROM audit
      WHERE namespace = %(namespace)s AND at >= %(since)s AND at < %(until)s
        AND (%(below_at)s::timestamptz IS NULL OR (at, audit_id) <
             (%(below_at)s::timestamptz, %(below_id)s::uuid))
      ORDER BY at DESC, audit_id DESC
      LIMIT %(looked_at)s) AS newest
ORDER BY at, audit_id
LIMIT 1;

-- name: longest_wait
-- The longest time from a redemption to a person's decision on it, of the newest lines since a
-- moment, and the oldest of those. What a line is about is a transaction, whose ID begins with its
-- time.
SELECT count(*) AS looked_at, min(at) AS since,
       max(at - to_timestamp(('x' || left(target, 8) || substr(target, 10, 4))::bit(48)::bigint
                             / 1000.0))
           FILTER (WHERE action IN ('transaction.operator-confirms', 'transaction.operator-cancels')
                   AND detail ->> 'outcome' = 'applied') AS waited
FROM (SELECT at, action, target, detail FROM audit
      WHERE namespace = %(namespace)s AND at >= %(since)s
      ORDER BY at DESC, audit_id DESC
      LIMIT %(looked_at)s) AS newest;
