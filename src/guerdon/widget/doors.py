"""The widget's door: its API for pages of other sites, and the files of the widget."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from guerdon.access import store as access
from guerdon.web.door import Door
from guerdon.web.parts import Parts
from guerdon.web.routes import Router
from guerdon.widget.files import Files
from guerdon.widget.gate import MemberGate
from guerdon.widget.handlers import Handlers
from guerdon.widget.live import MemberFeed

_MAY_SEND = "Accept-Language, Authorization, Content-Type, Idempotency-Key"
_MAY_READ = "Idempotent-Replayed, Retry-After, X-Request-Id"


def build(parts: Parts, feed: MemberFeed) -> "WidgetSite":
    """The application. ``feed`` tells members what is new."""
    gate = MemberGate(parts)
    door = Door(Router(Handlers(parts, gate, feed).routes()), gate, parts.base_path)
    return WidgetSite(door, Files(parts), parts)


class WidgetSite:
    """Everything under ``/widget/``; the API is readable from the pages that a namespace allows.

    No cookies are involved, so no credentials are allowed; and never a wildcard for what is a
    member's.
    """

    def __init__(self, door: Door, files: Files, parts: Parts) -> None:
        self._door = door
        self._files = files
        self._parts = parts

    def serves(self, path: str) -> bool:
        """Whether a path, without the base path, belongs here."""
        return path.startswith("/widget/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, and tells browsers which pages may read the answer."""
        path = str(scope["path"]).removeprefix(self._parts.base_path)
        if self._files.has(path):
            response = await self._files.answer(Request(scope, receive), path)
            await response(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        allowed = origin if origin is not None and await self._allows(origin) else None
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await _preflight(allowed)(scope, receive, send)
            return

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(raw=message["headers"])
                answer.add_vary_header("Origin")
                if allowed is not None:
                    answer["Access-Control-Allow-Origin"] = allowed
                    answer["Access-Control-Expose-Headers"] = _MAY_READ
                    answer["Cross-Origin-Resource-Policy"] = "cross-origin"
            await send(message)

        await self._door(scope, receive, tell)

    async def _allows(self, origin: str) -> bool:
        """By any namespace: whose token it is, the gate looks at; this only lets errors be read."""
        if "\x00" in origin:
            return False
        async with self._parts.database.read() as tx:
            return await access.allows_origin(tx, origin)


def _preflight(allowed: str | None) -> Response:
    if allowed is None:
        return Response(status_code=403, headers={"Vary": "Origin"})
    return Response(
        status_code=204,
        headers={
            "Access-Control-Allow-Origin": allowed,
            "Access-Control-Allow-Methods": "GET, POST",
            "Access-Control-Allow-Headers": _MAY_SEND,
            "Access-Control-Max-Age": "600",
            "Vary": "Origin",
        },
    )
