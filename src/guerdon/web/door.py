"""The door all JSON comes through: who asks, whether they may, what they brought, what they get.

Refusals come in one order: 401, 403, 415, 413, 400, 422, and then what the verbs say.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import parse_qsl

import msgspec
import structlog
from psycopg import OperationalError as DatabaseError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from guerdon import clock, ids, strict_json
from guerdon.access import store as access
from guerdon.access.principal import Principal
from guerdon.db.pool import Tx
from guerdon.errors import (
    GuerdonError,
    InvalidRequest,
    MalformedRequest,
    TooLarge,
    TooManyRequests,
    Unavailable,
    UnsupportedMediaType,
)
from guerdon.members.model import Member
from guerdon.web import problems
from guerdon.web.routes import Route, Router

LARGEST_BODY = 64 * 1024
_log = structlog.get_logger("guerdon.web")
_encoder = msgspec.json.Encoder()

# As they go out: these are on every answer, and nothing else sets them.
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


class Call:
    """One request on its way through a handler."""

    __slots__ = (
        "body",
        "key",
        "member",
        "parameters",
        "principal",
        "query",
        "raw",
        "request",
        "request_id",
        "test",
    )

    def __init__(self, request: Request, request_id: str, parameters: dict[str, str]) -> None:
        self.request = request
        self.request_id = request_id
        self.parameters = parameters
        self.query: dict[str, list[str]] = {}
        self.principal: Principal | None = None
        self.member: Member | None = None
        # Whether the gate knows that the namespace is a test one.
        self.test = False
        self.body: Any = None
        self.raw = b""
        self.key = ""

    @property
    def who(self) -> Principal:
        """The holder of the key; only for routes that ask for one."""
        assert self.principal is not None, "the route asks for a key"
        return self.principal

    @property
    def asker(self) -> Member:
        """The member whose token came; only for doors that ask for one."""
        assert self.member is not None, "the gate asks for a member token"
        return self.member

    @property
    def namespace(self) -> str:
        return self.who.namespace

    @property
    def address(self) -> str | None:
        """The address that the request came from."""
        return self.request.client.host if self.request.client else None

    async def audit(
        self, tx: Tx, action: str, target: object, detail: Mapping[str, object] | None = None
    ) -> None:
        """Writes into the audit trail what the holder of the key did to what."""
        await access.audit(
            tx,
            namespace=self.namespace,
            actor=self.who.actor,
            action=action,
            target=str(target),
            detail=dict(detail or {}),
            address=self.address,
        )


def answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(
        _encoder.encode(body),
        status_code=status,
        headers={"Cache-Control": "no-store", **(headers or {})},
        media_type="application/json",
    )


class Throttle:
    """Slows down who fails to authenticate: so many failures a minute for each address.

    Where secrets are too long to be guessed (API keys, callbacks), only failures are refused and
    never who authenticates: behind a shared address, somebody's guesses would shut everybody out.
    """

    def __init__(self, most: int = 60, seconds: float = 60.0) -> None:
        self._most = most
        self._seconds = seconds
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def refuse_if_hot(self, address: str | None) -> None:
        """``TooManyRequests`` when this address failed too often."""
        failures = self._recent(address)
        if len(failures) >= self._most:
            wait = max(1, int(self._seconds - (clock.monotonic() - failures[0])) + 1)
            raise TooManyRequests("Too many failed attempts from here.", retryAfter=wait)

    def note(self, address: str | None) -> None:
        """One more failure."""
        failures = self._recent(address)
        failures.append(clock.monotonic())
        self._failures[address or ""] = failures
        self._failures.move_to_end(address or "")
        while len(self._failures) > 10_000:
            self._failures.popitem(last=False)

    def _recent(self, address: str | None) -> list[float]:
        since = clock.monotonic() - self._seconds
        return [moment for moment in self._failures.get(address or "", []) if moment > since]


class Gate(Protocol):
    """Decides who may come in."""

    async def admit(self, call: Call, route: Route) -> None:
        """Notes on the call who asks. Raises ``Unauthenticated`` and ``NotPermitted``."""
        ...


class Door:
    """The ASGI application of the routes it is given, behind a gate."""

    def __init__(self, router: Router, gate: Gate, base_path: str) -> None:
        self._router = router
        self._gate = gate
        self._base = base_path.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; whatever goes wrong becomes a problem document."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        request_id = str(ids.random_id())
        try:
            response: ASGIApp = await self._handle(request, request_id)
        except GuerdonError as error:
            if problems.STATUS_BY_CODE[error.code] >= 500:
                _log.warning("refused", code=error.code, detail=error.detail, request=request_id)
            response = problems.response(error, request_id)
        except ClientDisconnect:
            return
        except DatabaseError as trouble:
            _log.warning("database not reached", error=str(trouble), request=request_id)
            refusal = Unavailable("The database does not answer. Send it again.", retryAfter=1)
            response = problems.response(refusal, request_id)
        except Exception:  # noqa: BLE001 - the last one out: logged with its stack, told without
            _log.exception("request failed", request=request_id, method=request.method)
            response = problems.response(
                GuerdonError("Something went wrong here. Give this requestId to whoever runs it."),
                request_id,
            )
        if isinstance(response, Response):
            response.raw_headers.append((b"x-request-id", request_id.encode()))
            response.raw_headers.extend(_HEADERS)
        await response(scope, receive, send)

    async def _handle(self, request: Request, request_id: str) -> Response:
        raw_path = request.scope.get("raw_path") or request.scope["path"].encode()
        path = raw_path.split(b"?", 1)[0].decode("latin-1")
        if self._base:
            path = path.removeprefix(self._base) if path.startswith(self._base + "/") else "\x00"
        route, parameters = self._router.find(request.method, path)
        call = Call(request, request_id, parameters)
        await self._gate.admit(call, route)
        if route.body is not None:
            await _read_body(call, route)
        if route.keyed:
            call.key = _idempotency_key(request)
        call.query = _query(request, route)
        if route.body is not None and not route.raw:
            call.body = strict_json.fit(call.body, route.body)
        return await route.handler(call)


async def _read_body(call: Call, route: Route) -> None:
    if route.bare and not _has_body(call.request):
        call.body = {}
        return
    kind = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    merges = route.method == "PATCH" and kind == "application/merge-patch+json"
    if kind != route.body_type and not merges:
        raise UnsupportedMediaType(f"Send Content-Type: {route.body_type}.")
    if route.raw:
        return
    call.raw = await read_bounded(call.request, LARGEST_BODY)
    call.body = strict_json.parse(call.raw)


def _has_body(request: Request) -> bool:
    length = request.headers.get("content-length", "")
    return length.strip("0") != "" or "transfer-encoding" in request.headers


async def read_bounded(request: Request, most: int) -> bytes:
    """The whole body, or ``TooLarge`` before more than ``most`` bytes are held."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise TooLarge(f"A body may have {most} bytes.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise TooLarge(f"A body may have {most} bytes.")
    return bytes(body)


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("idempotency-key", "")
    if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise MalformedRequest(
            "Send an Idempotency-Key of 1 to 255 printable ASCII characters: a fresh one for each "
            "thing you want to happen once, the same one when you send it again. See /docs."
        )
    return key


def _query(request: Request, route: Route) -> dict[str, list[str]]:
    text = request.scope.get("query_string", b"")
    if not text:
        return {}
    found: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError as trouble:
        raise MalformedRequest("The query string is not UTF-8, percent-encoded.") from trouble
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    wrong = [
        {"pointer": f"?{name}", "detail": "is not a parameter of this route"}
        for name in found
        if name not in route.query
    ] + [
        {"pointer": f"?{name}", "detail": "may not hold a NUL"}
        for name, values in found.items()
        if any("\x00" in value for value in values)
    ]
    if wrong:
        raise InvalidRequest("The query has something that does not fit.", errors=wrong)
    return found
