"""The reply to our own COMMIT was lost: the same rows are driven again, and the effect is one."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from tests.acceptance.provider import Provider
from tests.acceptance.proxy import Proxy, proxy_to
from tests.acceptance.site import Site, until

# What only this kind of commit says.
ACCEPTANCE = b"INSERT INTO message"
RESULT = b"INSERT INTO attempt"
CLAIM = b"SET state = 'sending'"
GRANT = b"INSERT INTO posting"


@dataclass(slots=True)
class Furnished:
    """A site behind a proxy, with a provider that gives."""

    site: Site
    proxy: Proxy
    provider: Provider
    option: str = ""

    async def furnish(self) -> None:
        """A provider, an option and a member."""
        self.provider.start()
        made = await self.site.make_provider(self.provider)
        self.option = await self.site.make_option(made["id"])
        await self.site.make_member("alice", 100)

    async def settled(self, transaction_id: str, status: str) -> None:
        """Waits for the status, and checks that everything happened once."""
        await until(lambda: self.site.statuses() == {transaction_id: status}, status)
        await self.site.verify()


@pytest.fixture
async def here(site: Site) -> AsyncIterator[Furnished]:
    assert site.url is not None, "it is on the session's PostgreSQL"
    async with proxy_to(site.url) as proxy:
        yield Furnished(site, proxy, Provider())
        await site.close()


@pytest.mark.parametrize("flags", [[], ["--no-delivery"]], ids=["born-sending", "born-queued"])
async def test_an_acceptance_is_told_after_all(here: Furnished, flags: list[str]) -> None:
    await here.site.serve(*flags, url=here.proxy.url)
    await here.furnish()
    here.proxy.lose(ACCEPTANCE)
    transaction_id = await here.site.redeem("alice", here.option, "key")
    assert here.proxy.lost == 1
    assert list(here.site.statuses()) == [transaction_id]
    if flags:
        await here.site.deliver()
    await here.settled(transaction_id, "success")
    assert [asked.transaction_id for asked in here.provider.asked] == [transaction_id]
    assert await here.site.redeem("alice", here.option, "key") == transaction_id


async def test_an_acceptance_whose_replies_are_all_lost_is_told_when_asked_again(
    here: Furnished,
) -> None:
    await here.site.serve("--no-delivery", url=here.proxy.url)
    await here.furnish()
    # The first drive commits; those after it find the key, and write nothing.
    here.proxy.lose(b"idempotency_key", times=3)
    body = {"userId": "alice", "optionName": here.option}
    refused = await here.site.api().call("POST", "/v1/redemptions", body, key="key")
    assert (refused.status, refused.body["code"]) == (503, "unavailable")
    assert here.proxy.lost == 3
    transaction_id = await here.site.redeem("alice", here.option, "key")
    await here.site.deliver()
    await here.settled(transaction_id, "success")
    assert len(here.provider.asked) == 1


async def test_what_was_born_sending_and_never_sent_is_sent_after_all(here: Furnished) -> None:
    """The process that leased it knows that no byte left: it goes back into the queue."""
    await here.site.serve(url=here.proxy.url)
    await here.furnish()
    here.proxy.lose(b"idempotency_key", times=3)
    body = {"userId": "alice", "optionName": here.option}
    refused = await here.site.api().call("POST", "/v1/redemptions", body, key="key")
    assert (refused.status, refused.body["code"]) == (503, "unavailable")
    assert here.proxy.lost == 3
    [transaction_id] = here.site.statuses()
    await here.settled(transaction_id, "success")
    assert [asked.transaction_id for asked in here.provider.asked] == [transaction_id]
    assert await here.site.redeem("alice", here.option, "key") == transaction_id


async def test_the_api_killed_after_the_commit_and_before_the_reply(here: Furnished) -> None:
    serving = await here.site.serve("--no-delivery", url=here.proxy.url)
    await here.furnish()
    here.proxy.lose(ACCEPTANCE, holds=True)
    asking = asyncio.create_task(here.site.redeem("alice", here.option, "key"))
    await until(lambda: here.proxy.lost == 1, "a commit whose reply is on its way")
    serving.kill()
    with pytest.raises(aiohttp.ClientError):
        await asking
    committed = list(here.site.statuses())
    await here.site.serve(url=here.proxy.url)
    assert [await here.site.redeem("alice", here.option, "key")] == committed
    await here.settled(committed[0], "success")
    assert len(here.provider.asked) == 1


async def test_a_delivering_api_killed_before_the_reply_has_sent_nothing(here: Furnished) -> None:
    """Born sending: that nothing was sent is something that nobody can know any more."""
    serving = await here.site.serve(url=here.proxy.url)
    await here.furnish()
    here.proxy.lose(ACCEPTANCE, holds=True)
    asking = asyncio.create_task(here.site.redeem("alice", here.option, "key"))
    await until(lambda: here.proxy.lost == 1, "a commit whose reply is on its way")
    serving.kill()
    with pytest.raises(aiohttp.ClientError):
        await asking
    committed = list(here.site.statuses())
    await here.site.serve(url=here.proxy.url)
    assert [await here.site.redeem("alice", here.option, "key")] == committed
    here.site.lapse_leases()
    await here.settled(committed[0], "recoverable-failure")
    assert here.provider.asked == []


async def test_a_result_is_stored_once(here: Furnished) -> None:
    await here.site.serve(url=here.proxy.url)
    await here.furnish()
    here.proxy.lose(RESULT)
    transaction_id = await here.site.redeem("alice", here.option, "key")
    await here.settled(transaction_id, "success")
    assert here.proxy.lost == 1
    assert here.site.movements()[transaction_id] == ["hold", "capture"]
    full = await here.site.api().call("GET", f"/v1/transactions/{transaction_id}")
    assert [event["type"] for event in full.body["events"]] == [
        "redeem.requested",
        "tokens.withdrawn",
        "message.posted",
        "confirmation.received",
    ]


async def test_a_claim_is_not_sent_twice(here: Furnished) -> None:
    await here.site.serve("--no-delivery", url=here.proxy.url)
    await here.furnish()
    here.proxy.lose(CLAIM)
    transaction_id = await here.site.redeem("alice", here.option, "key")
    await here.site.deliver(url=here.proxy.url)
    await until(lambda: here.proxy.lost == 1, "a claim whose reply was lost")
    await here.settled(transaction_id, "success")
    assert len(here.provider.asked) == 1


async def test_a_grant_is_posted_once(here: Furnished) -> None:
    await here.site.serve(url=here.proxy.url)
    await here.furnish()
    here.proxy.lose(GRANT)
    path, body = "/v1/members/alice/grants", {"amount": 7, "reason": "once"}
    granted = await here.site.api().call("POST", path, body, key="grant")
    assert (granted.status, granted.body["balance"]) == (201, 107)
    assert here.proxy.lost == 1
    again = await here.site.api().call("POST", path, body, key="grant")
    assert again.body == granted.body
    await here.site.verify()
