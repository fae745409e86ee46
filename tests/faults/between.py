"""Stands between a client and a server, hears every request, and loses answers on demand."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass(slots=True)
class Between:
    """Passes bytes on. ``losing``: how many of the next answers end with the connection instead."""

    upstream: int
    losing: int = 0
    heard: bytes = b""
    port: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def values(self, header: str) -> list[str]:
        """What a header said in every request, in order."""
        found = re.findall(rb"(?im)^%s: (.*?)\r$" % header.encode(), self.heard)
        return [value.decode() for value in found]

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Between"]:
        """Until the end of the block."""
        await self.open()
        try:
            yield self
        finally:
            await self.close()

    async def open(self) -> None:
        """Listens; after :meth:`close`, on the port of before."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Nobody is there any more; who was connected is cut off."""
        assert self._server is not None, "it was opened"
        self._server.close()
        for writer in self._open:
            writer.transport.abort()
        await asyncio.gather(*self._tasks)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a connection has its task"
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            there, upwards = await asyncio.open_connection("127.0.0.1", self.upstream)
        except ConnectionError:
            writer.close()
            return
        self._open |= {writer, upwards}
        await asyncio.gather(self._ask(reader, upwards), self._answer(there, writer))
        self._open -= {writer, upwards}

    async def _ask(self, reader: asyncio.StreamReader, upwards: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while said := await reader.read(65536):
                self.heard += said
                upwards.write(said)
                await upwards.drain()
        upwards.close()

    async def _answer(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while said := await there.read(65536):
                if self.losing:
                    self.losing -= 1
                    break
                writer.write(said)
                await writer.drain()
        writer.close()
