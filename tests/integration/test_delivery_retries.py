"""When a message is sent again, and when it never is: only after a provable "not processed", or
after an unknown where the provider is idempotent. Time is advanced by moving due times."""

import asyncio
from datetime import datetime, timedelta

import pytest
from tests.faults import provider as faults
from tests.faults.provider import Behaviour, FaultProvider, gives, reply, says
from tests.faults.redeeming import GRANTED, PRICE, Redeeming, eventually

HELD = (GRANTED, GRANTED - PRICE)
CAPTURED = (GRANTED - PRICE, GRANTED - PRICE)
BACK = (GRANTED, GRANTED)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_not_processed_is_tried_again_by_the_schedule_and_then_given_back(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    provider.answers(reply(425))
    transaction_id = await redeeming.redeem(await redeeming.offer(provider))
    for number, seconds in enumerate((1, 5, 30, 120, 600), start=1):
        shown = await redeeming.until(transaction_id, "pending", number)
        if number > 1:
            started = at(shown["attempts"][-1]["startedAt"])
            wait = await redeeming.due_at(transaction_id) - started
            assert timedelta(seconds=seconds) <= wait <= timedelta(seconds=seconds * 1.2 + 10)
            assert at(shown["nextAttemptAt"]) > started
            assert await redeeming.tokens() == HELD
            await redeeming.time_passes(transaction_id)
    ended = await redeeming.until(transaction_id, "failure", 6)
    first, second = (at(attempt["startedAt"]) for attempt in ended["attempts"][:2])
    assert second - first >= timedelta(seconds=1)
    assert await redeeming.tokens() == BACK
    assert await redeeming.owed() == 0
    sent = provider.of(transaction_id)
    assert len(sent) == 6
    assert len({one.body for one in sent}) == 1
    assert {one.header("webhook-id") for one in sent} == {transaction_id}
    assert {one.header("idempotency-key") for one in sent} == {f'"{transaction_id}"'}


async def test_a_connection_that_never_stood_is_tried_again(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    option = await redeeming.offer(provider)
    await redeeming.change("UPDATE provider SET webhook_url = 'http://127.0.0.1:1/'")
    transaction_id = await redeeming.redeem(option)
    shown = await redeeming.until(transaction_id, "pending", 1)
    assert shown["attempts"][0]["rule"] == "no-connection"
    await redeeming.change("UPDATE provider SET webhook_url = %(p0)s", provider.url)
    # Providers are remembered for a moment, so the dead address may be tried once more.
    await redeeming.until(transaction_id, "success")
    assert provider.count(transaction_id) == 1


async def test_tls_that_fails_is_tried_once_more_and_never_in_the_clear(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    provider.door = faults.raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    option = await redeeming.offer(provider)
    url = provider.url.replace("http:", "https:")
    await redeeming.change("UPDATE provider SET webhook_url = %(p0)s", url)
    transaction_id = await redeeming.redeem(option)
    ended = await redeeming.until(transaction_id, "failure", 2)
    assert [attempt["rule"] for attempt in ended["attempts"]] == ["tls-failure"] * 2
    assert await redeeming.tokens() == BACK
    assert (provider.connections, provider.received) == (2, [])


@pytest.mark.parametrize(
    "unknown",
    [gives(faults.closes), gives(reply(500)), gives(faults.resets), gives(reply(409))],
    ids=["closed", "500", "reset", "409"],
)
async def test_an_unknown_is_sent_again_only_to_an_idempotent_provider(
    redeeming: Redeeming, provider: FaultProvider, unknown: Behaviour
) -> None:
    provider.answers(unknown, says("success"))
    transaction_id = await redeeming.redeem(await redeeming.offer(provider, idempotent=True))
    await redeeming.until(transaction_id, "pending", 1)
    assert await redeeming.tokens() == HELD
    await redeeming.time_passes(transaction_id)
    ended = await redeeming.until(transaction_id, "success", 2)
    assert [attempt["verdict"] for attempt in ended["attempts"]] == ["U", "S"]
    first, second = provider.of(transaction_id)
    assert first.body == second.body
    assert await redeeming.tokens() == CAPTURED


async def test_unknowns_end_with_a_person(redeeming: Redeeming, provider: FaultProvider) -> None:
    provider.answers(gives(faults.closes))
    transaction_id = await redeeming.redeem(await redeeming.offer(provider, idempotent=True))
    for number, seconds in enumerate((5, 30, 120, 600, 1800), start=1):
        shown = await redeeming.until(transaction_id, "pending", number)
        started = at(shown["attempts"][-1]["startedAt"])
        assert await redeeming.due_at(transaction_id) - started >= timedelta(seconds=seconds)
        await redeeming.time_passes(transaction_id)
    await redeeming.until(transaction_id, "recoverable-failure", 6)
    assert (await redeeming.tokens(), await redeeming.owed()) == (HELD, 0)


# After an unknown, what the last answer says is judged more strictly.
DIRTY: list[tuple[str, list[Behaviour], dict[str, object], str, tuple[int, int]]] = [
    ("a refusal", [reply(400)], {"bare4xx": "refund"}, "recoverable-failure", HELD),
    ("a failure", [says("failure")], {}, "failure", BACK),
    ("later", [reply(202)], {}, "postponed", HELD),
    ("not processed, to the end", [reply(425)] * 6, {}, "recoverable-failure", HELD),
    ("not processed, then a success", [reply(425), reply(200)], {}, "success", CAPTURED),
    ("not processed, then a failure", [reply(425), says("failure")], {}, "failure", BACK),
]


@pytest.mark.parametrize(
    ("name", "then", "settings", "status", "tokens"), DIRTY, ids=[row[0] for row in DIRTY]
)
async def test_after_an_unknown(
    redeeming: Redeeming,
    provider: FaultProvider,
    name: str,
    then: list[Behaviour],
    settings: dict[str, object],
    status: str,
    tokens: tuple[int, int],
) -> None:
    provider.answers(faults.closes, *then)
    option = await redeeming.offer(provider, idempotent=True, **settings)
    transaction_id = await redeeming.redeem(option)
    for number in range(1, len(then) + 1):
        await redeeming.until(transaction_id, "pending", number)
        # The first wait after an N is so short that it may be over already.
        await redeeming.change("UPDATE message SET due_at = now() WHERE state = 'queued'")
    await redeeming.until(transaction_id, status, len(then) + 1)
    assert await redeeming.tokens() == tokens
    assert await redeeming.owed() == 0


async def test_a_refusal_after_retries_that_were_never_processed_is_a_refusal(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    provider.answers(reply(408), reply(400))
    transaction_id = await redeeming.redeem(await redeeming.offer(provider, bare4xx="refund"))
    await redeeming.until(transaction_id, "failure", 2)
    assert await redeeming.tokens() == BACK


async def test_429_waits_as_long_as_it_says_and_slows_everything_down(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    provider.answers(reply(429, None, "Retry-After: 3600"), reply(200))
    option = await redeeming.offer(provider)
    first = await redeeming.redeem(option)
    shown = await redeeming.until(first, "pending", 1)
    started = at(shown["attempts"][0]["startedAt"])
    assert await redeeming.due_at(first) - started >= timedelta(seconds=3600)
    await _slow(redeeming)
    second = await redeeming.redeem(option)
    await redeeming.sends_nothing(provider)
    assert provider.count(second) == 0

    await redeeming.change("UPDATE provider_health SET slow_until = now()")
    await redeeming.until(second, "success", 1)
    assert provider.count(first) == 1
    await redeeming.time_passes(first)
    await redeeming.until(first, "success", 2)


async def test_a_later_429_does_not_shorten_what_an_earlier_one_asked_for(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    """Both are on the wire at once; the second answer says nothing of when."""
    first_goes, second_goes = asyncio.Event(), asyncio.Event()
    provider.answers(
        faults.waits(first_goes, reply(429, None, "Retry-After: 3600")),
        faults.waits(second_goes, reply(429)),
    )
    option = await redeeming.offer(provider)
    first, second = await redeeming.redeem(option), await redeeming.redeem(option)
    await provider.until(2)
    first_goes.set()
    await _slow(redeeming)
    asked = (await redeeming.row("SELECT slow_until FROM provider_health")).slow_until
    second_goes.set()
    for transaction_id in (first, second):
        await redeeming.until(transaction_id, "pending", 1)
    await redeeming.sends_nothing(provider)
    stands = (await redeeming.row("SELECT max(slow_until) AS until FROM provider_health")).until
    assert stands == asked


async def _slow(redeeming: Redeeming) -> None:
    """What a 429 asks of everybody is written after its own transaction's part."""

    async def there() -> bool:
        return bool((await redeeming.row("SELECT max(slow_until) AS x FROM provider_health")).x)

    await eventually(there)


async def test_retry_after_is_clamped_to_a_day(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    provider.answers(reply(429, None, "Retry-After: 999999999"))
    transaction_id = await redeeming.redeem(await redeeming.offer(provider))
    shown = await redeeming.until(transaction_id, "pending", 1)
    wait = await redeeming.due_at(transaction_id) - at(shown["attempts"][0]["startedAt"])
    assert timedelta(days=1) <= wait <= timedelta(days=1.2, seconds=60)


async def test_503_of_an_idempotent_provider_waits_as_long_as_it_says(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    provider.answers(reply(503, None, "Retry-After: 3600"))
    transaction_id = await redeeming.redeem(await redeeming.offer(provider, idempotent=True))
    shown = await redeeming.until(transaction_id, "pending", 1)
    wait = await redeeming.due_at(transaction_id) - at(shown["attempts"][0]["startedAt"])
    assert wait >= timedelta(seconds=3600)


async def test_while_paused_what_waits_is_not_sent_and_nothing_new_is_taken(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    provider.answers(reply(425), reply(200))
    provider_id = await redeeming.provider(provider)
    option = await redeeming.option(provider_id)
    transaction_id = await redeeming.redeem(option)
    await redeeming.until(transaction_id, "pending", 1)
    path = f"/v1/providers/{provider_id}"
    await redeeming.said(redeeming.api.call("PATCH", path, {"paused": True}), 200)
    # Where the machine was slow, the second attempt of a second later may be under way already.
    refused = await redeeming.ask(option)
    assert (refused.status, refused.body["code"]) == (503, "provider-unavailable")
    assert await redeeming.tokens() in (HELD, CAPTURED)
    await redeeming.change("UPDATE message SET due_at = now() WHERE state = 'queued'")
    await redeeming.sends_nothing(provider)
    await redeeming.said(redeeming.api.call("PATCH", path, {"paused": False}), 200)
    await redeeming.until(transaction_id, "success")
    assert provider.count(transaction_id) == 2


@pytest.mark.parametrize(
    ("first", "settings", "status", "tokens"),
    [
        (reply(425), {}, "failure", BACK),
        (faults.closes, {"idempotent": True}, "recoverable-failure", HELD),
    ],
    ids=["never processed", "dirty"],
)
async def test_what_has_waited_a_day_while_paused_ends(
    redeeming: Redeeming,
    provider: FaultProvider,
    first: Behaviour,
    settings: dict[str, object],
    status: str,
    tokens: tuple[int, int],
) -> None:
    provider.answers(first)
    provider_id = await redeeming.provider(provider, **settings)
    transaction_id = await redeeming.redeem(await redeeming.option(provider_id))
    await redeeming.until(transaction_id, "pending", 1)
    path = f"/v1/providers/{provider_id}"
    await redeeming.said(redeeming.api.call("PATCH", path, {"paused": True}), 200)
    await redeeming.change("UPDATE message SET created_at = now() - interval '24 hours'")
    ended = await redeeming.until(transaction_id, status)
    assert ended["events"][-1]["payload"]["rule"] == "waited-a-day"
    assert await redeeming.tokens() == tokens
    assert await redeeming.owed() == 0
