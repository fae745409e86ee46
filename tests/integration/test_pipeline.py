"""The hot path's pipeline: what goes in comes back, one failure ends it, nothing is left over."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.pq import PipelineStatus, TransactionStatus

from guerdon.db.pool import Database
from guerdon.db.sql import Statement

_ECHO = Statement("echo", "", b"SELECT %(value)s::text AS value")
_FAILS = Statement("fails", "", b"SELECT 1 / %(zero)s::integer AS value")
_ADD = Statement("add", "", b"INSERT INTO namespace (namespace) VALUES (%(namespace)s)")
_COUNT = Statement("count", "", b"SELECT count(*) AS rows FROM namespace")
_LONG = Statement("long", "", b"SELECT repeat('x', %(size)s::integer) || %(given)s AS value")


def _statement(kind: str) -> Statement:
    return Statement(kind, "", f"SELECT %(value)s::{kind} AS value".encode())


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("bigint", 2**53 - 1),
        ("smallint", -7),
        ("boolean", True),
        ("boolean", False),
        ("text", 'It\'s "quoted" \\ and ünïcode\n'),
        ("text", ""),
        ("uuid", UUID("00000000-0000-8000-8000-00000000000f")),
        ("bytea", bytes(range(256))),
        ("timestamptz", datetime(2026, 11, 25, 12, 0, 0, 123456, UTC)),
        ("text[]", ['a"b', "c\\d", "", "NULL"]),
        ("bigint[]", [1, 2, 3]),
        ("uuid[]", [UUID(int=1), UUID(int=2**128 - 1)]),
        ("text", None),
    ],
)
async def test_what_goes_in_comes_back(database: Database, kind: str, value: Any) -> None:
    async with database.batch() as tx:
        row = await tx.first(_statement(kind), {"value": value})
    assert row is not None
    assert row.value == value


async def test_a_value_of_an_unknown_kind_is_refused(database: Database) -> None:
    with pytest.raises(TypeError, match="timedelta"):
        async with database.batch() as tx:
            await tx.all(_ECHO, {"value": timedelta(1)})
    with pytest.raises(psycopg.DataError, match="NUL"):
        async with database.batch() as tx:
            await tx.all(_ECHO, {"value": "cut\0here"})


async def _names(database: Database) -> int:
    async with database.read() as tx:
        return int((await tx.first(_COUNT)).rows)


async def test_everything_is_committed_or_nothing(database: Database) -> None:
    async def breaks_off() -> None:
        async with database.batch() as tx:
            await tx.execute(_ADD, {"namespace": "gone"})
            raise RuntimeError

    async with database.batch() as tx:
        await tx.execute(_ADD, {"namespace": "kept"})
        assert await tx.run(_ADD, {"namespace": "kept-too"}) == 1
    with pytest.raises(RuntimeError):
        await breaks_off()
    assert await _names(database) == 2


async def test_a_write_that_fails_unheard_fails_the_commit(database: Database) -> None:
    async def writes() -> None:
        async with database.batch() as tx:
            for _ in range(3):
                await tx.execute(_ADD, {"namespace": "twice"})

    with pytest.raises(psycopg.errors.UniqueViolation):
        await writes()
    assert await _names(database) == 0


async def test_all_who_wait_hear_the_first_failure_and_so_does_the_commit(
    database: Database,
) -> None:
    async def goes_on_as_if_nothing_had_happened() -> None:
        async with database.batch() as tx:
            before, fails, after = await asyncio.gather(
                tx.all(_ECHO, {"value": "before"}),
                tx.all(_FAILS, {"zero": 0}),
                tx.all(_ECHO, {"value": "after"}),
                return_exceptions=True,
            )
            assert isinstance(before, list)
            assert isinstance(fails, psycopg.errors.DivisionByZero)
            assert after is fails

    with pytest.raises(psycopg.errors.DivisionByZero):
        await goes_on_as_if_nothing_had_happened()


async def test_side_by_side_shares_a_trip_and_each_gets_its_own(database: Database) -> None:
    async with database.batch() as tx:
        rows = await tx.together(*(tx.all(_ECHO, {"value": str(n)}) for n in range(50)))
    assert [row.value for (row,) in rows] == [str(n) for n in range(50)]


async def test_much_goes_both_ways_at_once(database: Database) -> None:
    """More than any socket holds: whoever only wrote would wait for a server that only writes."""
    size = 4 * 1024 * 1024
    async with database.batch() as tx:
        rows = await tx.together(
            *(tx.all(_LONG, {"size": size, "given": str(n) * size}) for n in range(4))
        )
    assert [len(row.value) for (row,) in rows] == [2 * size] * 4


@pytest.fixture
async def alone(database_url: str) -> AsyncIterator[Database]:
    """A pool of one connection: whatever a batch leaves behind, the next one finds."""
    opened = Database(database_url, min_size=1, max_size=1)
    await opened.open()
    yield opened
    await opened.close()


async def _prepared(database: Database) -> int:
    async with database.batches.connection() as connection:
        assert connection.pgconn.transaction_status == TransactionStatus.IDLE
        assert connection.pgconn.pipeline_status == PipelineStatus.OFF
        cursor = await connection.execute("SELECT count(*) AS n FROM pg_prepared_statements")
        row = await cursor.fetchone()
        return int(row.n)


async def test_a_connection_is_handed_back_as_it_was_and_keeps_its_statements(
    alone: Database,
) -> None:
    async def once() -> None:
        async with alone.batch() as tx:
            await tx.together(*(tx.all(_ECHO, {"value": "x"}) for _ in range(3)))

    await once()
    prepared = await _prepared(alone)
    for _ in range(3):
        await once()
        with pytest.raises(psycopg.errors.DivisionByZero):
            async with alone.batch() as tx:
                # What stands behind a failure is not prepared, and is when it comes again.
                await tx.together(tx.all(_FAILS, {"zero": 0}), tx.all(_COUNT))
    async with alone.batch() as tx:
        assert (await tx.first(_COUNT)).rows == 0
    assert await _prepared(alone) == prepared + 3  # _FAILS, _COUNT, ROLLBACK


async def test_what_psycopg_forgets_a_batch_still_knows(alone: Database) -> None:
    """After a ROLLBACK psycopg has PostgreSQL forget every statement of its connection."""

    async def breaks_off() -> None:
        async with alone.tx():
            raise RuntimeError

    async def batch() -> None:
        async with alone.batch() as tx:
            await tx.all(_ECHO, {"value": "x"})

    await batch()
    for _ in range(10):  # psycopg prepares what comes again and again
        await _names(alone)
    with pytest.raises(RuntimeError):
        await breaks_off()
    await batch()


async def test_whoever_is_cancelled_leaves_nothing_behind(alone: Database) -> None:
    asked = asyncio.Event()

    async def work() -> None:
        async with alone.batch() as tx:
            await tx.execute(_ADD, {"namespace": "gone"})
            asked.set()
            await tx.all(Statement("wait", "", b"SELECT pg_sleep(0.2)"))

    task = asyncio.create_task(work())
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with alone.batch() as tx:
        assert (await tx.first(_COUNT)).rows == 0


async def test_a_lost_connection_fails_all_who_wait_and_the_pool_heals(
    alone: Database, database_url: str
) -> None:
    async def loses_it() -> None:
        async with alone.batch() as tx:
            pid = (await tx.first(Statement("pid", "", b"SELECT pg_backend_pid() AS pid"))).pid
            sleep = Statement("sleep", "", b"SELECT pg_sleep(60)")
            waiting = [asyncio.create_task(tx.all(sleep)) for _ in range(2)]
            async with await psycopg.AsyncConnection.connect(database_url) as other:
                await other.execute("SELECT pg_terminate_backend(%s)", (pid,))
            answers = await asyncio.gather(*waiting, return_exceptions=True)
            assert all(isinstance(answer, psycopg.OperationalError) for answer in answers)

    with pytest.raises(psycopg.OperationalError):
        await loses_it()
    assert await _names(alone) == 0
