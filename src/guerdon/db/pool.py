"""The pool of connections, and the two kinds of database transaction that come out of it.

Doors and batchers open a ``Tx``; verbs and nouns are handed one. A ``ReadTx`` cannot write: the
type says it, and PostgreSQL enforces it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, LiteralString, cast
from weakref import WeakKeyDictionary

from psycopg import AsyncConnection, AsyncCursor, sql
from psycopg.rows import namedtuple_row
from psycopg_pool import AsyncConnectionPool

from guerdon.db.arrays import literal
from guerdon.db.pipeline import Parameters, Pipeline
from guerdon.db.sql import Statement

Row = Any

# Set at the head of each transaction and for it alone: a session may belong to a PgBouncer, which
# gives it to others in between. A stuck session must not block callbacks for longer than people
# wait, nor hold a lock for ever.
_SETTINGS = {
    "statement_timeout": "30s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "30s",
    "TimeZone": "UTC",
    "jit": "off",
}
# A table that grew since its last ANALYZE must not turn a key lookup into a scan in mid-traffic.
# One plan is right whatever comes, so it is made once.
_PINNED_PLANS = {
    f"enable_{kind}": "off"
    for kind in ("seqscan", "hashjoin", "mergejoin", "bitmapscan", "material")
} | {"plan_cache_mode": "force_generic_plan"}
_SNAPSHOT = sql.SQL("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; ")


def _head(settings: Mapping[str, str]) -> sql.Composed:
    """One statement that makes settings for its transaction, and says when that began."""
    made = [sql.SQL("set_config({}, {}, true)").format(*pair) for pair in settings.items()]
    return sql.SQL("SELECT ARRAY[{}], now() AS at").format(sql.SQL(", ").join(made))


def _with_literals(parameters: Parameters) -> Parameters:
    """Lists become array literals; everything else is psycopg's to dump."""
    if parameters is None:
        return None
    return {
        name: literal(value) if type(value) is list else value for name, value in parameters.items()
    }


async def _know_poolers(connection: AsyncConnection[Row]) -> None:
    """Behind a connection pooler a statement that was prepared may be in another session."""
    cursor = await connection.execute("SELECT pg_backend_pid() AS pid")
    if behind_a_pooler(connection.info.backend_pid, (await _one(cursor)).pid):
        connection.prepare_threshold = None


def behind_a_pooler(told: int, actual: int) -> bool:
    """Whether the server that greeted us is not the one that answers: poolers make up the process
    that clients may cancel."""
    return told != actual


async def _one(cursor: AsyncCursor[Row]) -> Row:
    row = await cursor.fetchone()
    assert row is not None, "a SELECT without FROM has one row"
    return row


class ReadTx:
    """A database transaction that may only read."""

    def __init__(self, connection: AsyncConnection[Row]) -> None:
        self._connection = connection

    async def all(self, statement: Statement, parameters: Parameters = None) -> list[Row]:
        """Every row, as named tuples."""
        cursor = await self._run(statement, parameters)
        return await cursor.fetchall()

    async def first(self, statement: Statement, parameters: Parameters = None) -> Row | None:
        """The first row, or ``None``."""
        cursor = await self._run(statement, parameters)
        return await cursor.fetchone()

    async def stream(
        self,
        statement: Statement,
        parameters: Parameters = None,
        *,
        name: str = "stream",
        size: int = 1000,
    ) -> AsyncIterator[Sequence[Row]]:
        """Rows in groups of ``size`` through a server-side cursor: memory stays constant.

        Several streams of one transaction need different names.
        """
        async with self._connection.cursor(name=name) as cursor:
            await cursor.execute(cast("LiteralString", statement.text), _with_literals(parameters))
            while rows := await cursor.fetchmany(size):
                yield rows

    async def together(self, *reads: Awaitable[Any]) -> list[Any]:
        """Awaits reads side by side; in a batch they go out together, in one trip."""
        results = await asyncio.gather(*reads, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return results

    async def _run(self, statement: Statement, parameters: Parameters) -> AsyncCursor[Row]:
        return await self._connection.execute(
            cast("LiteralString", statement.text), _with_literals(parameters)
        )


class Tx(ReadTx):
    """A database transaction that may write: all of it happens, or none of it.

    ``at`` is when it began, on the database's clock, which all processes share.
    """

    def __init__(self, connection: AsyncConnection[Row], at: datetime) -> None:
        super().__init__(connection)
        self.at = at

    async def execute(self, statement: Statement, parameters: Parameters = None) -> None:
        """Runs a write; in a batch it is only sent, and its failure comes with a later answer."""
        await self._run(statement, parameters)

    async def run(self, statement: Statement, parameters: Parameters = None) -> int:
        """Runs a write and answers the number of rows it touched."""
        return (await self._run(statement, parameters)).rowcount


class BatchTx(Tx):
    """A ``Tx`` of the hot path, whose statements go through a pipeline."""

    def __init__(self, connection: AsyncConnection[Row], at: datetime, pipeline: Pipeline) -> None:
        super().__init__(connection, at)
        self._pipeline = pipeline

    async def all(self, statement: Statement, parameters: Parameters = None) -> list[Row]:
        return await self._pipeline.rows(statement, parameters)

    async def first(self, statement: Statement, parameters: Parameters = None) -> Row | None:
        rows = await self._pipeline.rows(statement, parameters)
        return rows[0] if rows else None

    async def execute(self, statement: Statement, parameters: Parameters = None) -> None:
        self._pipeline.send(statement, parameters)

    async def run(self, statement: Statement, parameters: Parameters = None) -> int:
        return (await self._pipeline.ask(statement, parameters)).command_tuples or 0


# Two drivers of lanes, what claims messages, and an import of members.
_BATCH_CONNECTIONS = 4


def _pool(conninfo: str, min_size: int, max_size: int) -> AsyncConnectionPool[AsyncConnection[Row]]:
    return AsyncConnectionPool(
        conninfo,
        kwargs={"row_factory": namedtuple_row, "autocommit": True},
        min_size=min_size,
        max_size=max_size,
        timeout=5,
        reconnect_timeout=60,
        configure=_know_poolers,
        open=False,
    )


class Database:
    """A pool of connections to one database, as the role of the service.

    ``conninfo`` is anything libpq takes. ``role``, when given, is taken on in every transaction
    (for a URL whose own role has more rights than the service should use).
    """

    def __init__(
        self, conninfo: str, *, role: str | None = None, min_size: int = 4, max_size: int = 16
    ) -> None:
        settings = _SETTINGS if role is None else {**_SETTINGS, "role": role}
        self._head = _head(settings).as_bytes()
        pinned = _head({**settings, **_PINNED_PLANS}).as_bytes()
        self._batch_head = Statement("batch_head", "", pinned)
        self._read_head = (_SNAPSHOT + _head(settings)).as_bytes()
        self._prepared: WeakKeyDictionary[AsyncConnection[Row], dict[bytes, bytes]]
        self._prepared = WeakKeyDictionary()
        self.pool = _pool(conninfo, min_size, max_size)
        # Of their own: after a ROLLBACK psycopg forgets all that its connection had prepared.
        self.batches = _pool(conninfo, 1, min(max_size, _BATCH_CONNECTIONS))

    async def open(self) -> None:
        """Opens the pools and waits for their first connections."""
        await self.pool.open(wait=True, timeout=10)
        await self.batches.open(wait=True, timeout=10)

    async def close(self) -> None:
        """Closes every connection."""
        await self.batches.close()
        await self.pool.close()

    @asynccontextmanager
    async def tx(self) -> AsyncIterator[Tx]:
        """Opens a ``Tx``."""
        async with self.pool.connection() as connection, connection.transaction():
            cursor = await connection.execute(self._head)
            yield Tx(connection, (await _one(cursor)).at)

    @asynccontextmanager
    async def batch(self) -> AsyncIterator[Tx]:
        """Opens a ``Tx`` for the set-based hot path: it keeps to index lookups, and its statements
        are not waited for one by one (a write's failure may come with a later statement, or with
        the COMMIT, which goes out with the last of them)."""
        async with self.batches.connection() as connection:
            keeps = connection.prepare_threshold is not None
            prepared = self._prepared.setdefault(connection, {}) if keeps else None
            pipeline = Pipeline(connection, prepared)
            try:
                pipeline.begin()
                head = await pipeline.rows(self._batch_head)
                yield BatchTx(connection, head[0].at, pipeline)
                await pipeline.commit()
            except BaseException:
                await pipeline.abandon()
                raise

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadTx]:
        """Opens a ``ReadTx``: one snapshot for all its statements."""
        async with self.pool.connection() as connection, connection.transaction():
            await connection.execute(self._read_head)
            yield ReadTx(connection)
