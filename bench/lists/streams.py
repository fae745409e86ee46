"""A thousand people watch while ten transactions a second change: what one worker pays."""

import asyncio
import os
import re
import resource
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
from bench.lists.budgets import Figure
from bench.lists.rows import NAMESPACE
from rich.console import Console

from guerdon import clock
from guerdon.db.pool import Database
from guerdon.transactions.lists import pages as lists
from guerdon.transactions.lists.pages import Wanted

_EVENTS_A_SECOND, _CHANGES, _IDLE_SECONDS = 10, 200, 5
_IDENTIFIER = re.compile(rb'"id":"([0-9a-f-]{36})"')
_SHARE_OF_A_CORE, _PATCH_SECONDS = 25.0, 1.0
_CHANGE = """
WITH changed AS (
    UPDATE transaction SET events = events + 1, updated_at = now()
    WHERE slot = %(slot)s AND transaction_id = %(id)s RETURNING slot, transaction_id, events)
INSERT INTO event (slot, transaction_id, seq, type, at, actor, payload)
SELECT slot, transaction_id, events, 'provider.postponed', now(), 'provider',
    '{"source": "callback", "message": null, "reference": null}' FROM changed
"""


class Watcher(asyncio.Protocol):
    """One stream: notes when it hears of each change."""

    def __init__(self, request: bytes, sent: dict[bytes, float], late: list[float]) -> None:
        self._request = request
        self._sent = sent
        self._late = late
        self._heard: set[bytes] = set()
        self.received = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        now = clock.monotonic()
        self.received += len(data)
        for identifier in _IDENTIFIER.findall(data):
            if identifier in self._sent and identifier not in self._heard:
                self._heard.add(identifier)
                self._late.append(now - self._sent[identifier])


async def measure(
    database: Database,
    owner_url: str,
    folder: Path,
    key: bytes,
    cookie: str,
    count: int,
    console: Console,
) -> list[Figure]:
    """The share of a core that ``guerdon serve`` takes, and how late a change is seen."""
    _allow_files(count)
    sent: dict[bytes, float] = {}
    late: list[float] = []
    async with _serving(folder, key) as (port, pid):
        watchers = await _watch(port, cookie, count, sent, late)
        idle = await _share(pid, asyncio.sleep(_IDLE_SECONDS))
        share = await _share(pid, _changes(database, owner_url, sent))
        await asyncio.sleep(_PATCH_SECONDS * 2)
    console.print(
        f"{count} streams, {_EVENTS_A_SECOND} changes a second: {share:.1f} % of a core "
        f"({idle:.1f} % without changes); {len(late):,} of {count * len(sent):,} changes heard, "
        f"{sum(watcher.received for watcher in watchers) / 1e6:.0f} MB"
    )
    late.sort()
    middle, high = late[len(late) // 2], late[int(len(late) * 0.95)]
    return [
        Figure(f"{count} live streams", "of a core", "%", _SHARE_OF_A_CORE, *(share,) * 3),
        Figure(f"{count} live streams", "change seen", "s", _PATCH_SECONDS, late[0], middle, high),
    ]


def _allow_files(count: int) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, count * 2 + 1000), most))


@asynccontextmanager
async def _serving(folder: Path, key: bytes) -> AsyncIterator[tuple[int, int]]:
    """The port and the process of a ``guerdon serve`` on the same data."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "guerdon", "serve", "--data", str(folder)),
        *("--port", str(port), "--no-delivery"),
        env=os.environ | {"GUERDON_SECRET_KEY": key.hex(), "GUERDON_LOG_LEVEL": "error"},
        stderr=subprocess.DEVNULL,
    )
    try:
        await _until_it_listens(port)
        yield port, process.pid
    finally:
        process.terminate()
        await process.wait()


async def _until_it_listens(port: int) -> None:
    deadline = clock.monotonic() + 60
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            if clock.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return


async def _watch(
    port: int, cookie: str, count: int, sent: dict[bytes, float], late: list[float]
) -> list[Watcher]:
    """So many streams, once each of them has begun."""
    request = (
        b"GET /redeem/transactions/live?view=all HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
        b"Cookie: guerdon=%b\r\nAccept: text/event-stream\r\n\r\n" % (port, cookie.encode())
    )
    watchers = []
    for _ in range(count):
        watcher = Watcher(request, sent, late)
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda watcher=watcher: watcher, "127.0.0.1", port)
        watchers.append(watcher)
    deadline = clock.monotonic() + 60
    while any(watcher.received == 0 for watcher in watchers):
        if clock.monotonic() > deadline:
            raise TimeoutError("Not every stream began.")
        await asyncio.sleep(0.1)
    return watchers


async def _share(pid: int, while_: Awaitable[None]) -> float:
    """How much of a core a process took meanwhile, in hundredths."""
    began, before = clock.monotonic(), _seconds(pid)
    await while_
    return (_seconds(pid) - before) / (clock.monotonic() - began) * 100


def _seconds(pid: int) -> float:
    """What a process has had of the processors so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _changes(database: Database, owner_url: str, sent: dict[bytes, float]) -> None:
    """Changes at an even pace, each of another transaction, as a provider's news makes them."""
    async with database.read() as tx:
        changed = await lists.page(tx, Wanted(NAMESPACE, statuses=("postponed",)), _CHANGES)
    began = clock.monotonic()
    async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as connection:
        for number, t in enumerate(changed):
            await asyncio.sleep(began + number / _EVENTS_A_SECOND - clock.monotonic())
            await connection.execute(_CHANGE, {"slot": t.slot, "id": t.transaction_id})
            sent[str(t.transaction_id).encode()] = clock.monotonic()
