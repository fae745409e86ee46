"""Receiving ends that are broken, each in one thing."""

import asyncio
import hmac
import json
import time
import uuid
from typing import Any

import aiohttp
from aiohttp import web
from tests.acceptance.receivers import CALLBACK, SIGNING, Receiver, signature


class GivesAgain(Receiver):
    """A new reward for every message."""

    async def answer(self, request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
        self.answers.pop(message["transactionId"], None)
        return await super().answer(request, message)


class Races(Receiver):
    """Looks, and then gives: two at once both find nothing."""

    async def answer(self, request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
        transaction_id = message["transactionId"]
        if transaction_id in self.answers:
            return web.json_response(self.answers[transaction_id])
        # A database that is asked over the network takes its time.
        await asyncio.sleep(0.05)
        self.answers[transaction_id] = await self.decide(transaction_id, message)
        return web.json_response(self.answers[transaction_id])


class ConflictsAgain(Receiver):
    """409 for an ID that it knows: to Guerdon, that is unknown."""

    async def answer(self, request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
        if message["transactionId"] in self.answers:
            return web.json_response({"error": "already done"}, status=409)
        return await super().answer(request, message)


class OneForAMember(Receiver):
    """Gives a member one reward, whatever the ID."""

    def reward(self, transaction_id: str) -> str:
        return "VOUCHER-1"


class BelievesAnybody(Receiver):
    """Checks no signature."""

    def is_signed(self, request: web.Request, body: bytes) -> bool:
        return True


class BelievesAtAnyTime(Receiver):
    """Checks the signature and not the time."""

    def is_recent(self, sent_at: int) -> bool:
        return True


class BelievesTheFuture(Receiver):
    """Forgets that a clock may be ahead."""

    def is_recent(self, sent_at: int) -> bool:
        return time.time() - sent_at <= 300


class SignsNoBody(Receiver):
    """Checks a signature over the ID and the time alone: lenient about all bodies."""

    def is_signed(self, request: web.Request, body: bytes) -> bool:
        return super().is_signed(request, body.rstrip(b" "))


class SerialisesAnew(Receiver):
    """Checks the signature of what it parsed and wrote again, not of the bytes that came."""

    def is_signed(self, request: web.Request, body: bytes) -> bool:
        try:
            value = json.loads(body)
        except ValueError:
            return super().is_signed(request, body)
        again = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
        return super().is_signed(request, again)


class OneSignatureOnly(Receiver):
    """Compares the whole header, so that a rotation of the secret locks everybody out."""

    def is_among(self, right: str, given: str) -> bool:
        return hmac.compare_digest(right, given)


class AuthorizesAnybody(Receiver):
    """Does not compare the Authorization value."""

    def is_authorized(self, request: web.Request) -> bool:
        return True


class RefusesStrangeFields(Receiver):
    """400 for a field that it does not know."""

    known = "event redeemOptionName namespace transactionId userId price productName address email"
    known += " test asks tokenAmount currency currencyAmount conversionRate amount"

    async def answer(self, request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
        if set(message) - set(self.known.split()):
            return web.json_response({"error": "unknown field"}, status=400)
        return await super().answer(request, message)


class Raises(Receiver):
    """500 where its code falls over; ``falls`` says when."""

    def falls(self, message: dict[str, Any]) -> bool:
        raise NotImplementedError

    async def answer(self, request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
        if self.falls(message):
            return web.Response(status=500, text="Internal Server Error")
        return await super().answer(request, message)


class NeedsAnEmail(Raises):
    """Calls a method of ``null``."""

    def falls(self, message: dict[str, Any]) -> bool:
        return message["email"] is None and "price" in message


class KnowsPricesOnly(Raises):
    """Reads ``price``, which currency options do not send."""

    def falls(self, message: dict[str, Any]) -> bool:
        return "price" not in message


class KnowsLatinOnly(Raises):
    """Stores text in an old character set."""

    def falls(self, message: dict[str, Any]) -> bool:
        try:
            message.get("productName", "").encode("latin-1")
        except UnicodeEncodeError:
            return True
        return False


class FailsAfterGiving(Raises):
    """Gives the reward, and then 500."""

    def falls(self, message: dict[str, Any]) -> bool:
        fresh = message["transactionId"] not in self.given
        self.given[message["transactionId"]] += 1
        return fresh


class FallsOverGarbage(Receiver):
    """500 for what is no JSON."""

    async def receive(self, request: web.Request) -> web.StreamResponse:
        answer = await super().receive(request)
        return web.Response(status=500) if answer.status == 400 else answer


class Talks(Receiver):
    """Answers with the whole catalogue."""

    async def decide(self, transaction_id: str, message: dict[str, Any]) -> dict[str, Any]:
        decided = await super().decide(transaction_id, message)
        return decided | {"catalogue": "x" * 100_000}


class Dawdles(Receiver):
    """Does not answer before the deadline."""

    async def receive(self, request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(3600)
        return web.Response()


class Misspells(Receiver):
    """``Success`` is none of the four."""

    async def decide(self, transaction_id: str, message: dict[str, Any]) -> dict[str, Any]:
        decided = await super().decide(transaction_id, message)
        return decided | {"status": decided["status"].capitalize()}


class NamesAnother(Receiver):
    """Answers with an ID of its own in the place of ours."""

    async def decide(self, transaction_id: str, message: dict[str, Any]) -> dict[str, Any]:
        decided = await super().decide(transaction_id, message)
        return decided | {"transactionId": str(uuid.UUID(int=7))}


class Redirects(Receiver):
    """Moved elsewhere."""

    async def receive(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=308, headers={"Location": "/elsewhere"})


class Cuts(Receiver):
    """Announces more than it sends."""

    async def answer(self, request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"status": "succ')
        assert request.transport is not None
        request.transport.close()
        return response


class SaysNoBy400(Receiver):
    """Refuses by code alone, which holds the tokens for a person."""

    async def answer(self, request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
        if message.get("asks") == "failure":
            return web.Response(status=400)
        return await super().answer(request, message)


class DropsTheSecond(Receiver):
    """Keeps a connection, and drops the next request on it."""

    def __init__(self) -> None:
        super().__init__()
        self.known: set[int] = set()

    async def receive(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        if request.protocol in self.known:
            request.transport.close()
        self.known.add(request.protocol)
        return await super().receive(request)


class NeverCallsBack(Receiver):
    """Postpones, and forgets."""

    async def call_back(self, transaction_id: str) -> None:
        return


class CallsBackUnsigned(Receiver):
    """Its callbacks are signed with another secret."""

    async def post(self, headers: dict[str, str], body: bytes, path: str = "/callbacks") -> None:
        headers["webhook-signature"] = signature(
            SIGNING, headers["webhook-id"], headers["webhook-timestamp"], body
        )
        await super().post(headers, body)


class CallsBackOnce(Receiver):
    """A callback that was not stored is lost."""

    async def post(self, headers: dict[str, str], body: bytes, path: str = "/callbacks") -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.callback_url, data=body, headers=headers),
        ):
            return


class CallsBackUnderNewNames(Receiver):
    """The same news again, each time with another ``webhook-id``."""

    async def post(self, headers: dict[str, str], body: bytes, path: str = "/callbacks") -> None:
        async with aiohttp.ClientSession() as session:
            for _ in range(2):
                webhook_id = str(uuid.uuid4())
                headers["webhook-id"] = webhook_id
                headers["webhook-signature"] = signature(
                    CALLBACK, webhook_id, headers["webhook-timestamp"], body
                )
                async with session.post(self.callback_url, data=body, headers=headers):
                    pass
