"""A provider's receiving end as an ASGI application: Starlette, FastAPI, uvicorn, …"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from guerdon_client.receiving import (
    LARGEST_MESSAGE,
    Answer,
    Decision,
    Message,
    Reception,
    answer,
)
from guerdon_client.signatures import Secrets

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class ASGIReceiver:
    """Answers Guerdon's messages with what ``give`` decides.

    ``secrets``: the provider's signing secret, or both while it is rotated. ``authorization``: the
    provider's ``authorizationHeader``, if it has one. ``give`` is awaited with each authentic
    message, several at once, and may be called again with a ``transaction_id`` that it knows.
    What it raises is the server's to log: a 500 means that nobody knows whether the reward was
    given, so the tokens stay held.
    """

    def __init__(
        self,
        secrets: Secrets,
        give: Callable[[Message], Awaitable[Decision]],
        *,
        authorization: str | None = None,
    ) -> None:
        self._reception = Reception(secrets, authorization)
        self._give = give

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request. Alone on a server, it also starts and ends when told."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            raise ValueError(f"Messages come over HTTP, not {scope['type']}.")
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        body = await _body(receive)
        if body is None:
            return
        taken = self._reception.take(scope["method"], headers, body)
        said = taken if isinstance(taken, Answer) else answer(await self._give(taken))
        answered = {
            "Content-Type": "application/json",
            "Content-Length": str(len(said.body)),
            **said.headers,
        }
        raw = [(name.lower().encode(), value.encode()) for name, value in answered.items()]
        await send({"type": "http.response.start", "status": said.status, "headers": raw})
        await send({"type": "http.response.body", "body": said.body})


async def _body(receive: Receive) -> bytes | None:
    """Up to little more than a message may have; ``None`` where the sender has gone."""
    body = b""
    while len(body) <= LARGEST_MESSAGE:
        event = await receive()
        if event["type"] == "http.disconnect":
            return None
        body += event.get("body", b"")
        if not event.get("more_body", False):
            break
    return body


async def _live(receive: Receive, send: Send) -> None:
    while True:
        event = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return
