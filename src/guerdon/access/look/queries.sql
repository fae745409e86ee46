-- name: look
-- How a programme's widget looks and speaks.
SELECT theme::text AS theme, texts::text AS texts, version
FROM widget_look WHERE namespace = %(namespace)s;

-- name: add_look
-- Room for it, as it comes.
INSERT INTO widget_look (namespace) VALUES (%(namespace)s) ON CONFLICT DO NOTHING;

-- name: change_look
-- Another look; the version guards against overwriting somebody else's.
UPDATE widget_look
SET theme = %(theme)s::jsonb, texts = %(texts)s::jsonb, version = version + 1
WHERE namespace = %(namespace)s AND version = %(version)s;
