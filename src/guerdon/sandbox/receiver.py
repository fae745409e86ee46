"""A reward provider that behaves in every way ``outcomes.md`` lists: for sandboxes and trials.

It gives each reward at most once: a voucher follows from the ID of its transaction.
"""

import asyncio
import hashlib
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import aiohttp
import msgspec
import structlog
from aiohttp import web

from guerdon import clock, ids
from guerdon.providers import signing

_MOST_REMEMBERED = 10_000
_log = structlog.get_logger("guerdon.fake")


@dataclass(frozen=True, slots=True)
class Part:
    """Whom the provider plays to one message: the way it answers, and what it calls back with."""

    behaviour: str
    guerdon_url: str = ""
    provider_id: str = ""
    callback_secret: str = ""
    secret_key: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """What arrived, and who answers it as whom. An enquiry has no ``fields``."""

    request: web.Request
    transaction_id: str
    fields: Mapping[str, object]
    part: Part
    receiver: "Receiver"


Reply = Callable[[Message], Awaitable[web.StreamResponse]]
# Which part is played to a request and its body; ``None``: a request that is refused.
Casting = Callable[[web.Request, bytes, Mapping[str, object]], Awaitable[Part | None]]


def voucher(transaction_id: str) -> str:
    """The reward of a transaction: the same, however often it is asked for."""
    return f"GUERDON-{hashlib.sha256(transaction_id.encode()).hexdigest()[:8].upper()}"


def _always(status: int, body: str = "", **headers: str) -> Reply:
    async def reply(_message: Message) -> web.StreamResponse:
        if not body:
            return web.Response(status=status, headers=headers)
        return web.Response(
            status=status, text=body, content_type="application/json", headers=headers
        )

    return reply


def _says(status: str, message: str) -> Reply:
    async def reply(received: Message) -> web.StreamResponse:
        answer = {"status": status, "transactionId": received.transaction_id, "message": message}
        return web.json_response(answer)

    return reply


async def _gives(message: Message) -> web.StreamResponse:
    given = voucher(message.transaction_id)
    answer = {
        "status": "success",
        "transactionId": message.transaction_id,
        "reference": given,
        "message": f"Your voucher is {given}",
    }
    return web.json_response(answer)


async def _slowly(message: Message) -> web.StreamResponse:
    await asyncio.sleep(3)
    return await _gives(message)


async def _never(_message: Message) -> web.StreamResponse:
    await asyncio.sleep(3600)
    return web.Response()


async def _cuts(message: Message) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(message.request)
    await response.write(b'{"status": "succ')
    if message.request.transport is not None:
        message.request.transport.close()
    return response


async def _resets(message: Message) -> web.StreamResponse:
    transport = message.request.transport
    if transport is not None:
        plain = transport.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


async def _later(message: Message) -> web.StreamResponse:
    message.receiver.later(message, "success")
    return web.Response(status=201)


async def _later_refuses(message: Message) -> web.StreamResponse:
    message.receiver.later(message, "failure")
    return web.Response(status=202)


async def _original(message: Message) -> web.StreamResponse:
    message.receiver.later(message, "original")
    return web.Response(status=201)


async def _calls_first(message: Message) -> web.StreamResponse:
    await message.receiver.call_back(message, "success")
    return await _gives(message)


async def _busy_once(message: Message) -> web.StreamResponse:
    if message.receiver.first_time(message.transaction_id):
        return web.Response(status=429, headers={"Retry-After": "60"})
    return await _gives(message)


async def _of_another(_message: Message) -> web.StreamResponse:
    return web.json_response({"status": "success", "transactionId": str(ids.random_id())})


REPLIES: Mapping[str, Reply] = {
    "gives": _gives,
    "ok": _always(200),
    "later": _later,
    "later-refuses": _later_refuses,
    "original": _original,
    "postpones": _always(201),
    "refuses": _says("failure", "Sold out"),
    "unsure": _says("recoverable-failure", "Warehouse offline"),
    "misspells": _always(200, '{"status": "Failed"}'),
    "slow": _slowly,
    "silent": _never,
    "cuts": _cuts,
    "redirects": _always(302, Location="/elsewhere"),
    "bad-request": _always(400),
    "conflict": _always(409),
    "busy": _always(429, **{"Retry-After": "5"}),
    "broken": _always(500),
    "busy-once": _busy_once,
    "calls-first": _calls_first,
    "resets": _resets,
    "malformed": _always(200, '{"status": "success"'),
    "wrong-id": _of_another,
    "unavailable": _always(503),
    "gone": _always(410),
}


class Receiver:
    """A server on the loopback; ``casting`` says which part it plays to whom."""

    def __init__(self, casting: Casting, later_seconds: float) -> None:
        self._casting = casting
        self._later_seconds = later_seconds
        self._runner: web.AppRunner | None = None
        self._owed: set[asyncio.Task[None]] = set()
        self._seen: dict[str, None] = {}

    async def start(self, port: int) -> int:
        """Listens on the loopback; port 0 is any that is free. Answers which it is."""
        application = web.Application()
        application.router.add_route("*", "/{tail:.*}", self._answer)
        # Who does not wait for an answer any more ends the one that never comes.
        self._runner = web.AppRunner(
            application, access_log=None, shutdown_timeout=0.1, handler_cancellation=True
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Stops, and forgets the callbacks it still owed."""
        for task in self._owed:
            task.cancel()
        if self._runner is not None:
            await self._runner.cleanup()

    def first_time(self, transaction_id: str) -> bool:
        """Whether this transaction was not asked about before, as far as it is remembered."""
        new = transaction_id not in self._seen
        self._seen[transaction_id] = None
        if len(self._seen) > _MOST_REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return new

    def later(self, message: Message, what: str) -> None:
        """Calls back in some seconds."""

        async def wait() -> None:
            await asyncio.sleep(self._later_seconds)
            await self.call_back(message, what)

        task = asyncio.create_task(wait())
        self._owed.add(task)
        task.add_done_callback(self._owed.discard)

    async def call_back(self, message: Message, what: str) -> None:
        """News of a transaction; of a test message there is none."""
        part = message.part
        if not part.guerdon_url or message.fields.get("test") is True:
            return
        path, raw, headers = _news(message, what)
        headers["Content-Type"] = "application/json"
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.post(part.guerdon_url + path, data=raw, headers=headers) as answer,
            ):
                _log.debug("called back", status=answer.status, said=what)
        except aiohttp.ClientError as trouble:
            _log.warning("callback failed", error=str(trouble))

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        fields: dict[str, object] = {}
        if raw:
            try:
                fields = msgspec.json.decode(raw, type=dict[str, object])
            except msgspec.DecodeError:
                return web.Response(status=400)
        part = await self._casting(request, raw, fields)
        if part is None:
            return web.Response(status=401)
        about = fields.get("transactionId") or request.query.get("transactionId")
        message = Message(request, str(about), fields, part, self)
        return await REPLIES[part.behaviour](message)


def _news(message: Message, what: str) -> tuple[str, bytes, dict[str, str]]:
    """Where a callback goes, its body and its headers."""
    part, transaction_id = message.part, message.transaction_id
    if what == "original":
        option = message.fields.get("redeemOptionName")
        said = {"secretKey": part.secret_key, "transactionId": transaction_id}
        path = f"/fed/providers/{option}/events/redeem.static.success"
        return path, msgspec.json.encode(said), {}
    reference = voucher(transaction_id) if what == "success" else None
    raw = msgspec.json.encode(
        {"transactionId": transaction_id, "status": what, "reference": reference}
    )
    headers = signing.sign([part.callback_secret], str(ids.random_id()), clock.unix_seconds(), raw)
    return f"/v1/providers/{part.provider_id}/callbacks", raw, headers
