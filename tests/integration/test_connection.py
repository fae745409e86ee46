"""What clients may do to the server with their connections: on raw sockets."""

import asyncio
import json

import pytest
from tests.conftest import Api

from guerdon.web import connection


class Line:
    """A connection on which a test writes what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, api: Api) -> "Line":
        base = api._session._base_url
        assert base is not None
        return cls(*await asyncio.open_connection(base.host, base.port))

    def say(self, raw: bytes) -> None:
        self._writer.write(raw)

    async def all(self) -> bytes:
        """What comes until the server closes."""
        async with asyncio.timeout(30):
            answer = await self._reader.read()
        self._writer.close()
        return answer


def problem(raw: bytes) -> dict[str, object]:
    """The problem document of a raw answer."""
    head, _, body = raw.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    found: dict[str, object] = json.loads(body)
    assert found.keys() >= {"type", "title", "status", "code", "detail", "requestId"}
    assert head.startswith(f"HTTP/1.1 {found['status']} ".encode())
    return found


_NONE = [
    (b"GARBAGE\r\n\r\n", "malformed-request"),
    (b"GET / HTTP/9.9\r\n\r\n", "malformed-request"),
    (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", "malformed-request"),
    (
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "malformed-request",
    ),
    (
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\n",
        "malformed-request",
    ),
    (b"BREW /v1/options HTTP/1.1\r\nHost: x\r\n\r\n", "method-not-allowed"),
    (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70_000, "too-large"),
    (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 20_000, "too-large"),
]


async def test_what_is_no_request_gets_a_problem_document(api: Api) -> None:
    for raw, code in _NONE:
        line = await Line.to(api)
        line.say(raw)
        assert problem(await line.all())["code"] == code, raw[:60]


async def test_a_head_that_does_not_come_to_its_end_is_waited_for_no_longer(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.1)
    for raw in (
        b"",
        b"GET /healthz HT",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /heal",
    ):
        line = await Line.to(api)
        line.say(raw)
        answers = await line.all()
        assert answers.count(b"HTTP/1.1 ") == raw.count(b"\r\n\r\n")
    monkeypatch.undo()
    assert (await api.call("GET", "/healthz")).status == 200


async def test_nor_is_a_body(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BODY_SECONDS", 0.1)
    line = await Line.to(api)
    line.say(
        f"POST /v1/options HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.key}\r\n"
        'Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{"a"'.encode()
    )
    assert await line.all() == b""


async def test_an_idle_connection_outlives_those_of_proxies_but_not_for_ever(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert connection.IDLE_SECONDS > 60  # nginx keeps its own for that long
    monkeypatch.setattr(connection, "IDLE_SECONDS", 0.1)
    line = await Line.to(api)
    line.say(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await line.all()).startswith(b"HTTP/1.1 200 ")


async def test_who_does_not_read_is_let_go(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that nobody reads would hold its snapshot of the database for ever."""
    monkeypatch.setattr(connection, "UNREAD_SECONDS", 0.1)
    lost = asyncio.Event()
    gone = connection.Connection.connection_lost

    def tell(self: connection.Connection, trouble: Exception | None) -> None:
        gone(self, trouble)
        lost.set()

    monkeypatch.setattr(connection.Connection, "connection_lost", tell)
    line = await Line.to(api)
    # More than sockets hold: the same answer, asked for again and again and never read.
    line.say(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 400)
    async with asyncio.timeout(30):
        await lost.wait()
    line._writer.close()
