"""Asks the application as a server would, in this process, and says where the time went."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
from psycopg import AsyncConnection

Application = Callable[..., Any]


@dataclass(slots=True)
class Spent:
    """Milliseconds: in all, waiting for PostgreSQL, to the first byte of the body; and of a
    processor, so that other work on the machine does not count: of this process, in templates."""

    whole: float = 0.0
    sql: float = 0.0
    python: float = 0.0
    render: float = 0.0
    first_byte: float = 0.0
    statements: list[tuple[float, str]] = field(default_factory=list)


@dataclass(slots=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes
    spent: Spent


_now = Spent()


@contextmanager
def stopwatches() -> Iterator[None]:
    """While open, statements and templates are timed. Whoever asks one after another may use it."""
    execute, render = AsyncConnection.execute, jinja2.Template.render

    async def timed_execute(self: Any, query: Any, *more: Any, **named: Any) -> Any:
        started = time.perf_counter()
        try:
            return await execute(self, query, *more, **named)
        finally:
            took = (time.perf_counter() - started) * 1000
            _now.sql += took
            _now.statements.append((took, _first_words(query)))

    def timed_render(self: Any, *values: Any, **named: Any) -> str:
        started = time.thread_time()
        try:
            return render(self, *values, **named)
        finally:
            _now.render += (time.thread_time() - started) * 1000

    AsyncConnection.execute = timed_execute  # type: ignore[method-assign]
    jinja2.Template.render = timed_render  # type: ignore[method-assign]
    try:
        yield
    finally:
        AsyncConnection.execute = execute  # type: ignore[method-assign]
        jinja2.Template.render = render  # type: ignore[method-assign]


def _first_words(query: object) -> str:
    text = query.decode() if isinstance(query, bytes) else str(query)
    return " ".join(text.split())[:160]


@dataclass(slots=True)
class Visitor:
    """Somebody who is signed in, at the application's door."""

    application: Application
    cookie: str

    async def get(self, path: str, query: dict[str, str] | None = None) -> Answer:
        """A page."""
        return await self._ask("GET", path, urlencode(query or {}), b"")

    async def post(self, path: str, form: dict[str, str], *, keep: bool = True) -> Answer:
        """A form. ``keep``: the answer's body is kept; otherwise only its last piece is."""
        return await self._ask("POST", path, "", urlencode(form).encode(), keep=keep)

    async def _ask(
        self, method: str, path: str, query: str, body: bytes, *, keep: bool = True
    ) -> Answer:
        global _now
        _now = Spent()
        answer = Answer(0, {}, b"", _now)
        pieces: list[bytes] = []
        started, begun = time.perf_counter(), time.process_time()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            elif message.get("body"):
                if not pieces:
                    _now.first_byte = (time.perf_counter() - started) * 1000
                if not keep:
                    pieces.clear()
                pieces.append(message["body"])

        await self.application(self._scope(method, path, query, len(body)), receive, send)
        _now.whole = (time.perf_counter() - started) * 1000
        _now.python = (time.process_time() - begun) * 1000
        answer.body = b"".join(pieces)
        return answer

    def _scope(self, method: str, path: str, query: str, length: int) -> dict[str, Any]:
        headers = [
            (b"host", b"bench"),
            (b"cookie", f"guerdon={self.cookie}".encode()),
            (b"origin", b"http://bench"),
        ]
        if length:
            headers.append((b"content-type", b"application/x-www-form-urlencoded"))
            headers.append((b"content-length", str(length).encode()))
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("bench", 80),
        }


def postgres_seconds(postmaster: int) -> float:
    """What the sessions of a PostgreSQL have had of the processors so far."""
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    spent = (Path(f"/proc/{pid}/schedstat").read_text().split()[0] for pid in children)
    return sum(map(int, spent)) / 1e9
