"""The Python client at both ends: real ``guerdon serve``, providers over sockets, conformance."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from tests.acceptance import rewarding
from tests.acceptance.receivers import AUTHORIZATION, CALLBACK, SIGNING
from tests.acceptance.rewarding import BREAKS, FAILS, WAITS, Rewards
from tests.acceptance.site import Site, until
from tests.acceptance.test_conformance import names, played
from tests.faults.between import Between

from guerdon.conformance.messages import Plan
from guerdon_client import AsyncClient, Retries

Serving = Callable[[str, str | None], AbstractAsyncContextManager[Rewards]]


@pytest.fixture(params=[rewarding.on_threads, rewarding.on_a_loop])
def serving(request: Any) -> Serving:
    """A provider of either kind, once it has its signing secret and Authorization value."""
    chosen: Serving = request.param
    return chosen


async def test_receivers_pass_conformance(serving: Serving) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        callback_url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    async with serving(SIGNING, AUTHORIZATION) as rewards:
        rewards.calls_back = (callback_url, "a-provider", CALLBACK)
        plan = Plan(
            rewards.url,
            signing_secret=SIGNING,
            authorization=AUTHORIZATION,
            callback_url=callback_url,
            callback_secret=CALLBACK,
            timeout_seconds=5,
            patience_seconds=20,
        )
        results = await played(plan)
        assert {one.name: one.detail for one in results.values() if one.result != "pass"} == {}
        assert names(results, "pass") == set(results)
        assert max(rewards.given.values()) == 1


@pytest.fixture
async def between(site: Site) -> AsyncIterator[Between]:
    """Stands before ``guerdon serve``."""
    await site.serve()
    async with Between(site.port).listening() as standing:
        yield standing


async def provider_of(site: Site, **settings: Any) -> dict[str, Any]:
    """A provider that nobody serves yet."""
    body = {"name": "P", "webhookUrl": "http://127.0.0.1:1024/"} | settings
    made = await site.api().call("POST", "/v1/providers", body)
    assert made.status == 201, made.body
    return dict(made.body)


async def test_from_a_redemption_to_its_reward_with_the_client_at_both_ends(
    site: Site, between: Between, serving: Serving
) -> None:
    body = {
        "name": "P",
        "webhookUrl": "http://127.0.0.1:1024/",
        "authorizationHeader": AUTHORIZATION,
    }
    made = await site.api().call("POST", "/v1/providers", body)
    provider = made.body
    option = await site.make_option(provider["id"])
    async with (
        serving(provider["signingSecret"], AUTHORIZATION) as rewards,
        AsyncClient(between.url, site.key, retries=Retries(attempts=20)) as client,
    ):
        rewards.calls_back = (between.url, provider["id"], provider["callbackSecret"])
        moved = {"webhookUrl": rewards.url}
        await site.api().call("PATCH", f"/v1/providers/{provider['id']}", moved)
        expected = {
            "ada": "success",
            FAILS: "failure",
            WAITS: "success",
            BREAKS: "recoverable-failure",
        }
        for user_id, status in expected.items():
            await client.members.put(user_id, email=f"{user_id}@example.com")
            await client.members.grant(user_id, 100, "Welcome")
            between.losing = 1
            asked = await client.redemptions.create(option, user_id)
            assert asked.replayed, "the first answer was lost"

            async def settled(one: str = asked.id, wanted: str = status) -> bool:
                return (await client.transactions.get(one)).status == wanted

            await until(settled, f"{status} of {user_id}")
            full = await client.transactions.get(asked.id)
            assert len(full.attempts) == 1
        found = [one async for one in client.transactions.iterate(option=option)]
        assert [one.user_id for one in found] == list(reversed(expected))
        references = {one.user_id: one.reference for one in found}
        assert references["ada"] == f"V-{found[-1].id}"
        assert references[WAITS] == f"V-{found[1].id}"
        assert set(rewards.given) == {found[-1].id}
        left = {who: (await client.members.get(who)).available for who in expected}
        assert left == {"ada": 95, FAILS: 100, WAITS: 95, BREAKS: 95}
    await site.verify()


async def test_a_server_killed_before_its_answer_is_asked_again_with_the_same_key(
    site: Site, between: Between
) -> None:
    option = await site.make_option((await provider_of(site))["id"])
    patient = Retries(attempts=20, patience=120)
    async with AsyncClient(between.url, site.key, retries=patient) as client:
        await client.members.put("ada")
        await client.members.grant("ada", 100, "Welcome")
        between.losing = 1
        asking = asyncio.create_task(client.redemptions.create(option, "ada"))
        await until(lambda: between.losing == 0, "an answer that is lost")
        site.processes[-1].kill()
        await site.serve()
        asked = await asking
        assert asked.replayed
        assert [one.id async for one in client.transactions.iterate()] == [asked.id]
        assert len(set(between.values("Idempotency-Key"))) == 2, "the grant's and the redemption's"
    await site.verify()
