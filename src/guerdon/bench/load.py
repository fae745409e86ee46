"""A load of redemptions over HTTP: some connections, each with one request under way.

Run as a process of its own, so that its work is not the server's:
``python -m guerdon.bench.load PORT KEY OPTION CONNECTIONS SECONDS MEMBERS``. Prints JSON.
"""

import asyncio
import json
import sys
from dataclasses import dataclass, field
from functools import partial
from typing import cast

import uvloop

from guerdon import clock, ids


@dataclass
class Load:
    """What is sent, and what came back: by status, 0 for a connection that was cut."""

    key: bytes
    option: bytes
    members: int
    ends: float
    open: int
    finished: asyncio.Future[None]
    run: bytes = field(default_factory=lambda: ids.random_id().hex.encode())
    statuses: dict[int, int] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)


class Client(asyncio.Protocol):
    """One connection; sends the next request when the answer to the last one is whole."""

    _transport: asyncio.WriteTransport

    def __init__(self, load: Load, number: int) -> None:
        self._load = load
        self._number = number
        self._sent = 0
        self._at = 0.0
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        self._send()

    def _send(self) -> None:
        load = self._load
        if clock.monotonic() >= load.ends:
            self._transport.close()
            return
        member = (self._number * 7919 + self._sent * 104729) % load.members
        body = b'{"optionName":"%b","userId":"member-%d"}' % (load.option, member)
        self._sent += 1
        self._at = clock.monotonic()
        self._transport.write(
            b"POST /v1/redemptions HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %b\r\n"
            b"Content-Type: application/json\r\nIdempotency-Key: %b-%d-%d\r\n"
            b"Content-Length: %d\r\n\r\n%b"
            % (load.key, load.run, self._number, self._sent, len(body), body)
        )

    def connection_lost(self, _trouble: Exception | None) -> None:
        load = self._load
        if clock.monotonic() < load.ends:
            load.statuses[0] = load.statuses.get(0, 0) + 1
        load.open -= 1
        if load.open == 0:
            load.finished.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, found, rest = self._answer.partition(b"\r\n\r\n")
        if not found:
            return
        at = head.lower().index(b"content-length:") + 15
        if len(rest) < int(head[at:].split(b"\r\n", 1)[0]):
            return
        self._answer = b""
        status = int(head[9:12])
        self._load.statuses[status] = self._load.statuses.get(status, 0) + 1
        self._load.took.append(clock.monotonic() - self._at)
        self._send()


async def main(
    port: int, key: str, option: str, connections: int, seconds: float, members: int
) -> None:
    loop = asyncio.get_running_loop()
    started = clock.monotonic()
    load = Load(
        key.encode(), option.encode(), members, started + seconds, connections, loop.create_future()
    )
    for number in range(connections):
        await loop.create_connection(partial(Client, load, number), "127.0.0.1", port)
    await load.finished
    elapsed = clock.monotonic() - started
    took = sorted(load.took)
    found = {
        "accepted_per_second": load.statuses.get(202, 0) / elapsed,
        "statuses": load.statuses,
        "p50_ms": took[len(took) // 2] * 1000,
        "p99_ms": took[int(len(took) * 0.99)] * 1000,
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    port, key, option, connections, seconds, members = sys.argv[1:]
    uvloop.run(main(int(port), key, option, int(connections), float(seconds), int(members)))
