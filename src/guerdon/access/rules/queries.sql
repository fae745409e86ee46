-- name: rules
-- What a programme asks of its own people.
SELECT conformance_required FROM namespace_rules WHERE namespace = %(namespace)s;

-- name: set_conformance_required
-- Whether an option needs a provider with a passed conformance before it goes live.
INSERT INTO namespace_rules (namespace, conformance_required)
VALUES (%(namespace)s, %(required)s)
ON CONFLICT (namespace) DO UPDATE SET conformance_required = excluded.conformance_required;
