"""The hot path's pipeline beside psycopg's own, on one embedded PostgreSQL in one run.

``python -m bench.pipeline``: a database transaction in the shape of a small batch (two trips of
three reads, then seven writes with the COMMIT), and the processor time that this process spends on
one. It says nothing of PostgreSQL's share.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop
from psycopg import AsyncConnection
from psycopg.rows import namedtuple_row
from rich.console import Console
from rich.table import Table

from guerdon.db.embedded import EmbeddedServer
from guerdon.db.pipeline import Pipeline
from guerdon.db.sql import Statement

_ROUNDS, _BATCHES, _ROWS = 5, 200, 32
_PEER = "psycopg's"
_READ = Statement("read", "", b"SELECT n, t FROM scratch WHERE n = ANY (%(ns)s::bigint[]) LIMIT 32")
_WRITE = Statement(
    "write", "", b"INSERT INTO scratch SELECT * FROM unnest(%(ns)s::bigint[], %(ts)s::text[])"
)
_NS = "{" + ",".join(str(n) for n in range(_ROWS)) + "}"
_TS = "{" + ",".join(f'"text {n}"' for n in range(_ROWS)) + "}"
_READING, _WRITING = {"ns": _NS}, {"ns": _NS, "ts": _TS}


async def ours(connection: AsyncConnection, prepared: dict[bytes, bytes]) -> None:
    """A batch through Guerdon's pipeline."""
    pipeline = Pipeline(connection, prepared)
    pipeline.begin()
    for _ in range(2):
        await asyncio.gather(*(pipeline.rows(_READ, _READING) for _ in range(3)))
    for _ in range(7):
        pipeline.send(_WRITE, _WRITING)
    await pipeline.commit()


async def theirs(connection: AsyncConnection, _prepared: dict[bytes, bytes]) -> None:
    """The same through psycopg's."""

    async def read() -> None:
        cursor = await connection.execute(_READ.text, _READING)
        await cursor.fetchall()

    async with connection.pipeline(), connection.transaction():
        for _ in range(2):
            await asyncio.gather(*(read() for _ in range(3)))
        for _ in range(7):
            await connection.execute(_WRITE.text, _WRITING)


async def cost(
    batch: Callable[[AsyncConnection, dict[bytes, bytes]], Awaitable[None]],
    connection: AsyncConnection,
) -> float:
    """Microseconds of processor time for one batch."""
    prepared: dict[bytes, bytes] = {}
    await connection.execute("TRUNCATE scratch")
    for _ in range(10):
        await batch(connection, prepared)
    await connection.execute("TRUNCATE scratch")
    started = time.process_time()
    for _ in range(_BATCHES):
        await batch(connection, prepared)
    return (time.process_time() - started) / _BATCHES * 1e6


async def main(url: str) -> None:
    table = Table("pipeline", "µs of CPU a batch", "of psycopg's", title="bench.pipeline")
    found: dict[str, float] = {}
    async with await AsyncConnection.connect(
        url, autocommit=True, row_factory=namedtuple_row
    ) as connection:
        await connection.execute("CREATE TEMPORARY TABLE scratch (n bigint, t text)")
        await connection.execute("CREATE INDEX ON scratch (n)")
        for _ in range(_ROUNDS):
            for name, batch in ((_PEER, theirs), ("Guerdon's", ours)):
                found[name] = min(found.get(name, 1e9), await cost(batch, connection))
    for name, spent in found.items():
        table.add_row(name, f"{spent:,.0f}", f"{spent / found[_PEER]:.2f}")
    Console().print(table)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="guerdon-bench-") as folder:
        data = Path(folder)
        data.chmod(0o755)
        server = EmbeddedServer.open(data)
        try:
            uvloop.run(main(server.superuser_url))
        finally:
            server.close()
