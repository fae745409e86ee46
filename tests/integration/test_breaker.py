"""A provider that is down is left alone until a probe comes back; meanwhile nobody loses tokens."""

import asyncio

import pytest
from tests.faults import provider as faults
from tests.faults.provider import Behaviour, FaultProvider, reply, says
from tests.faults.redeeming import Redeeming, at_work, eventually

from guerdon.db.pool import Database
from guerdon.sealing import Sealer

TOKENS = 1000


async def _state(redeeming: Redeeming) -> str:
    return str((await redeeming.row("SELECT breaker FROM provider_health")).breaker)


async def _becomes(redeeming: Redeeming, state: str) -> None:
    async def there() -> bool:
        return await _state(redeeming) == state

    await eventually(there)


async def _attempts(redeeming: Redeeming, option: str, number: int, status: str) -> list[str]:
    """So many redemptions whose first attempt is over."""
    made = await asyncio.gather(*(redeeming.redeem(option) for _ in range(number)))
    for transaction_id in made:
        await redeeming.until(transaction_id, status, 1)
    return list(made)


async def _open(redeeming: Redeeming, provider: FaultProvider) -> str:
    """An option whose provider is down."""
    provider.answers(reply(500))
    option = await redeeming.option(await redeeming.provider(provider), price=1)
    await _attempts(redeeming, option, 20, "recoverable-failure")
    await _becomes(redeeming, "open")
    return option


async def _probe_is_due(redeeming: Redeeming) -> None:
    await redeeming.change(
        "UPDATE provider_health SET probe_at = clock_timestamp() WHERE breaker = 'open'"
    )


@pytest.mark.parametrize(
    ("behaviour", "settings"),
    [
        (reply(500), {}),
        (reply(503), {"dialect": "json"}),
        (faults.hangs, {"timeoutSeconds": 2}),
        (faults.trickles(faults.head(200)), {"timeoutSeconds": 2}),
    ],
    ids=["500", "503", "silence", "a trickle"],
)
async def test_twenty_bad_attempts_open_it_and_nothing_is_taken(
    redeeming: Redeeming,
    provider: FaultProvider,
    behaviour: Behaviour,
    settings: dict[str, object],
) -> None:
    provider.answers(behaviour)
    option = await redeeming.option(await redeeming.provider(provider, **settings), price=1)
    await _attempts(redeeming, option, 19, "recoverable-failure")
    assert await _state(redeeming) == "closed"
    await redeeming.redeem(option)
    await _becomes(redeeming, "open")
    tokens = await redeeming.tokens()
    refused = await redeeming.ask(option)
    assert (refused.status, refused.body["code"]) == (503, "provider-unavailable")
    assert 1 <= int(refused.headers["retry-after"]) <= 5
    assert await redeeming.tokens() == tokens


async def test_connections_that_never_stood_open_it(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    option = await redeeming.option(await redeeming.provider(provider), price=1)
    await redeeming.change("UPDATE provider SET webhook_url = 'http://127.0.0.1:1/'")
    made = await asyncio.gather(*(redeeming.redeem(option) for _ in range(20)))
    await _becomes(redeeming, "open")
    # Their schedules stand still: what is due waits for the probe.
    await redeeming.change("UPDATE message SET due_at = now() WHERE state = 'queued'")
    await redeeming.sends_nothing(provider)
    assert await redeeming.owed() == len(made)


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [
        (reply(400), "recoverable-failure"),
        (reply(202), "postponed"),
        (says("failure", 500), "failure"),
        (says("success", 503), "success"),
        (reply(409), "recoverable-failure"),
    ],
    ids=["400", "202", "500 failure", "503 success", "409"],
)
async def test_answers_that_decide_never_open_it(
    redeeming: Redeeming, provider: FaultProvider, behaviour: Behaviour, status: str
) -> None:
    provider.answers(behaviour)
    option = await redeeming.option(await redeeming.provider(provider), price=1)
    await _attempts(redeeming, option, 25, status)
    # What an attempt tells is written after it; one more attempt's has then been written too.
    await redeeming.sends_nothing(provider)
    assert await _state(redeeming) == "closed"


@pytest.mark.parametrize(("good", "state"), [(4, "open"), (5, "closed")])
async def test_four_fifths_must_be_bad(
    redeeming: Redeeming, provider: FaultProvider, good: int, state: str
) -> None:
    option = await redeeming.option(await redeeming.provider(provider), price=1)
    await _attempts(redeeming, option, good, "success")
    provider.answers(reply(500))
    await _attempts(redeeming, option, 20 - good, "recoverable-failure")
    await redeeming.sends_nothing(provider)
    assert await _state(redeeming) == state


async def test_the_probe_is_the_next_redemption_where_nothing_waits(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    option = await _open(redeeming, provider)
    provider.answers(reply(200))
    assert (await redeeming.ask(option)).status == 503
    await _probe_is_due(redeeming)
    await redeeming.until(await redeeming.redeem(option), "success", 1)
    await _becomes(redeeming, "closed")
    await redeeming.until(await redeeming.redeem(option), "success", 1)


async def test_a_probe_that_fails_doubles_the_wait_up_to_a_minute(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    option = await _open(redeeming, provider)
    for seconds in (10, 20, 40, 60, 60):
        await _probe_is_due(redeeming)
        await redeeming.until(await redeeming.redeem(option), "recoverable-failure", 1)
        assert await _state(redeeming) == "open"
        refused = await redeeming.ask(option)
        assert refused.status == 503
        assert seconds - 8 <= int(refused.headers["retry-after"]) <= seconds


async def test_the_probe_is_the_oldest_message_that_waits(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    """Whatever slot it is in; the others go once it came back."""
    provider_id = await redeeming.provider(provider)
    option = await redeeming.option(provider_id, price=1)
    users = [f"member-{number}" for number in range(12)]
    for user_id in users:
        await redeeming.member(user_id, TOKENS)
    provider.answers(reply(425))
    waiting = [await redeeming.redeem(option, user_id) for user_id in users]
    for transaction_id in waiting:
        await redeeming.until(transaction_id, "pending")
    await redeeming.change(
        "UPDATE provider_health SET breaker = 'open', opened_at = now(),"
        " probe_at = now() + interval '1 hour'"
    )
    oldest = waiting[7]
    await redeeming.change("UPDATE message SET due_at = now() - interval '1 minute'")
    await redeeming.change(
        "UPDATE message SET due_at = now() - interval '1 hour' WHERE transaction_id = %(p0)s",
        oldest,
    )
    await redeeming.sends_nothing(provider)
    answers = asyncio.Event()
    provider.answers(faults.waits(answers, reply(200)))
    before = len(provider.received)
    await _probe_is_due(redeeming)
    await provider.until(before + 1)
    await redeeming.sends_nothing(provider)
    assert [one.transaction_id for one in provider.received[before:]] == [oldest]
    answers.set()
    for transaction_id in waiting:
        await redeeming.until(transaction_id, "success")
    assert await _state(redeeming) == "closed"


async def test_its_state_is_shared_by_all_processes(
    database: Database, sealer: Sealer, provider: FaultProvider
) -> None:
    async with at_work(database, sealer) as one, at_work(database, sealer) as two:
        await one.member("alice", TOKENS)
        option = await _open(one, provider)
        assert (await two.ask(option)).status == 503
        provider.answers(reply(200))
        await _probe_is_due(one)
        await two.until(await two.redeem(option), "success", 1)
        await _becomes(one, "closed")
        await one.until(await one.redeem(option), "success", 1)


async def test_people_may_close_it(redeeming: Redeeming, provider: FaultProvider) -> None:
    option = await _open(redeeming, provider)
    provider.answers(reply(200))
    provider_id = (await redeeming.row("SELECT provider_id FROM provider")).provider_id
    path = f"/v1/providers/{provider_id}"
    await redeeming.said(redeeming.api.call("PATCH", path, {"paused": False}), 200)
    await redeeming.until(await redeeming.redeem(option), "success", 1)
