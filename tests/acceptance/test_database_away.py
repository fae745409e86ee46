"""PostgreSQL is down for a while: nothing is made up, and what is sent again counts once."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from tests.acceptance.provider import Provider
from tests.acceptance.site import Site, until
from tests.conftest import Answer

from guerdon import clock
from guerdon.db.embedded import EmbeddedServer
from guerdon.providers import signing


@dataclass(slots=True)
class Away:
    """A site whose PostgreSQL this test owns: killed, it stays away until it is brought back."""

    site: Site
    server: EmbeddedServer
    provider: Provider
    made: dict[str, Any]
    option: str

    def go(self) -> None:
        """kill -9 of PostgreSQL; nobody else may start it, because the lock is ours."""
        self.site.kill_postgres(children=True)

    async def come_back(self) -> None:
        """PostgreSQL runs again, and Guerdon finds it by itself."""
        await until(self.server.revive, "a PostgreSQL that is noticed to be dead")
        await until(self.site.is_ready, "readiness")

    async def call_back(self, transaction_id: str) -> Answer:
        """The provider's signed news, always the same."""
        raw = b'{"transactionId": "%s", "status": "success"}' % transaction_id.encode()
        headers = signing.sign([self.made["callbackSecret"]], "news", clock.unix_seconds(), raw)
        path = f"/v1/providers/{self.made['id']}/callbacks"
        return await self.site.api().call("POST", path, data=raw, headers=headers)

    async def call_back_originally(self, transaction_id: str) -> Answer:
        """The same news as the original product's receiver says it."""
        path = f"/fed/providers/{self.option}/events/redeem.static.success"
        body = {"secretKey": self.made["secretKey"], "transactionId": transaction_id}
        return await self.site.api().call("POST", path, body)


@pytest.fixture
async def away(data_site: Site) -> Away:
    data_site.server = EmbeddedServer.open(data_site.data)
    await data_site.serve()
    provider = Provider()
    provider.start()
    provider.answering.clear()
    made = await data_site.make_provider(provider, timeoutSeconds=30)
    option = await data_site.make_option(made["id"])
    await data_site.make_member("alice")
    return Away(data_site, data_site.server, provider, made, option)


@pytest.mark.parametrize("say", [Away.call_back, Away.call_back_originally])
async def test_a_callback_is_told_to_come_again_and_is_applied_once(
    away: Away, say: Callable[[Away, str], Awaitable[Answer]]
) -> None:
    transaction_id = await away.site.redeem("alice", away.option, "key")
    await until(lambda: away.provider.asked, "the message")
    away.go()
    refused = await say(away, transaction_id)
    assert (refused.status, refused.body["code"]) == (503, "unavailable")
    await away.come_back()
    told = await say(away, transaction_id)
    assert (told.status, told.body["applied"]) == (200, True)
    again = await say(away, transaction_id)
    assert (again.status, again.body["applied"]) == (200, False)
    away.provider.answering.set()
    await until(lambda: not away.site.query("SELECT 1 FROM message"), "the reply's result")
    assert away.site.statuses() == {transaction_id: "success"}
    assert away.site.movements()[transaction_id] == ["hold", "capture"]
    await away.site.verify()


async def test_a_result_waits_for_the_database(away: Away) -> None:
    """The provider answers while the database is away: only this process knows what it said."""
    transaction_id = await away.site.redeem("alice", away.option, "key")
    await until(lambda: away.provider.asked, "the message")
    away.go()
    away.provider.answering.set()
    await until(lambda: away.provider.answered, "the answer")
    await away.come_back()
    await until(lambda: away.site.statuses() == {transaction_id: "success"}, "the result")
    assert len(away.provider.asked) == 1
    await away.site.verify()


async def test_every_door_says_come_again(away: Away) -> None:
    """Also once nothing is remembered any more: a request without an answer is never a 500."""
    away.go()
    api = away.site.api()
    body = {"userId": "alice", "optionName": away.option}
    stranger = api.with_key("gk_unheard-of")
    answers = await asyncio.gather(
        api.call("GET", "/readyz"),
        stranger.call("GET", "/v1/transactions"),
        api.call("GET", "/v1/transactions"),
        api.call("PUT", "/v1/members/bob", {}),
        api.call("POST", "/v1/redemptions", body, key="key"),
        api.call("POST", "/v1/members/alice/grants", {"amount": 1, "reason": "more"}, key="key"),
    )
    assert [(answer.status, answer.body["code"]) for answer in answers] == [
        (503, "unavailable")
    ] * len(answers)
    assert all("Retry-After" in answer.headers for answer in answers)
    assert (await api.call("GET", "/healthz")).status == 200
    await away.come_back()
    assert (await api.call("POST", "/v1/redemptions", body, key="key")).status == 202
