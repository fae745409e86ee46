"""One connection of a client: what it may cost, and what is told to who does not speak HTTP.

A request's head and body come in within a time, a head is no larger than anybody needs, and who
does not read what was asked for is let go: a byte now and then holds up nothing.
"""

import asyncio
import re
import sys
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from guerdon import ids
from guerdon.errors import GuerdonError, MalformedRequest, MethodNotAllowed, TooLarge
from guerdon.web import problems

HEAD_SECONDS, BODY_SECONDS, UNREAD_SECONDS = 20.0, 120.0, 60.0
# Longer than proxies keep theirs (nginx: 60 s): else they send a request into one that is closing.
IDLE_SECONDS = 75
LARGEST_HEAD = 64 * 1024
_METHODS = "DELETE, GET, HEAD, PATCH, POST, PUT"
_REQUEST_LINE = re.compile(rb"[A-Za-z-]+ \S+ HTTP/1\.[01]\r?\n")
_NOTHING = 0.0


class Connection(HttpToolsProtocol):
    """uvicorn's protocol, with bounds. A request that comes in one piece sets no timer."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.timeout_keep_alive = IDLE_SECONDS
        # How long what comes in may take, of which request; and what the timer was set for.
        self._awaited, self._number = HEAD_SECONDS, 0
        self._timed: tuple[float, int] = (_NOTHING, 0)
        self._coming: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._piece = b""
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first request is to come now."""
        super().connection_made(transport)
        self._set_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._awaited = _NOTHING
        self._set_timer()
        self._stop_unread()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of a head are counted here; those of a body are the application's to bound."""
        self._piece = data
        super().data_received(data)
        self._piece = b""
        if self._awaited == HEAD_SECONDS:
            self._head_bytes += len(data)
            if self._head_bytes > LARGEST_HEAD and not self.transport.is_closing():
                self._refuse(TooLarge(f"The head of a request may have {LARGEST_HEAD} bytes."))
        if self._timed != (self._awaited, self._number):
            self._set_timer()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._awaited, self._head_bytes = HEAD_SECONDS, 0
        self._number += 1
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._awaited = BODY_SECONDS
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is whole, or there is none."""
        self._awaited = _NOTHING
        super().on_message_complete()

    def pause_writing(self) -> None:
        """The client does not read: for a while, or never."""
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It reads again."""
        self._stop_unread()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words, not ours
        """What came is no HTTP, or nothing that we know."""
        method = isinstance(sys.exception(), httptools.HttpParserInvalidMethodError)
        if method and _REQUEST_LINE.match(self._piece):
            self._refuse(MethodNotAllowed(f"Methods are {_METHODS}.", allow=_METHODS))
        else:
            self._refuse(MalformedRequest("This is no HTTP request that can be understood."))

    def _refuse(self, error: GuerdonError) -> None:
        """A problem document, and the end of the connection."""
        # An answer that is under way must not have another one in its middle.
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            answer = problems.response(error, str(ids.random_id()))
            head = b"".join(
                name + b": " + value + b"\r\n"
                for name, value in (*answer.raw_headers, (b"connection", b"close"))
            )
            body = bytes(answer.body)
            self.transport.write(STATUS_LINE[answer.status_code] + head + b"\r\n" + body)
        self.transport.close()

    def _set_timer(self) -> None:
        if self._coming is not None:
            self._coming.cancel()
        self._timed = (self._awaited, self._number)
        waits = self._awaited > 0 and not self.transport.is_closing()
        self._coming = self.loop.call_later(self._awaited, self._too_slow) if waits else None

    def _too_slow(self) -> None:
        self.transport.close()

    def _stop_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
