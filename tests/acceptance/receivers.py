"""A provider's receiving end as it should be, and one written for the original product."""

import asyncio
import base64
import hmac
import json
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

SIGNING = "whsec_" + base64.b64encode(b"the signing secret of the tests!").decode()
CALLBACK = "whsec_" + base64.b64encode(b"the callback secret of the tests").decode()
SECRET_KEY = "whsec_" + base64.b64encode(b"the secret key of the original..").decode()
AUTHORIZATION = "Basic cHJvdmlkZXI6c2VjcmV0"


def signature(secret: str, webhook_id: str, timestamp: str, body: bytes) -> str:
    """``v1,`` and the signature of Standard Webhooks."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{webhook_id}.{timestamp}.".encode() + body, "sha256")
    return "v1," + base64.b64encode(digest).decode()


class Receiver:
    """Checks who asks, gives one reward for an ID, remembers its answer, calls back later."""

    authorization: str | None = AUTHORIZATION

    def __init__(self) -> None:
        self.callback_url = ""
        self.answers: dict[str, dict[str, Any]] = {}
        self.given: Counter[str] = Counter()
        self.locks: dict[str, asyncio.Lock] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/redeem"

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Receiver"]:
        """Listens until the end of the block."""
        application = web.Application()
        application.router.add_route("*", "/{tail:.*}", self.receive)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)
            await runner.cleanup()

    async def receive(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if not self.is_authorized(request) or not self.is_signed(request, body):
            return web.json_response({"error": "who are you?"}, status=401)
        try:
            message = json.loads(body)
        except ValueError:
            return web.json_response({"error": "no JSON"}, status=400)
        return await self.answer(request, message)

    def is_authorized(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == self.authorization

    def is_signed(self, request: web.Request, body: bytes) -> bool:
        webhook_id = request.headers.get("webhook-id", "")
        sent_at = request.headers.get("webhook-timestamp", "")
        if not sent_at.isdigit() or not self.is_recent(int(sent_at)):
            return False
        right = signature(SIGNING, webhook_id, sent_at, body)
        return self.is_among(right, request.headers.get("webhook-signature", ""))

    def is_recent(self, sent_at: int) -> bool:
        return abs(time.time() - sent_at) <= 300

    def is_among(self, right: str, given: str) -> bool:
        return any(hmac.compare_digest(right, one) for one in given.split())

    async def answer(self, request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
        transaction_id = message["transactionId"]
        async with self.locks.setdefault(transaction_id, asyncio.Lock()):
            if transaction_id not in self.answers:
                self.answers[transaction_id] = await self.decide(transaction_id, message)
        return web.json_response(self.answers[transaction_id])

    async def decide(self, transaction_id: str, message: dict[str, Any]) -> dict[str, Any]:
        asked = message.get("asks", "success")
        if asked == "failure":
            return {"status": "failure", "message": "Sold out"}
        if asked == "postponed":
            task = asyncio.create_task(self.call_back(transaction_id))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
            return {"status": "postponed"}
        return {"status": "success", "reference": self.reward(transaction_id)}

    def reward(self, transaction_id: str) -> str:
        self.given[transaction_id] += 1
        return f"VOUCHER-{transaction_id}-{self.given[transaction_id]}"

    async def call_back(self, transaction_id: str) -> None:
        body = json.dumps({"transactionId": transaction_id, "status": "success"}).encode()
        webhook_id, sent_at = str(uuid.uuid4()), str(int(time.time()))
        headers = {
            "webhook-id": webhook_id,
            "webhook-timestamp": sent_at,
            "webhook-signature": signature(CALLBACK, webhook_id, sent_at, body),
            "Content-Type": "application/json",
        }
        await self.post(headers, body)

    async def post(self, headers: dict[str, str], body: bytes, path: str = "/callbacks") -> None:
        async with aiohttp.ClientSession() as session:
            for _ in range(3):
                url = self.callback_url + path
                async with session.post(url, data=body, headers=headers) as answer:
                    if answer.status != 503:
                        return


class Original(Receiver):
    """Written for the original product: an Authorization value, a bare 201, news by secret key."""

    def is_signed(self, request: web.Request, body: bytes) -> bool:
        return True

    async def answer(self, request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
        if message.get("asks") != "postponed":
            return web.Response(status=200)
        await super().answer(request, message)
        return web.Response(status=201)

    async def call_back(self, transaction_id: str) -> None:
        said = {"secretKey": SECRET_KEY, "transactionId": transaction_id}
        where = "/fed/providers/an-option/events/redeem.static.success"
        await self.post({"Content-Type": "application/json"}, json.dumps(said).encode(), where)
