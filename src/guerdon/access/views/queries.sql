-- name: views_of
-- The views an operator sees: the team's, then their own, each by name.
SELECT view_id, owner_id, name, query, changed_by, changed_at
FROM saved_view
WHERE namespace = %(namespace)s AND (owner_id IS NULL OR owner_id = %(operator_id)s)
ORDER BY owner_id IS NOT NULL, lower(name), view_id;

-- name: lock_namespace
-- Whoever adds a view waits for whoever adds another, so that their number stays bounded.
SELECT namespace FROM namespace WHERE namespace = %(namespace)s FOR NO KEY UPDATE;

-- name: add_view
-- A name for a query; not a second one of the same name and owner.
INSERT INTO saved_view (view_id, namespace, owner_id, name, query, changed_by, changed_at)
VALUES (%(view_id)s, %(namespace)s, %(owner_id)s, %(name)s, %(query)s, %(actor)s, %(at)s)
ON CONFLICT DO NOTHING;

-- name: change_view
-- Another query under the same name; answers whose and which it is.
UPDATE saved_view SET query = %(query)s, changed_by = %(actor)s, changed_at = %(at)s
WHERE view_id = %(view_id)s AND namespace = %(namespace)s
  AND owner_id IS NOT DISTINCT FROM %(owner_id)s::uuid
RETURNING view_id, owner_id, name, query, changed_by, changed_at;

-- name: remove_view
-- It is gone; answers which it was.
DELETE FROM saved_view
WHERE view_id = %(view_id)s AND namespace = %(namespace)s
  AND owner_id IS NOT DISTINCT FROM %(owner_id)s::uuid
RETURNING view_id, owner_id, name, query, changed_by, changed_at;
