"""A load of redemptions over HTTP: a few connections, each with one request under way.

Run as a process of its own, so that its work is not the server's:
``python -m bench.load PORT KEY OPTION CONNECTIONS SECONDS MEMBERS``. Prints JSON.
"""

import asyncio
import json
import sys
import time

import uvloop


class Client(asyncio.Protocol):
    """One connection; sends the next request when the answer to the last one is whole."""

    def __init__(self, bench: "Bench", number: int) -> None:
        self._bench = bench
        self._number = number
        self._sent = 0
        self._at = 0.0
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        bench = self._bench
        if time.perf_counter() >= bench.ends:
            self._transport.close()
            bench.done(self)
            return
        member = (self._number * 7919 + self._sent * 104729) % bench.members
        body = b'{"optionName":"%b","userId":"member-%d"}' % (bench.option, member)
        self._sent += 1
        self._at = time.perf_counter()
        self._transport.write(
            b"POST /v1/redemptions HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %b\r\n"
            b"Content-Type: application/json\r\nIdempotency-Key: %b-%d-%d\r\n"
            b"Content-Length: %d\r\n\r\n%b"
            % (bench.key, bench.run, self._number, self._sent, len(body), body)
        )

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
        self._bench.count(status, time.perf_counter() - self._at)
        self._send()


class Bench:
    """What is sent and what came back."""

    def __init__(self, key: str, option: str, connections: int, seconds: float, members: int):
        self.key, self.option = key.encode(), option.encode()
        self.members = members
        self.run = str(time.time_ns()).encode()
        self.ends = time.perf_counter() + seconds
        self._open = connections
        self._finished = asyncio.get_running_loop().create_future()
        self.statuses: dict[int, int] = {}
        self.took: list[float] = []

    def count(self, status: int, took: float) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.took.append(took)

    def done(self, _client: Client) -> None:
        self._open -= 1
        if self._open == 0:
            self._finished.set_result(None)

    async def finished(self) -> None:
        await self._finished


async def main(port: int, key: str, option: str, connections: int, seconds: float, members: int):
    bench = Bench(key, option, connections, seconds, members)
    started = time.perf_counter()
    loop = asyncio.get_running_loop()
    for number in range(connections):
        await loop.create_connection(lambda n=number: Client(bench, n), "127.0.0.1", port)
    await bench.finished()
    elapsed = time.perf_counter() - started
    took = sorted(bench.took)
    print(
        json.dumps(
            {
                "accepted_per_second": bench.statuses.get(202, 0) / elapsed,
                "statuses": bench.statuses,
                "p50_ms": took[len(took) // 2] * 1000,
                "p99_ms": took[int(len(took) * 0.99)] * 1000,
            }
        )
    )


if __name__ == "__main__":
    port, key, option, connections, seconds, members = sys.argv[1:]
    uvloop.run(main(int(port), key, option, int(connections), float(seconds), int(members)))
