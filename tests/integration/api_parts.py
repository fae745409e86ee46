"""What the tests of the API share: a provider that does as it is told, a furnished programme."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import UUID

from aiohttp import web
from tests.conftest import Answer, Api

from guerdon import clock, ids
from guerdon.providers import signing

_PROBLEM = {"type", "title", "status", "code", "detail", "requestId"}
_TELLTALE = ("select ", "insert ", "psycopg", "traceback", ".py", "/src/", "postgres", "relation ")


def refused(answer: Answer, status: int, code: str) -> dict[str, Any]:
    """The problem document of a refusal, once it is what every problem must be."""
    assert answer.status == status, (answer.status, answer.body)
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    problem: dict[str, Any] = answer.body
    assert problem.keys() >= _PROBLEM
    assert problem["type"].endswith(f"/{code}")
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert UUID(problem["requestId"])
    assert answer.headers["X-Request-Id"] == problem["requestId"]
    said = json.dumps(problem).lower()
    assert not [word for word in _TELLTALE if word in said], said
    return problem


def pointers(problem: dict[str, Any]) -> set[str]:
    """What an ``invalid-request`` points at."""
    return {error["pointer"] for error in problem["errors"]}


def segment(user_id: str) -> str:
    """A userId as one segment of a path."""
    return quote(user_id, safe="")


@dataclass
class Rewards:
    """A provider on the loopback: answers what is next in ``replies``, then 200 with no body."""

    url: str = ""
    replies: list[web.Response] = field(default_factory=list)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    held: asyncio.Event | None = None

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append((dict(request.headers), await request.read()))
        if self.held is not None:
            await self.held.wait()
        return self.replies.pop(0) if self.replies else web.Response()

    def next(self, status: int, body: object = None) -> None:
        """The next reply: bytes as they stand, anything else as JSON."""
        if isinstance(body, bytes) or body is None:
            self.replies.append(web.Response(status=status, body=body))
        else:
            self.replies.append(web.json_response(body, status=status))


@asynccontextmanager
async def rewards() -> AsyncIterator[Rewards]:
    """A provider that listens."""
    made = Rewards()
    application = web.Application()
    application.router.add_post("/rewards", made.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/rewards"
    yield made
    if made.held is not None:
        made.held.set()
    await runner.cleanup()


@dataclass
class Shop:
    """A provider and a physical option of 200 tokens, "Free Tickets"."""

    api: Api
    rewards: Rewards
    provider: dict[str, Any]
    option: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of the option."""
        return str(self.option["name"])

    async def create_option(self, **fields: Any) -> dict[str, Any]:
        """One more option."""
        return await create_option(self.api, self.provider["id"], **fields)

    async def member(self, user_id: str, tokens: int = 0, **profile: Any) -> str:
        """A member with tokens."""
        return await create_member(self.api, user_id, tokens, **profile)

    async def ask(
        self, user_id: str, key: str | None = None, api: Api | None = None, **fields: Any
    ) -> Answer:
        """Asks for a redemption of the option."""
        body = {"optionName": self.name, "userId": user_id, **fields}
        key = key or str(ids.random_id())
        return await (api or self.api).call("POST", "/v1/redemptions", body, key=key)

    async def redeem(self, user_id: str, *, until: str | None = None, **fields: Any) -> Any:
        """A transaction, once it has the status ``until``."""
        accepted = await self.ask(user_id, **fields)
        assert accepted.status == 202, accepted.body
        if until is None:
            return accepted.body
        return await self.settled(accepted.body["id"], until)

    async def postponed(self, user_id: str = "ann") -> str:
        """The ID of a transaction that the provider has postponed."""
        await self.member(user_id, 1000)
        self.rewards.next(201)
        made = await self.redeem(user_id, until="postponed")
        return str(made["id"])

    async def settled(self, transaction_id: str, status: str) -> Any:
        """The transaction, once it has this status."""
        async with asyncio.timeout(20):
            while True:
                answer = await self.api.call("GET", f"/v1/transactions/{transaction_id}")
                assert answer.status == 200, answer.body
                if answer.body["status"] == status:
                    return answer.body
                await asyncio.sleep(0.02)

    async def call_back(
        self,
        body: object,
        *,
        secret: str | None = None,
        webhook_id: str | None = None,
        at: int | None = None,
        sent: bytes | None = None,
        provider_id: str | None = None,
    ) -> Answer:
        """A signed callback; ``sent``: what goes out in place of what was signed."""
        raw = json.dumps(body).encode()
        headers = signing.sign(
            [secret or self.provider["callbackSecret"]],
            webhook_id or str(ids.random_id()),
            at or clock.unix_seconds(),
            raw,
        )
        path = f"/v1/providers/{provider_id or self.provider['id']}/callbacks"
        return await self.api.call(
            "POST", path, data=sent or raw, headers={**headers, "Authorization": ""}
        )

    async def call_back_originally(
        self, event: str, transaction_id: str, *, secret: str | None = None, name: str | None = None
    ) -> Answer:
        """A callback of the original product."""
        path = f"/fed/providers/{name or self.name}/events/redeem.static.{event}"
        secret = self.provider["secretKey"] if secret is None else secret
        body = {"secretKey": secret, "transactionId": transaction_id}
        return await self.api.call("POST", path, body, headers={"Authorization": ""})


@asynccontextmanager
async def furnished(api: Api, **settings: Any) -> AsyncIterator[Shop]:
    """A shop over the API; ``settings`` are the provider's."""
    async with rewards() as listening:
        provider = await create_provider(api, listening.url, **settings)
        option = await create_option(api, provider["id"])
        yield Shop(api, listening, provider, option)


async def create_provider(api: Api, url: str, **settings: Any) -> dict[str, Any]:
    """A provider as it was shown when it was made."""
    body = {"name": f"Rewards {ids.random_id()}", "webhookUrl": url, **settings}
    made = await api.call("POST", "/v1/providers", body)
    assert made.status == 201, made.body
    return dict(made.body)


async def create_option(api: Api, provider_id: str, **fields: Any) -> dict[str, Any]:
    """An option as it was shown when it was made; without more, "Free Tickets" for 200."""
    body = {"type": "physical", "title": "Free Tickets", "providerId": provider_id, **fields}
    if body["type"] != "currency":
        body.setdefault("price", 200)
    made = await api.call("POST", "/v1/options", body)
    assert made.status == 201, made.body
    return dict(made.body)


async def create_member(api: Api, user_id: str, tokens: int = 0, **profile: Any) -> str:
    """A member with tokens."""
    put = await api.call("PUT", f"/v1/members/{segment(user_id)}", profile)
    assert put.status in (200, 201), put.body
    if tokens:
        granted = await grant(api, user_id, tokens)
        assert granted.status == 201, granted.body
    return user_id


async def grant(api: Api, user_id: str, amount: object, key: str | None = None) -> Answer:
    """Credits tokens."""
    body = {"amount": amount, "reason": "Welcome"}
    path = f"/v1/members/{segment(user_id)}/grants"
    return await api.call("POST", path, body, key=key or str(ids.random_id()))
