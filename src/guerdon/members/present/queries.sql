-- name: forget
-- What this process said before goes, and what processes that were killed left; not member data.
DELETE FROM widget_in_view
WHERE process_id = %(process_id)s OR at < clock_timestamp() - interval '1 day';

-- name: say
-- How many members of each programme this process has in view; not member data.
INSERT INTO widget_in_view (process_id, namespace, members)
SELECT %(process_id)s, n.namespace, n.members
FROM unnest(%(namespaces)s::text[], %(members)s::integer[]) AS n (namespace, members);

-- name: in_view
-- How many members of a programme all processes had in view just now; not member data.
SELECT coalesce(sum(members), 0)::bigint AS members
FROM widget_in_view
WHERE namespace = %(namespace)s AND at > clock_timestamp() - interval '15 seconds';
