"""The hot statements stay index lookups, however large the tables are: plans, not times."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from tests.conftest import TEMPLATE
from tests.house.statements import Named, statements

from guerdon import ids

# What runs for each redemption, delivery and callback, and each second: by room.
HOT = {
    "access": ["key_holder"],
    "members": ["find_members", "lock_members", "save_frozen", "tombstone", "user_ids"],
    "ledger": ["lock_accounts", "account", "save_accounts", "statement", "postings_of"],
    "options": ["current", "definitions", "lock_option", "lock_shares", "take", "all_shares"],
    # `standing` reads all providers of a namespace: they are few, and a scan may be the best plan.
    "providers": ["load", "secrets", "sending_standing"],
    "transactions": [
        "lock_transactions",
        "save_transactions",
        "attempts_of",
        "personal_of",
        "bodies_of",
        "erase_personal",
        "open_count",
        "counts_of",
        "events_of",
        "said_before",
        "transaction",
        "find_keys",
        "find_callbacks",
        "overdue",
        "to_ask",
        "reschedule_ask",
        "stop_asking",
        "page",
        "in_order",
    ],
    # What people look at: a page, its count, and the steps of a search that no index answers.
    "transactions.lists": [
        "newest",
        "oldest",
        "count",
        "size",
        "reach_newest",
        "reach_oldest",
        "last_attempts",
        "count_to_decide",
        "count_status",
        "by_ids",
    ],
    "transactions.payloads": ["holding", "replies"],
    "transactions.exports": ["events"],
    "transactions.desk": ["assignees", "assigned_to", "last_notes"],
    "outbox": [
        "lock_messages",
        "remove_messages",
        "requeue_messages",
        "claim",
        "put_back",
        "lapsed",
        "debt",
    ],
}
_ROWS = 40_000
# One row of each table for each number i; slots, members and namespaces as they would spread.
_FILL = """
CREATE TEMP TABLE n AS
SELECT i, (i % 8)::smallint AS slot, md5('m' || i)::uuid AS member, md5('t' || i)::uuid AS id,
    'space' || i % 2000 AS namespace, now() - i * interval '1 second' AS at
FROM generate_series(1, {rows}) AS i;
INSERT INTO namespace (namespace) SELECT DISTINCT namespace FROM n;
INSERT INTO api_key (key_id, namespace, secret_hash, scopes)
    SELECT id, namespace, decode(md5(i::text), 'hex'), '{{read}}' FROM n;
INSERT INTO member (slot, member_id, namespace, user_id)
    SELECT slot, member, namespace, 'u' || i FROM n;
INSERT INTO member_profile (slot, member_id, email) SELECT slot, member, 'u' || i FROM n;
INSERT INTO member_tombstone (slot, namespace, user_hash)
    SELECT slot, namespace, decode(md5(i::text), 'hex') FROM n;
INSERT INTO account (slot, member_id, namespace, available, member_seq)
    SELECT slot, member, namespace, 5, 1 FROM n;
INSERT INTO posting (slot, cause_id, leg, namespace, member_id, member_seq, movement, from_account,
    to_account, amount, available_after, held_after, at, hash)
    SELECT slot, id, 0, namespace, member, 1, 'issue', 'issued', 'available', 5, 5, 0, at,
        sha256(i::text::bytea) FROM n;
INSERT INTO provider (provider_id, namespace, name, webhook_url, dialect, confirmation, idempotent,
    bare4xx, timeout_seconds, max_in_flight)
    SELECT member, namespace, 'p' || i, 'https://example.com/', 'json', 'reply', false, 'hold', 15,
        32
    FROM n WHERE i <= 5000;
INSERT INTO provider_health (provider_id) SELECT provider_id FROM provider;
INSERT INTO provider_secret (secret_id, provider_id, kind, sealed)
    SELECT md5(provider_id || kind)::uuid, provider_id, kind, '\\x00'
    FROM provider, unnest('{{secretKey,signingSecret,callbackSecret}}'::text[]) AS kind;
INSERT INTO option (namespace, option_name, type, provider_id, version)
    SELECT namespace, id, 'digital', member, 1 FROM n WHERE i <= 5000;
INSERT INTO option_version (namespace, option_name, version, definition, author)
    SELECT namespace, option_name, v, '{{}}', 'x' FROM option, generate_series(1, 3) AS v;
INSERT INTO option_share (slot, namespace, option_name, spare)
    SELECT s, namespace, option_name, 5 FROM option, generate_series(0, 7) AS s;
INSERT INTO transaction (slot, transaction_id, namespace, member_id, option_name, option_version,
    option_title, provider_id, type, price, origin, status, events, due_at, next_ask_at, created_at,
    updated_at, closed_at, closed_by)
    SELECT slot, id, namespace, member, md5('t' || i % 5000)::uuid, 1, 'x',
        md5('m' || i % 5000)::uuid, 'digital', 5, 'api',
        CASE WHEN i % 20 = 0 THEN 'pending' ELSE 'success' END, 2,
        CASE WHEN i % 200 = 0 THEN at END, CASE WHEN i % 200 = 0 THEN at END, at, at,
        CASE WHEN i % 20 <> 0 THEN at END, CASE WHEN i % 20 <> 0 THEN 'provider' END
    FROM n;
INSERT INTO transaction_personal (slot, transaction_id, part, content)
    SELECT slot, id, part, '\\x00' FROM n, generate_series(0, 1) AS part;
INSERT INTO event (slot, transaction_id, seq, type, at, actor)
    SELECT slot, id, seq, 'x', at, 'x' FROM n, generate_series(1, 3) AS seq;
INSERT INTO attempt (slot, transaction_id, n, started_at, evidence, rule, sentence)
    SELECT slot, id, 1, at, 'S', 'x', 'x' FROM n;
INSERT INTO transaction_note (slot, transaction_id, n, author, at)
    SELECT slot, id, 1, 'x', at FROM n;
INSERT INTO transaction_assignee (slot, transaction_id, namespace, assignee, at)
    SELECT slot, id, namespace, 'x', at FROM n;
INSERT INTO callback (slot, transaction_id, webhook_id, body_hash, status, conflicts, at)
    SELECT slot, id, 'w', '\\x00', 'success', false, at FROM n;
INSERT INTO idempotency_key (slot, scope_hash, body_hash, cause_id, created_at)
    SELECT slot, decode(md5(i::text), 'hex'), '\\x00', id, at FROM n;
INSERT INTO message (slot, transaction_id, provider_id, state, attempts, due_at, lease_until,
    lease_owner, created_at)
    SELECT slot, id, md5('m' || i % 5000)::uuid,
        CASE WHEN i % 2 = 0 THEN 'queued' ELSE 'sending' END,
        1, at, CASE WHEN i % 2 = 1 THEN at END, CASE WHEN i % 2 = 1 THEN member END, at
    FROM n;
"""


@pytest.fixture(scope="module")
def filled(server: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a database whose every table of the hot path is large and analysed."""
    name = f"plans_{ids.random_id().hex}"
    with psycopg.connect(server, autocommit=True) as outside:
        outside.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}".encode())
        try:
            with psycopg.connect(make_conninfo(server, dbname=name), autocommit=True) as connection:
                connection.execute(_FILL.format(rows=_ROWS).encode())
                connection.execute("VACUUM ANALYZE")
                # Prepared statements are planned once, for whatever values: so are these.
                connection.execute("SET plan_cache_mode = force_generic_plan; SET jit = off")
                yield connection
        finally:
            outside.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _hot() -> list[Named]:
    found = [named for named in statements() if named.statement.name in HOT.get(named.package, ())]
    assert len(found) == sum(len(names) for names in HOT.values()), "a hot statement was renamed"
    return found


@pytest.mark.parametrize("named", _hot(), ids=str)
def test_a_hot_statement_reads_no_table_from_end_to_end(
    filled: psycopg.Connection[Any], named: Named
) -> None:
    name = str(named).replace(".", "_")
    filled.execute(f"PREPARE {name} AS {named.numbered}".encode())
    given = ", ".join(["NULL"] * len(named.parameters))
    row = filled.execute(f"EXPLAIN (FORMAT JSON) EXECUTE {name} ({given})".encode()).fetchone()
    assert row is not None
    scans = [
        f"{node['Node Type']} on {node['Relation Name']}"
        for node in _nodes(row[0][0]["Plan"])
        if node["Node Type"] == "Seq Scan" and "Relation Name" in node
    ]
    assert scans == []


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)
