"""Hears callbacks while the scenarios run, in both forms that Guerdon takes."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aiohttp import web

from guerdon import clock, strict_json
from guerdon.conformance.messages import Plan
from guerdon.errors import MalformedRequest
from guerdon.providers import signing

_ORIGINAL = {
    "/events/redeem.static.success": "success",
    "/events/redeem.static.failure": "failure",
}
_LARGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Callback:
    """News that came. ``wrong`` says why Guerdon would not have believed it."""

    transaction_id: str
    status: str
    webhook_id: str
    body: bytes
    wrong: str | None

    def trace(self) -> dict[str, object]:
        """What came, for people and programs. The body may hold the secret key: it stays here."""
        return {
            "callback": {
                "transactionId": self.transaction_id,
                "status": self.status,
                "webhookId": self.webhook_id,
                "wrong": self.wrong,
            }
        }


@dataclass(slots=True)
class Listener:
    """Answers 200 to callbacks that would be believed, and 401 to the others.

    ``away`` holds transactions whose next callback gets a 503: it was not stored, send it again.
    """

    plan: Plan
    away: set[str] = field(default_factory=set)
    heard: list[Callback] = field(default_factory=list)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    @asynccontextmanager
    async def listening(self, url: str) -> AsyncIterator["Listener"]:
        """Listens at the port of ``url``: on the loopback if it leads there, else everywhere."""
        parts = urlsplit(url)
        loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
        application = web.Application(client_max_size=_LARGEST)
        application.router.add_post("/{tail:.*}", self._answer)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            host = "127.0.0.1" if loopback else None
            await web.TCPSite(runner, host, parts.port or 80).start()
            yield self
        finally:
            await runner.cleanup()

    async def news_of(self, transaction_id: str, count: int, patience_seconds: float) -> list[str]:
        """Waits for ``count`` callbacks about a transaction; answers what came by then."""

        def came() -> list[str]:
            return [one.webhook_id for one in self.about(transaction_id)]

        try:
            async with asyncio.timeout(patience_seconds), self._news:
                await self._news.wait_for(lambda: len(came()) >= count)
        except TimeoutError:
            return came()
        return came()

    def about(self, transaction_id: str) -> list[Callback]:
        """What was heard about a transaction, in order."""
        return [one for one in self.heard if one.transaction_id == transaction_id]

    async def _answer(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        callback = read(self.plan, request.path, headers, await request.read())
        async with self._news:
            self.heard.append(callback)
            self._news.notify_all()
        if callback.transaction_id in self.away:
            self.away.discard(callback.transaction_id)
            return web.json_response(
                {"code": "unavailable"}, status=503, headers={"Retry-After": "1"}
            )
        if callback.wrong is not None:
            return web.json_response({"code": "unauthenticated"}, status=401)
        return web.json_response(
            {"transactionId": callback.transaction_id, "status": callback.status, "applied": True}
        )


def read(plan: Plan, path: str, headers: Mapping[str, str], body: bytes) -> Callback:
    """A callback, and whether it would be believed."""
    try:
        value = strict_json.parse(body)
    except MalformedRequest as trouble:
        return Callback("", "", "", body, trouble.detail)
    if not isinstance(value, dict):
        return Callback("", "", "", body, "The body is not a JSON object.")
    transaction_id = str(value.get("transactionId", ""))
    for ending, said in _ORIGINAL.items():
        if path.endswith(ending):
            wrong = _wrong_secret(plan.secret_key, value.get("secretKey"))
            return Callback(transaction_id, said, "", body, wrong)
    status = str(value.get("status", ""))
    webhook_id = headers.get("webhook-id", "")
    wrong = _wrong_signature(plan.callback_secret, headers, body)
    if wrong is None and headers.get("content-type", "").partition(";")[0] != "application/json":
        wrong = "The Content-Type is not application/json."
    if wrong is None and status not in ("success", "failure", "postponed", "recoverable-failure"):
        wrong = f"The status is none of the four: {status[:40]!r}."
    return Callback(transaction_id, status, webhook_id, body, wrong)


def _wrong_secret(secret: str | None, given: object) -> str | None:
    if secret is None:
        return "Give --secret-key to check it."
    if not isinstance(given, str) or not signing.same_secret(given, [secret]):
        return "The secretKey in the body is not the provider's."
    return None


def _wrong_signature(secret: str | None, headers: Mapping[str, str], body: bytes) -> str | None:
    if secret is None:
        return "Give --callback-secret to check its signature."
    if signing.verify([secret], headers, body, clock.unix_seconds()) is None:
        return "It is not signed with the callback secret (Standard Webhooks, at most 5 minutes)."
    return None
