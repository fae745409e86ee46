"""Migrations: once each, however many migrate; forward only; and the rights of the service."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from guerdon import ids
from guerdon.db import migrate as migrations
from guerdon.db.embedded import EmbeddedServer
from guerdon.db.migrate import APPEND_ONLY, SERVICE_ROLE, MigrationError, migrate, missing_role
from guerdon.db.pool import Database


@pytest.fixture
def empty_url(server: str) -> Iterator[str]:
    """A superuser's conninfo of a database without a schema."""
    name = f"empty_{ids.random_id().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield make_conninfo(server, dbname=name)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def plain_url(server: str) -> Iterator[str]:
    """The conninfo of a role that owns an empty database and may nothing else."""
    name = f"plain_{ids.random_id().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'secret'")
        connection.execute(f"CREATE DATABASE {name} OWNER {name}")
        try:
            yield make_conninfo(server, dbname=name, user=name, password="secret")
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
            connection.execute(f"DROP ROLE {name}")


def _rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def _run(url: str, statement: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode())


def _known() -> list[str]:
    return [name for _, name, _ in migrations._files()]


def test_migrations_are_numbered_without_gaps() -> None:
    assert [version for version, _, _ in migrations._files()] == list(range(1, len(_known()) + 1))


async def test_three_migrators_at_once_run_each_migration_once(empty_url: str) -> None:
    ran = await asyncio.gather(*(migrate(empty_url) for _ in range(3)))
    assert sorted(ran) == [[], [], _known()]
    recorded = _rows(empty_url, "SELECT name FROM schema_migration ORDER BY version")
    assert [name for (name,) in recorded] == _known()


async def test_two_databases_of_a_new_server_at_once(tmp_path: Path) -> None:
    """Roles belong to the whole server: only one of the two can make the service's."""
    with closing(EmbeddedServer.open(tmp_path)) as fresh:
        _run(fresh.superuser_url, "DROP ROLE IF EXISTS guerdon_service")
        urls = []
        with psycopg.connect(fresh.superuser_url, autocommit=True) as connection:
            for name in ("one", "other"):
                connection.execute(f"CREATE DATABASE {name}".encode())
                urls.append(make_conninfo(fresh.superuser_url, dbname=name))
        assert await asyncio.gather(*map(migrate, urls)) == [_known(), _known()]


async def test_who_comes_later_runs_nothing(database_url: str) -> None:
    before = _rows(database_url, "SELECT * FROM schema_migration ORDER BY version")
    assert await migrate(database_url) == []
    assert _rows(database_url, "SELECT * FROM schema_migration ORDER BY version") == before


async def test_a_migrator_waits_for_one_that_is_at_work(empty_url: str, database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(empty_url, autocommit=True) as first:
        await first.execute("SELECT pg_advisory_lock(%s)", (migrations._LOCK,))
        second = asyncio.create_task(migrate(empty_url))
        while not await _somebody_waits(first):
            assert not second.done()
        assert _rows(empty_url, "SELECT to_regclass('schema_migration')") == [(None,)]
        await first.execute("SELECT pg_advisory_unlock(%s)", (migrations._LOCK,))
        assert await second == _known()


async def _somebody_waits(connection: psycopg.AsyncConnection) -> bool:
    cursor = await connection.execute(
        "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
        "WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
    )
    row = await cursor.fetchone()
    return row is not None and row[0] == 1


async def test_an_edited_migration_is_refused_by_name(database_url: str) -> None:
    _run(database_url, "UPDATE schema_migration SET sha256 = 'edited' WHERE version = 1")
    with pytest.raises(MigrationError, match=_known()[0]) as refused:
        await migrate(database_url)
    assert "never changes" in refused.value.detail


async def test_an_older_release_says_that_the_database_is_newer(database_url: str) -> None:
    _run(
        database_url,
        "INSERT INTO schema_migration (version, name, sha256) VALUES (9000, '9000_next.sql', 'x')",
    )
    with pytest.raises(MigrationError, match="at schema 9000") as refused:
        await migrate(database_url)
    assert f"only {len(_known())}" in refused.value.detail
    assert "newer release" in refused.value.detail


async def test_a_migration_that_fails_leaves_nothing_behind(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = migrations._files()
    broken = (len(good) + 1, "9999_broken.sql", "CREATE TABLE half (x int); SELECT 1 / 0;")
    monkeypatch.setattr(migrations, "_files", lambda: [*good, broken])
    with pytest.raises(psycopg.errors.DivisionByZero):
        await migrate(empty_url)
    assert _rows(empty_url, "SELECT to_regclass('half')") == [(None,)]
    monkeypatch.undo()
    assert await migrate(empty_url) == [], "what came before it stayed, and the lock is free"


_COLUMN = {"posting": "amount", "event": "seq", "attempt": "n", "audit": "actor"}


@pytest.mark.parametrize("table", APPEND_ONLY)
async def test_the_service_cannot_change_what_is_append_only(
    database: Database, table: str
) -> None:
    column = _COLUMN.get(table, "version")
    for statement in (
        f"UPDATE {table} SET {column} = {column}",
        f"DELETE FROM {table}",
        f"TRUNCATE {table}",
    ):
        async with database.pool.connection() as connection:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await connection.execute(statement.encode())


def _rights(url: str) -> dict[str, str]:
    """What the service may do with each table, as the first letters."""
    rows = _rows(
        url,
        "SELECT relname, concat_ws('', "
        + ", ".join(
            f"CASE WHEN has_table_privilege('{SERVICE_ROLE}', oid, '{right}') THEN '{right[0]}' END"
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
        )
        + ") FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
    )
    return {str(table): str(rights) for table, rights in rows}


async def test_the_service_has_these_rights_and_no_others(database_url: str) -> None:
    rights = _rights(database_url)
    assert len(rights) >= 20
    assert rights.pop("schema_migration") == "S"
    assert {table: rights.pop(table) for table in APPEND_ONLY} == dict.fromkeys(APPEND_ONLY, "SI")
    assert rights.pop("namespace") == "SI"
    assert set(rights.values()) == {"SIUD"}


async def test_rights_are_set_anew_by_every_migration(database_url: str) -> None:
    _run(database_url, f"GRANT ALL ON posting TO {SERVICE_ROLE}; CREATE TABLE extra (x int)")
    await migrate(database_url)
    rights = _rights(database_url)
    assert (rights["posting"], rights["extra"]) == ("SI", "SIUD")


async def test_a_role_that_may_take_on_the_services_needs_no_advice(database_url: str) -> None:
    assert await missing_role(database_url) is None


async def test_a_role_that_is_no_member_is_told_what_to_run(plain_url: str, server: str) -> None:
    assert await migrate(plain_url) == _known()
    advice = await missing_role(plain_url)
    assert advice is not None
    line = advice.splitlines()[-1]
    assert line.startswith(f"GRANT {SERVICE_ROLE} TO ")
    _run(server, line)
    assert await missing_role(plain_url) is None


async def test_a_role_that_may_not_create_roles_migrates_and_is_told_what_to_run(
    plain_url: str, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    missing = f"service_{ids.random_id().hex}"
    monkeypatch.setattr(migrations, "SERVICE_ROLE", missing)
    assert await migrate(plain_url) == _known()
    advice = await missing_role(plain_url)
    assert advice is not None
    assert f"CREATE ROLE {missing} NOLOGIN;" in advice
    try:
        for line in advice.splitlines()[-2:]:
            _run(server, line)
        await migrate(plain_url)
        assert await missing_role(plain_url) is None
        held = _rows(plain_url, f"SELECT has_table_privilege('{missing}', 'posting', 'UPDATE')")
        assert held == [(False,)]
    finally:
        _run(plain_url, f"DROP OWNED BY {missing}")
        _run(server, f"DROP ROLE {missing}")
