"""A pipeline for the hot path: statements go out together, and only what matters is waited for.

Writes are sent behind one another without waiting, reads that are asked for side by side share a
trip, and the last writes travel with the COMMIT. psycopg's own pipeline makes a cursor, polls and
flushes for every statement, which costs more than the statements of a small batch themselves. This
one speaks to libpq through :mod:`psycopg.pq`; connections, rows and errors stay psycopg's.

Parameters go as text without a type, so each has a cast in its SQL or stands beside a column.
"""

import asyncio
import itertools
from collections import deque, namedtuple
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult

from guerdon.db.arrays import literal
from guerdon.db.sql import Statement

Parameters = Mapping[str, object] | None
Answer = asyncio.Future[PGresult]

_BEGIN, _COMMIT, _ROLLBACK = (
    Statement(word, "", word.encode()) for word in ("BEGIN", "COMMIT", "ROLLBACK")
)
_numbers = itertools.count()


class Pipeline:
    """A database transaction's statements on their way through a connection of their own.

    The first failure ends the rest: PostgreSQL runs nothing that follows it, and whatever is waited
    for fails with it. ``prepared`` are the connection's prepared statements, names by SQL; ``None``
    where it may keep none.
    """

    def __init__(
        self, connection: AsyncConnection[Any], prepared: dict[bytes, bytes] | None
    ) -> None:
        self._pgconn = connection.pgconn
        self._transformer = Transformer(connection)
        self._prepared = prepared
        self._preparing: dict[bytes, bytes] = {}
        # What comes back, in order: to somebody who waits, for a statement to prepare, to nobody.
        self._owed: deque[Answer | bytes | None] = deque()
        self._unflushed = False
        self._trip: asyncio.Task[None] | None = None
        self._failure: psycopg.Error | None = None

    def begin(self) -> None:
        """Sends a BEGIN."""
        self._pgconn.enter_pipeline_mode()
        self.send(_BEGIN)

    def send(self, statement: Statement, parameters: Parameters = None) -> None:
        """Sends a statement behind the others; its failure comes with a later answer."""
        self._send(statement, parameters, None)

    async def ask(self, statement: Statement, parameters: Parameters = None) -> PGresult:
        """Sends a statement and waits for its answer; what is asked side by side shares a trip."""
        answer: Answer = asyncio.get_running_loop().create_future()
        self._send(statement, parameters, answer)
        if self._trip is None:
            self._trip = asyncio.create_task(self._travel())
        return await answer

    async def rows(self, statement: Statement, parameters: Parameters = None) -> list[Any]:
        """The rows of an answer, as named tuples."""
        result = await self.ask(statement, parameters)
        self._transformer.set_pgresult(result)
        columns = [result.fname(number) for number in range(result.nfields)]
        return self._transformer.load_rows(0, result.ntuples, _maker(*columns))

    async def commit(self) -> None:
        """Sends a COMMIT and hears every answer; raises the first failure."""
        self.send(_COMMIT)
        await self._finish()

    async def abandon(self) -> None:
        """Undoes everything. Where the connection is gone, PostgreSQL has done so."""
        if self._trip is not None:
            await asyncio.wait([self._trip])
        self._failure = None
        if self._pgconn.status == ConnStatus.OK:
            self._sync()  # PostgreSQL listens again after a failure
            self.send(_ROLLBACK)
            await self._finish()

    async def _finish(self) -> None:
        self._sync()
        await self._travel()
        if self._failure is not None:
            raise self._failure
        self._pgconn.exit_pipeline_mode()

    def _sync(self) -> None:
        self._pgconn.pipeline_sync()
        self._owed.append(None)
        self._unflushed = True

    def _send(self, statement: Statement, parameters: Parameters, answer: Answer | None) -> None:
        values = [_spelt((parameters or {})[name]) for name in statement.names]
        sql = statement.numbered
        self._unflushed = True
        if self._prepared is None:
            self._pgconn.send_query_params(sql, values)
        else:
            name = self._prepared.get(sql) or self._preparing.get(sql)
            if name is None:
                name = self._preparing[sql] = b"g%d" % next(_numbers)
                self._pgconn.send_prepare(name, sql)
                self._owed.append(sql)
            self._pgconn.send_query_prepared(name, values)
        self._owed.append(answer)

    async def _travel(self) -> None:
        """Sends what is not sent yet, and hears all that is owed."""
        pgconn = self._pgconn
        try:
            while self._owed:
                if self._unflushed:
                    await self._flush()
                elif pgconn.is_busy():
                    await self._ready()
                    pgconn.consume_input()
                elif (result := pgconn.get_result()) is not None:
                    self._hear(result, self._owed.popleft())
        except psycopg.OperationalError as trouble:
            self._failure = self._failure or trouble
            while self._owed:
                self._fail(self._owed.popleft())
        finally:
            self._trip = None

    async def _flush(self) -> None:
        self._unflushed = False
        self._pgconn.send_flush_request()
        while self._pgconn.flush():
            await self._ready(writing=True)
            self._pgconn.consume_input()  # it may write only once we have read

    async def _ready(self, *, writing: bool = False) -> None:
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        socket = self._pgconn.socket
        loop.add_reader(socket, _wake, ready)
        if writing:
            loop.add_writer(socket, _wake, ready)
        try:
            await ready
        finally:
            loop.remove_reader(socket)
            if writing:
                loop.remove_writer(socket)

    def _hear(self, result: PGresult, owed: Answer | bytes | None) -> None:
        if result.status == ExecStatus.FATAL_ERROR and self._failure is None:
            self._failure = error_from_result(result)
        if self._failure is not None:
            self._fail(owed)
        elif isinstance(owed, bytes):
            assert self._prepared is not None, "it is prepared to be kept"
            self._prepared[owed] = self._preparing[owed]
        elif owed is not None and not owed.done():
            owed.set_result(result)

    def _fail(self, owed: Answer | bytes | None) -> None:
        assert self._failure is not None, "something failed"
        if isinstance(owed, asyncio.Future) and not owed.done():
            owed.set_exception(self._failure)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


@lru_cache(1024)
def _maker(*columns: bytes) -> Callable[..., Any]:
    names = [column.decode() for column in columns]  # the answer's own, which mypy cannot know
    kind: Any = namedtuple("Row", names, rename=True)  # type: ignore[misc]
    make: Callable[..., Any] = kind._make
    return make


def _whole(text: bytes) -> bytes:
    """libpq takes texts that end at a NUL: one inside would be cut without a word."""
    if b"\0" in text:
        raise psycopg.DataError("PostgreSQL text cannot hold a NUL")
    return text


_SPELLINGS: dict[type, Callable[[Any], bytes]] = {
    int: lambda value: b"%d" % value,
    bool: lambda value: b"t" if value else b"f",
    str: lambda value: _whole(value.encode()),
    bytes: lambda value: b"\\x" + value.hex().encode(),
    UUID: lambda value: value.hex.encode(),
    datetime: lambda value: value.isoformat().encode(),
    list: lambda value: _whole(literal(value).encode()),
}


def _spelt(value: object) -> bytes | None:
    if value is None:
        return None
    spell = _SPELLINGS.get(type(value)) or (isinstance(value, str) and _SPELLINGS[str])
    if not spell:
        raise TypeError(f"no spelling for {type(value).__name__}")
    return spell(value)
