"""A reward provider on a real socket that keeps the ground truth: what was asked, what was given.

Three gates decide how far a request gets; a test shuts one, and opens it when it likes:

    accepting   shut: the connection does not come about, the caller hangs in its connect
    reading     shut: the connection stands, the request stays unread in the kernel
    answering   shut: the request was read and the reward given, the answer is held back
"""

import asyncio
import json
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_SMALLEST_BUFFER, _BUFFER = 1, 256 * 1024
_SYN_SENT, _ESTABLISHED = "02", "01"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that was read to its last byte."""

    transaction_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What to do: give the reward or not, and say so with ``body``, or (``None``) say nothing."""

    gives: bool
    body: dict[str, str] | None


GIVES = Reply(True, {"status": "success"})
REFUSES = Reply(False, {"status": "failure"})
GIVES_AND_HANGS_UP = Reply(True, None)


@dataclass(slots=True)
class Provider:
    """Answers as ``behaviour`` says: it is told of a request, and how often it came before."""

    behaviour: Callable[[Asked, int], Reply] = lambda _asked, _before: GIVES
    asked: list[Asked] = field(default_factory=list)
    given: Counter[str] = field(default_factory=Counter)
    answered: list[str] = field(default_factory=list)
    accepting: asyncio.Event = field(default_factory=asyncio.Event)
    reading: asyncio.Event = field(default_factory=asyncio.Event)
    answering: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    open: list[socket.socket] = field(default_factory=list)
    _listening: socket.socket | None = None
    _filler: socket.socket | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _times: Counter[str] = field(default_factory=Counter)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/rewards"

    def start(self, *, small: bool = False) -> None:
        """Listens on the loopback, every gate open. ``small``: a long request does not fit into
        the buffer of its connection, so it stops half-way until it is read."""
        listening = socket.socket()
        if small:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALLEST_BUFFER)
        listening.bind(("127.0.0.1", 0))
        listening.setblocking(False)
        listening.listen(128)
        self.port = listening.getsockname()[1]
        self._listening = listening
        for gate in (self.accepting, self.reading, self.answering):
            gate.set()
        self._spawn(self._accept())

    async def refuse_to_accept(self) -> None:
        """Shuts the first gate: the queue of connections is full, and SYNs are dropped."""
        assert self._listening is not None, "it was started"
        self.accepting.clear()
        # The accepting task may be waiting in its call: this one is let through, then none.
        await self._connect()
        self._listening.listen(0)
        self._filler = await self._connect()

    async def _connect(self) -> socket.socket:
        connection = socket.socket()
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", self.port))
        self.open.append(connection)
        return connection

    def accept_again(self) -> None:
        """Opens the first gate."""
        assert self._listening is not None, "it was started"
        self._listening.listen(128)
        self.accepting.set()

    async def close(self) -> None:
        """Ends every connection and stops listening."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in self.open:
            connection.close()
        if self._listening is not None:
            self._listening.close()

    # What the kernel knows of the connections to us, seen from the caller's side -----------------

    def connecting(self) -> int:
        """How many callers hang in their connect."""
        return sum(state == _SYN_SENT for state, _ in self._callers())

    def established(self) -> int:
        """How many connections stand."""
        return sum(state == _ESTABLISHED for state, _ in self._callers())

    def stuck_bytes(self) -> int:
        """How many bytes callers have written that do not fit into our buffers."""
        return sum(waiting for state, waiting in self._callers() if state == _ESTABLISHED)

    def _callers(self) -> list[tuple[str, int]]:
        ours = f"0100007F:{self.port:04X}"
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return [(row[3], int(row[4].partition(":")[0], 16)) for row in rows if row[2] == ours]

    # Serving ------------------------------------------------------------------------------------

    def _spawn(self, coroutine: "asyncio.Future[None] | object") -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(coroutine)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self) -> None:
        assert self._listening is not None, "it was started"
        loop = asyncio.get_running_loop()
        while True:
            await self.accepting.wait()
            connection, _ = await loop.sock_accept(self._listening)
            connection.setblocking(False)
            self.open.append(connection)
            self._spawn(self._serve(connection))

    async def _serve(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        # The caller may be killed at any moment; what was asked is known by then, or was not asked.
        with suppress(ConnectionError):
            await self.reading.wait()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            asked = await self._read(connection)
            if asked is not None:
                before = self._times[asked.transaction_id]
                self._times[asked.transaction_id] += 1
                self.asked.append(asked)
                reply = self.behaviour(asked, before)
                if reply.gives:
                    self.given[asked.transaction_id] += 1
                await self.answering.wait()
                if reply.body is not None:
                    self.answered.append(asked.transaction_id)
                    await loop.sock_sendall(connection, _response(reply.body))
        connection.close()
        self.open.remove(connection)

    async def _read(self, connection: socket.socket) -> Asked | None:
        """The request, or ``None`` when its last byte never came."""
        loop = asyncio.get_running_loop()
        raw = b""
        while b"\r\n\r\n" not in raw:
            chunk = await loop.sock_recv(connection, 65536)
            if not chunk:
                return None
            raw += chunk
        head, _, body = raw.partition(b"\r\n\r\n")
        length = next(
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        while len(body) < length:
            chunk = await loop.sock_recv(connection, 65536)
            if not chunk:
                return None
            body += chunk
        return Asked(json.loads(body)["transactionId"], body)


def _response(body: dict[str, str]) -> bytes:
    text = json.dumps(body).encode()
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(text), text)
    )
