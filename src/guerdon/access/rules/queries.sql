-- name: rules
-- What a programme asks of its own people.
SELECT conformance_required FROM namespace_rules WHERE namespace = %(namespace)s;

-- name: set_conformance_required
-- Whether an option needs a provider with a passed conformance before it goes live.
INSERT INTO namespace_rules (namespace, conformance_required)
VALUES (%(namespace)s, %(required)s)
ON CONFLICT (namespace) DO UPDATE SET conformance_required = excluded.conformance_required;

-- name: second_person_from
-- From which price on two people decide, where a programme says so.
SELECT namespace, second_person_from
FROM namespace_rules
WHERE namespace = ANY (%(namespaces)s::text[]) AND second_person_from IS NOT NULL;

-- name: set_second_person_from
-- From which price on two people decide, or no more.
INSERT INTO namespace_rules (namespace, second_person_from)
VALUES (%(namespace)s, %(price)s)
ON CONFLICT (namespace) DO UPDATE SET second_person_from = excluded.second_person_from;
