"""The laws of the house that hold for SQL: named, explained, at home, prepared, and permitted."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.house.code import PACKAGE, names, package_files, place, room, tree
from tests.house.statements import Named, files, statements

from guerdon.db.migrate import SERVICE_ROLE

ALL = list(statements())
# Whose a table is. A new table says so here.
ROOMS = {
    "db": {"installation", "schema_migration"},
    "access": {
        "namespace",
        "namespace_rules",
        "widget_look",
        "api_key",
        "member_key",
        "operator",
        "operator_session",
        "second_step",
        "recovery_code",
        "half_sign_in",
        "audit",
        "saved_view",
    },
    "members": {"widget_in_view", "member_note", "member", "member_profile", "member_tombstone"},
    "ledger": {"account", "posting"},
    "providers": {
        "provider",
        "provider_health",
        "provider_secret",
        "provider_conformance",
        "callback_refused",
    },
    "options": {"option", "option_version", "option_share"},
    "transactions": {
        "transaction",
        "transaction_hour",
        "transaction_hour_change",
        "transaction_hour_count",
        "transaction_case",
        "transaction_personal",
        "event",
        "attempt",
        "callback",
        "idempotency_key",
        "transaction_note",
        "transaction_assignee",
        "decision_request",
        "bulk_job",
        "bulk_item",
        "retention",
        "retention_later",
        "transaction_export",
        "transaction_export_part",
    },
    "outbox": {"message", "process"},
}
TABLES = set().union(*ROOMS.values())
# SQL beside the named statements: what the ground of the database itself says.
SPEAKERS = {
    "db/pool.py",
    "db/migrate.py",
    "db/embedded.py",
    "cli/database.py",
    "bench/compare.py",  # makes and counts in a database of its own
}
_REASON = re.compile(r"(all|every|several) slots|not member data", re.IGNORECASE)


@pytest.mark.parametrize("path", files(), ids=place)
def test_every_statement_has_a_name_and_a_sentence(path: Path) -> None:
    text = path.read_text("utf-8")
    blocks = re.split(r"^(?=-- name: )", text, flags=re.MULTILINE)
    assert blocks[0].strip() == "", "nothing stands before the first name"
    for block in blocks[1:]:
        lines = block.splitlines()
        assert re.fullmatch(r"-- name: [a-z][a-z_0-9]*", lines[0]), lines[0]
        doc = [line for line in lines[1:] if line.startswith("--")]
        sentence = " ".join(line.removeprefix("--").strip() for line in doc)
        assert re.match(r"[A-Z].{8,}[.]$", sentence), f"{lines[0]}: {sentence!r}"
        assert block.count(";\n") + block.count(";--") <= 1 + sentence.count(";"), lines[0]
    found = [str(s) for s in ALL if PACKAGE.joinpath(*s.package.split("."), path.name) == path]
    assert len(found) == len(blocks) - 1, "the loader sees every block"


@pytest.mark.parametrize("named", ALL, ids=str)
def test_a_statement_names_its_own_rooms_tables(named: Named) -> None:
    strangers = named.tables(TABLES) - ROOMS[named.room]
    assert strangers == set()


@pytest.mark.parametrize("named", ALL, ids=str)
def test_every_statement_is_used(named: Named) -> None:
    code = [path.read_text("utf-8") for path in package_files() if room(path) == named.room]
    assert any(f'"{named.statement.name}"' in text for text in code)


def test_every_table_is_somebodys(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        )
        assert {name for (name,) in rows} == TABLES


def test_member_data_is_asked_for_by_slot_or_says_why_not(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT table_name FROM information_schema.columns "
            "WHERE table_schema = 'public' AND column_name = 'slot'"
        )
        member_data = {name for (name,) in rows}
    assert {"member", "account", "posting", "transaction", "message"} <= member_data
    silent = []
    for named in ALL:
        if not named.tables(member_data) or _REASON.search(named.statement.doc):
            continue
        by_slot = re.search(r"\bslot = (%\(slot\)s|\w+\.slot)", named.text)
        into = re.search(r"INSERT INTO \w+ \([^)]*\bslot\b", named.text)
        if not by_slot and not into:
            silent.append(str(named))
    assert silent == []


def test_keys_of_member_data_are_led_by_slot(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            """
            SELECT c.relname, i.indexrelid::regclass::text, a.attname
            FROM pg_index i
            JOIN pg_class c ON c.oid = i.indrelid AND c.relnamespace = 'public'::regnamespace
            JOIN pg_attribute s ON s.attrelid = c.oid AND s.attname = 'slot'
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
            WHERE i.indisunique
            """
        ).fetchall()
    assert len(rows) >= 12
    assert [row for row in rows if row[2] != "slot"] == []


def test_no_trigger_and_no_foreign_key_at_what_is_append_only(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        triggers = connection.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")
        assert triggers.fetchall() == []
        pointing = connection.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'f' AND confrelid IN "
            "('posting'::regclass, 'event'::regclass, 'attempt'::regclass, 'audit'::regclass)"
        )
        assert pointing.fetchall() == []
    for path in sorted((PACKAGE / "db" / "migrations").glob("*.sql")):
        code = re.sub(r"--[^\n]*", "", path.read_text("utf-8"))
        assert not re.search(r"\b(TRIGGER|CREATE\s+RULE)\b", code, re.IGNORECASE), path


def test_the_only_function_wipes_and_forgets_no_table(database_url: str) -> None:
    """It runs with the rights of who migrated: nobody else may call it, and no search path leads it
    astray. What has a slot is member data, so a new table of it has a line there."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT proname, prosecdef, proconfig, prosrc,"
            " has_function_privilege('public', oid, 'EXECUTE'),"
            f" has_function_privilege('{SERVICE_ROLE}', oid, 'EXECUTE')"
            " FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        ).fetchall()
        tables = connection.execute(
            "SELECT table_name FROM information_schema.columns "
            "WHERE table_schema = 'public' AND column_name = 'slot'"
        ).fetchall()
    [(name, definer, settings, source, everybody, service)] = rows
    assert (name, definer, everybody, service) == ("wipe_test_members", True, False, True)
    assert settings == ["search_path=pg_catalog, public, pg_temp"]
    gone = set(re.findall(r"DELETE FROM (\w+)", source))
    stays = {table for (table,) in tables} - gone
    # An option stays, unused; what is to be looked at again goes with its transaction, by its key,
    # and notes on a member with the member; and what goes is noted in its hours.
    by_key = {"retention_later", "member_note"}
    assert stays == {"option_share", "transaction_hour_change"} | by_key
    assert "INSERT INTO transaction_hour_change" in source


def test_the_service_may_run_every_statement_prepared(database_url: str) -> None:
    """PREPARE checks names and types, EXPLAIN EXECUTE checks the rights of the service's role."""
    wrong = {}
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"SET ROLE {SERVICE_ROLE}")
        for number, named in enumerate(ALL):
            try:
                connection.execute(f"PREPARE s{number} AS {named.numbered}".encode())
                nulls = ", ".join(["NULL"] * len(named.parameters))
                given = f"({nulls})" if nulls else ""
                connection.execute(f"EXPLAIN EXECUTE s{number} {given}".encode())
            except psycopg.Error as trouble:
                wrong[str(named)] = str(trouble).strip()
    assert wrong == {}


def test_sql_lives_in_queries_alone() -> None:
    spoken = re.compile(
        r"\b(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM)\b", re.DOTALL
    )
    found = []
    for path in package_files():
        if place(path) in SPEAKERS:
            continue
        found += [f"{place(path)}:{number}" for number, text in _texts(path) if spoken.search(text)]
    assert found == []


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            value = node.value
            yield node.lineno, value.decode("latin-1") if isinstance(value, bytes) else value


def test_only_stores_speak_to_their_statements() -> None:
    """A room's statements are loaded in that room, once."""
    for path in package_files():
        loads = [name for _, name in names(path) if name == "guerdon.db.sql.Queries"]
        if loads:
            assert f'Queries("guerdon.{".".join(path.parent.relative_to(PACKAGE).parts)}")' in (
                path.read_text("utf-8")
            ), place(path)
