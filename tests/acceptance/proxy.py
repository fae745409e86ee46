"""A way to PostgreSQL that loses answers: it passes everything on, and watches for one COMMIT.

It reads both directions as messages (type byte, length, content), so it knows which statements a
session has sent since its last COMMIT. When the session in which the words of :meth:`lose` were
spoken gets the answer to its COMMIT, that answer is swallowed; then the session is cut, or held
(the database has committed; whoever asked is left waiting).
"""

import asyncio
import os
import struct
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

_PORT = 5432


@dataclass(slots=True)
class _Session:
    """What one session has said; statements it prepared under a name are known by it."""

    prepared: dict[bytes, bytes] = field(default_factory=dict)
    said: bytes = b""

    def note(self, kind: bytes, content: bytes) -> None:
        if kind == b"Q":
            self.said += content
        elif kind == b"P":
            name, _, rest = content.partition(b"\0")
            self.prepared[name] = rest
        elif kind == b"B":
            self.said += self.prepared.get(content.split(b"\0")[1], b"")


class Proxy:
    """Listens on a Unix socket of its own; ``url`` leads through it."""

    def __init__(self, url: str, folder: Path) -> None:
        self._host = str(conninfo_to_dict(url)["host"])
        self._there = int(conninfo_to_dict(url).get("port") or _PORT)
        self._folder = folder
        self.url = make_conninfo(url, host=str(folder), port=_PORT)
        self._words = b""
        self._times = 0
        self._holds = False
        self.lost = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def lose(self, words: bytes, *, times: int = 1, holds: bool = False) -> None:
        """Loses the answer to the next COMMIT after ``words``; ``holds`` the session, or cuts."""
        self._words, self._times, self._holds = words, times, holds

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Proxy"]:
        """Passes on until the end of the block."""
        path = str(self._folder / f".s.PGSQL.{_PORT}")
        server = await asyncio.start_unix_server(self._connected, path)
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _connected(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._pass_on(client, to_client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await self._connect()
        session = _Session()
        ways = [
            asyncio.create_task(self._ask(client, to_server, session)),
            asyncio.create_task(self._answer(server, to_client, session)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for writer in (to_client, to_server):
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._host.startswith("/"):
            path = f"{self._host}/.s.PGSQL.{self._there}"
            return await asyncio.open_unix_connection(path)
        return await asyncio.open_connection(self._host, self._there)

    async def _ask(
        self, client: asyncio.StreamReader, to_server: asyncio.StreamWriter, session: _Session
    ) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            # The first message has no type.
            length = await client.readexactly(4)
            to_server.write(length + await client.readexactly(struct.unpack("!i", length)[0] - 4))
            while True:
                kind, length, content = await _message(client)
                session.note(kind, content)
                to_server.write(kind + length + content)
                await to_server.drain()

    async def _answer(
        self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter, session: _Session
    ) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, length, content = await _message(server)
                if kind == b"C" and content == b"COMMIT\0":
                    said, session.said = session.said, b""
                    if self._times and self._words in said:
                        self._times -= 1
                        self.lost += 1
                        if self._holds:
                            await asyncio.Event().wait()
                        return
                to_client.write(kind + length + content)
                await to_client.drain()


async def _message(stream: asyncio.StreamReader) -> tuple[bytes, bytes, bytes]:
    kind = await stream.readexactly(1)
    length = await stream.readexactly(4)
    return kind, length, await stream.readexactly(struct.unpack("!i", length)[0] - 4)


@asynccontextmanager
async def proxy_to(url: str) -> AsyncIterator[Proxy]:
    """A proxy in a folder of its own (short: a socket's path may have 107 bytes)."""
    with tempfile.TemporaryDirectory(prefix="proxy-") as folder:
        os.chmod(folder, 0o700)
        async with Proxy(url, Path(folder)).running() as proxy:
            yield proxy
