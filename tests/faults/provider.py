"""A reward provider on a raw socket that misbehaves on request, and knows what truly happened.

It counts the complete requests that reached it and the rewards it gave, whatever it answered: the
ground truth that Guerdon's conclusions are held against. What it does is chosen request by request
(:meth:`FaultProvider.answers`), for one transaction (:meth:`FaultProvider.answers_for`), or by
plain Python (:attr:`FaultProvider.choose`).
"""

import asyncio
import json
import os
import socket
import ssl
import struct
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_PATIENCE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Received:
    """One complete request, as its bytes came in. Header names are lower-cased."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    connection: int

    def header(self, name: str) -> str | None:
        """The only value of a header; ``None`` where it is absent."""
        values = [value for key, value in self.headers if key == name]
        assert len(values) < 2, f"{name} came {len(values)} times"
        return values[0] if values else None

    @property
    def transaction_id(self) -> str:
        """Of a message: which transaction it announces; of an enquiry: which it asks about."""
        if self.body:
            return str(json.loads(self.body)["transactionId"])
        return self.target.rpartition("transactionId=")[2]


@dataclass(slots=True)
class Exchange:
    """One connection while a behaviour holds it."""

    provider: "FaultProvider"
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    received: Received | None = None
    keep: bool = False

    async def write(self, data: bytes) -> None:
        """Sends bytes as they stand."""
        self.writer.write(data)
        await self.writer.drain()

    def give(self) -> None:
        """The reward is given, whatever is said about it."""
        assert self.received is not None
        self.provider.issued[self.received.transaction_id] += 1

    def reset(self) -> None:
        """Ends the connection with RST instead of FIN."""
        plain = self.writer.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Behaviour = Callable[[Exchange], Awaitable[None]]


@dataclass(slots=True)
class FaultProvider:
    """The provider. ``door`` acts on a connection before any byte is read."""

    port: int = 0
    scheme: str = "http"
    host: str = "127.0.0.1"
    received: list[Received] = field(default_factory=list)
    issued: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    bytes_received: int = 0
    server_names: list[str | None] = field(default_factory=list)
    door: Behaviour | None = None
    choose: Callable[[Received], Behaviour] | None = None
    _script: deque[Behaviour] = field(default_factory=deque)
    _scripts: dict[str, deque[Behaviour]] = field(default_factory=dict)
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        """Where messages go."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}/hook"

    def answers(self, *behaviours: Behaviour) -> None:
        """What it does with the next requests, one each; the last is what it goes on doing."""
        self._script = deque(behaviours)

    def answers_for(self, transaction_id: str, *behaviours: Behaviour) -> None:
        """The same for the requests of one transaction."""
        self._scripts[transaction_id] = deque(behaviours)

    def count(self, transaction_id: str) -> int:
        """How many complete requests of a transaction reached it."""
        return len(self.of(transaction_id))

    def of(self, transaction_id: str) -> list[Received]:
        """The complete requests of a transaction, in their order."""
        return [one for one in self.received if one.transaction_id == transaction_id]

    async def until(self, number: int) -> None:
        """Waits until so many complete requests have arrived."""
        async with asyncio.timeout(_PATIENCE_SECONDS), self._arrived:
            await self._arrived.wait_for(lambda: len(self.received) >= number)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        self.connections += 1
        exchange = Exchange(self, reader, writer)
        try:
            if self.door is not None:
                await self.door(exchange)
                return
            number = self.connections
            while (received := await self._read(reader, number)) is not None:
                exchange.received, exchange.keep = received, False
                behaviour = self._next(received)
                async with self._arrived:
                    self.received.append(received)
                    self._arrived.notify_all()
                await behaviour(exchange)
                if not exchange.keep:
                    return
        except (OSError, asyncio.IncompleteReadError):
            return  # the other side went: that is its right
        finally:
            writer.close()

    def _next(self, received: Received) -> Behaviour:
        if self.choose is not None:
            return self.choose(received)
        script = self._script
        if self._scripts and received.transaction_id in self._scripts:
            script = self._scripts[received.transaction_id]
        return script.popleft() if len(script) > 1 else script[0]

    async def _read(self, reader: asyncio.StreamReader, connection: int) -> Received | None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as cut:
            self.bytes_received += len(cut.partial)
            return None
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        method, target, _ = first.split(" ")
        parted = [line.partition(": ") for line in lines]
        headers = [(name.lower(), value) for name, _, value in parted]
        length = int(dict(headers).get("content-length", "0"))
        body = await reader.readexactly(length)
        self.bytes_received += len(head) + len(body)
        return Received(method, target, headers, body, connection)


@asynccontextmanager
async def serving(
    tls: ssl.SSLContext | None = None, *, host: str = "127.0.0.1"
) -> AsyncIterator[FaultProvider]:
    """A provider on a free port of the loopback; what hangs is cut off at the end."""
    provider = FaultProvider(scheme="http" if tls is None else "https", host=host)
    provider.answers(reply(200))
    under_way: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(provider.serve(reader, writer))
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    if tls is not None:
        tls.sni_callback = lambda _socket, name, _context: provider.server_names.append(name)
    server = await asyncio.start_server(accept, host, 0, ssl=tls)
    provider.port = server.sockets[0].getsockname()[1]
    try:
        yield provider
    finally:
        server.close()
        hanging = list(under_way)
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)


def head(status: int | str, *headers: str) -> bytes:
    """A status line and headers, with the empty line that ends them."""
    return "\r\n".join((f"HTTP/1.1 {status} X", *headers, "", "")).encode("latin-1")


def reply(status: int, body: object = None, *headers: str, keep: bool = False) -> Behaviour:
    """A whole, plain answer. ``body``: bytes as they stand, or a value sent as JSON."""
    content = (
        b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    )

    async def behave(exchange: Exchange) -> None:
        sized = () if status in (204, 304) else (f"Content-Length: {len(content)}",)
        await exchange.write(head(status, *sized, *headers) + content)
        exchange.keep = keep

    return behave


def says(status: str, code: int = 200, **more: object) -> Behaviour:
    """A business answer."""
    return reply(code, {"status": status, **more}, "Content-Type: application/json")


def gives(then: Behaviour) -> Behaviour:
    """Gives the reward, then answers as ``then`` does."""

    async def behave(exchange: Exchange) -> None:
        exchange.give()
        await then(exchange)

    return behave


def raw(data: bytes) -> Behaviour:
    """Exactly these bytes, then the end of the connection."""

    async def behave(exchange: Exchange) -> None:
        await exchange.write(data)

    return behave


def waits(event: asyncio.Event, then: Behaviour) -> Behaviour:
    """Answers when the test says so."""

    async def behave(exchange: Exchange) -> None:
        await event.wait()
        await then(exchange)

    return behave


async def hangs(exchange: Exchange) -> None:
    """Never answers; the caller has to end it."""
    await exchange.reader.read()


def trickles(begin: bytes, byte: bytes = b" ") -> Behaviour:
    """Begins, then sends one byte after another, faster than any between-bytes time-out."""

    async def behave(exchange: Exchange) -> None:
        await exchange.write(begin)
        while True:
            await exchange.write(byte)
            await asyncio.sleep(0.05)

    return behave


async def resets(exchange: Exchange) -> None:
    """RST once the request is in."""
    exchange.reset()


def begins_and_resets(begin: bytes) -> Behaviour:
    """Begins an answer and breaks it off with RST, which may overtake what was begun."""

    async def behave(exchange: Exchange) -> None:
        await exchange.write(begin)
        exchange.reset()

    return behave


async def closes(exchange: Exchange) -> None:
    """FIN, without a byte."""


async def closes_idle(exchange: Exchange) -> None:
    """A whole answer that promises to keep the connection, and then closes it."""
    await exchange.write(head(200, "Content-Length: 0", "Connection: keep-alive"))


def floods(begin: bytes, block: bytes, times: int) -> Behaviour:
    """A body without measure."""

    async def behave(exchange: Exchange) -> None:
        await exchange.write(begin)
        for _ in range(times):
            await exchange.write(block)

    return behave


def breaks_tls(begin: bytes) -> Behaviour:
    """Begins an answer inside TLS, then sends a fatal alert beneath it."""

    async def behave(exchange: Exchange) -> None:
        await exchange.write(begin)
        descriptor = exchange.writer.get_extra_info("socket").fileno()
        os.write(descriptor, b"\x15\x03\x03\x00\x02\x02\x50")
        await hangs(exchange)

    return behave
