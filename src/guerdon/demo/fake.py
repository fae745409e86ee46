"""A reward provider that behaves in every way ``outcomes.md`` lists: for the demo and for trials.

It gives each reward at most once (by transaction ID), and remembers what it gave.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import aiohttp
import msgspec
import structlog
from aiohttp import web

from guerdon import clock, ids
from guerdon.providers import signing

_log = structlog.get_logger("guerdon.fake")
_LATER_SECONDS = 8


@dataclass(slots=True)
class Message:
    """What arrived, and how to call back."""

    request: web.Request
    transaction_id: str
    option_name: str
    provider: "FakeProvider"


Reply = Callable[[Message], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One way to answer; ``about`` says what becomes of the transaction."""

    about: str
    reply: Reply


def _always(status: int, body: object = None, **headers: str) -> Reply:
    async def reply(_message: Message) -> web.StreamResponse:
        if body is None:
            return web.Response(status=status, headers=headers)
        text = body if isinstance(body, str) else msgspec.json.encode(body).decode()
        return web.Response(
            status=status, text=text, content_type="application/json", headers=headers
        )

    return reply


async def _gives(message: Message) -> web.StreamResponse:
    voucher = message.provider.issue(message.transaction_id)
    answer = {
        "status": "success",
        "transactionId": message.transaction_id,
        "reference": voucher,
        "message": f"Your voucher is {voucher}",
    }
    return web.json_response(answer)


async def _slowly(message: Message) -> web.StreamResponse:
    await asyncio.sleep(3)
    return await _gives(message)


async def _never(message: Message) -> web.StreamResponse:
    message.provider.issue(message.transaction_id)
    await asyncio.sleep(3600)
    return web.Response()


async def _cuts(message: Message) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(message.request)
    await response.write(b'{"status": "succ')
    if message.request.transport is not None:
        message.request.transport.close()
    return response


async def _later(message: Message) -> web.StreamResponse:
    message.provider.later(message, "success")
    return web.Response(status=201)


async def _later_refuses(message: Message) -> web.StreamResponse:
    message.provider.later(message, "failure")
    return web.Response(status=202)


async def _original(message: Message) -> web.StreamResponse:
    message.provider.later(message, "original")
    return web.Response(status=201)


BEHAVIOURS: Mapping[str, Behaviour] = {
    "gives": Behaviour("Gives a voucher at once: success.", _gives),
    "ok": Behaviour("A bare 200: success.", _always(200)),
    "later": Behaviour("201, and a signed callback seconds later: postponed, success.", _later),
    "later-refuses": Behaviour("202, then a callback that says failure.", _later_refuses),
    "original": Behaviour("201, then the original product's callback.", _original),
    "postpones": Behaviour("201 and nothing more: waits for a person.", _always(201)),
    "refuses": Behaviour(
        "Says failure: the tokens go back.",
        _always(200, {"status": "failure", "message": "Sold out"}),
    ),
    "unsure": Behaviour(
        "Says recoverable-failure: a person decides.",
        _always(200, {"status": "recoverable-failure", "message": "Warehouse offline"}),
    ),
    "misspells": Behaviour(
        "A status that is none of the four: unknown, and an alarm.",
        _always(200, {"status": "Failed"}),
    ),
    "slow": Behaviour("Takes three seconds, then success.", _slowly),
    "silent": Behaviour("Gives the reward and never answers: unknown.", _never),
    "cuts": Behaviour("Cuts its answer: unknown.", _cuts),
    "redirects": Behaviour("A redirect is never followed.", _always(302, Location="/elsewhere")),
    "bad-request": Behaviour("400 without a word: held for a person.", _always(400)),
    "conflict": Behaviour("409 often means already done: unknown.", _always(409)),
    "busy": Behaviour("429: tried again later.", _always(429, **{"Retry-After": "5"})),
    "broken": Behaviour("500: the reward may have been given.", _always(500)),
}


@dataclass(slots=True)
class FakeProvider:
    """A server on ``port``. ``behaviours`` maps option names to the names of behaviours."""

    port: int
    guerdon_url: str = ""
    provider_id: str = ""
    callback_secret: str = ""
    secret_key: str = ""
    default: str = "gives"
    behaviours: dict[str, str] = field(default_factory=dict)
    issued: dict[str, str] = field(default_factory=dict)
    _runner: web.AppRunner | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> None:
        """Listens on the loopback."""
        application = web.Application()
        application.router.add_post("/{tail:.*}", self._answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def close(self) -> None:
        """Stops, and forgets the callbacks it still owed."""
        for task in self._tasks:
            task.cancel()
        if self._runner is not None:
            await self._runner.cleanup()

    def issue(self, transaction_id: str) -> str:
        """The reward of a transaction: given once, however often it is asked for."""
        return self.issued.setdefault(
            transaction_id, f"GUERDON-{ids.secret_bytes(4).hex().upper()}"
        )

    def later(self, message: Message, what: str) -> None:
        """Calls back in some seconds."""
        task = asyncio.create_task(self._call_back(message, what))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            body = msgspec.json.decode(await request.read(), type=dict[str, object])
        except msgspec.DecodeError:
            return web.Response(status=400)
        transaction_id = str(body.get("transactionId"))
        option_name = str(body.get("redeemOptionName"))
        named = self.behaviours.get(option_name, self.default)
        return await BEHAVIOURS[named].reply(Message(request, transaction_id, option_name, self))

    async def _call_back(self, message: Message, what: str) -> None:
        await asyncio.sleep(_LATER_SECONDS)
        if not self.guerdon_url:
            return
        if what == "original":
            path = f"/fed/providers/{message.option_name}/events/redeem.static.success"
            said = {"secretKey": self.secret_key, "transactionId": message.transaction_id}
            headers, raw = {}, msgspec.json.encode(said)
        else:
            path = f"/v1/providers/{self.provider_id}/callbacks"
            raw = msgspec.json.encode(
                {
                    "transactionId": message.transaction_id,
                    "status": what,
                    "reference": self.issue(message.transaction_id) if what == "success" else None,
                }
            )
            headers = signing.sign(
                [self.callback_secret], str(ids.random_id()), clock.unix_seconds(), raw
            )
        headers["Content-Type"] = "application/json"
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.post(self.guerdon_url + path, data=raw, headers=headers) as answer,
            ):
                _log.debug("called back", status=answer.status, said=what)
        except aiohttp.ClientError as trouble:
            _log.warning("callback failed", error=str(trouble))
