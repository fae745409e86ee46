"""A provider with a statusUrl is asked for the truth about an unknown before anyone is bothered."""

import asyncio
from datetime import datetime, timedelta

import pytest
from tests.faults import provider as faults
from tests.faults.provider import Behaviour, Exchange, FaultProvider, reply, serving
from tests.faults.redeeming import GRANTED, PRICE, Redeeming, eventually

HELD = (GRANTED, GRANTED - PRICE)
CAPTURED = (GRANTED - PRICE, GRANTED - PRICE)
BACK = (GRANTED, GRANTED)


def knows(status: str, *, whose: str | None = None, code: int = 200) -> Behaviour:
    """What the provider says when it is asked; ``whose``: another ID than the one asked about."""

    async def behave(exchange: Exchange) -> None:
        assert exchange.received is not None
        about = exchange.received.transaction_id if whose is None else whose
        await faults.says(status, code, transactionId=about, reference="V-1")(exchange)

    return behave


async def _unknown(redeeming: Redeeming, provider: FaultProvider, **settings: object) -> str:
    """A transaction of which nobody knows what became of it."""
    provider.answers(faults.closes)
    known = {"statusUrl": provider.url.replace("/hook", "/state")} | settings
    transaction_id = await redeeming.redeem(await redeeming.offer(provider, **known))
    shown = await redeeming.until(transaction_id, "recoverable-failure", 1)
    assert shown["openReason"] == "asking"
    return transaction_id


async def _asks(redeeming: Redeeming, number: int) -> None:
    """Time passes until the next enquiry, and it is made."""
    await redeeming.change("UPDATE transaction SET next_ask_at = clock_timestamp()")

    async def noted() -> bool:
        return bool((await redeeming.row("SELECT asked FROM transaction")).asked == number)

    await eventually(noted)


@pytest.mark.parametrize(
    ("says", "status", "tokens"),
    [
        ("success", "success", CAPTURED),
        ("failure", "failure", BACK),
        ("postponed", "postponed", HELD),
    ],
)
async def test_its_word_counts_as_a_callback(
    redeeming: Redeeming,
    provider: FaultProvider,
    says: str,
    status: str,
    tokens: tuple[int, int],
) -> None:
    transaction_id = await _unknown(redeeming, provider)
    provider.answers(knows(says))
    assert await redeeming.change("UPDATE transaction SET next_ask_at = clock_timestamp()") == 1
    ended = await redeeming.until(transaction_id, status)
    assert (ended["openReason"], ended["nextAskAt"], ended["reference"]) == (None, None, "V-1")
    sources = [
        event["payload"]["source"] for event in ended["events"] if "source" in event["payload"]
    ]
    assert sources == ["inquiry"]
    assert await redeeming.tokens() == tokens
    message, enquiry = provider.of(transaction_id)
    assert (message.method, enquiry.method, enquiry.body) == ("POST", "GET", b"")
    assert enquiry.target == f"/state?transactionId={transaction_id}"
    assert enquiry.header("webhook-signature") is not None


SETTLES_NOTHING: list[tuple[str, Behaviour]] = [
    ("never heard of it", reply(404)),
    ("404 with an answer", knows("failure", code=404)),
    ("200 without a body", reply(200)),
    ("a page that always says success", faults.says("success")),
    ("another's ID", knows("success", whose="another")),
    ("misspelt", knows("Success")),
    ("undecided itself", knows("recoverable-failure")),
    ("201", knows("success", code=201)),
    ("silence", faults.closes),
    ("a redirect", reply(302, None, "Location: /elsewhere")),
]


@pytest.mark.parametrize(
    ("name", "behaviour"), SETTLES_NOTHING, ids=[row[0] for row in SETTLES_NOTHING]
)
async def test_what_settles_nothing(
    redeeming: Redeeming, provider: FaultProvider, name: str, behaviour: Behaviour
) -> None:
    transaction_id = await _unknown(redeeming, provider)
    provider.answers(behaviour)
    await _asks(redeeming, 1)
    shown = await redeeming.transaction(transaction_id)
    assert (shown["status"], shown["openReason"]) == ("recoverable-failure", "asking")
    assert len(shown["events"]) == 4
    assert await redeeming.tokens() == HELD


async def test_after_four_enquiries_a_person_decides(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    transaction_id = await _unknown(redeeming, provider)
    provider.answers(reply(404))
    waits = (60, 600, 3600, 86_400)
    since = datetime.fromisoformat((await redeeming.transaction(transaction_id))["updatedAt"])
    for number, seconds in enumerate(waits, start=1):
        shown = await redeeming.transaction(transaction_id)
        assert shown["openReason"] == "asking"
        wait = datetime.fromisoformat(shown["nextAskAt"]) - since
        assert timedelta(seconds=seconds - 1) <= wait <= timedelta(seconds=seconds + 60)
        await _asks(redeeming, number)
    shown = await redeeming.transaction(transaction_id)
    assert (shown["openReason"], shown["nextAskAt"]) == (None, None)
    assert shown["status"] == "recoverable-failure"
    assert provider.count(transaction_id) == 5


async def test_a_person_need_not_wait_for_the_asking(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    transaction_id = await _unknown(redeeming, provider)
    path = f"/v1/transactions/{transaction_id}/cancel"
    await redeeming.said(redeeming.api.call("POST", path, {"reason": "asked by phone"}), 200)
    shown = await redeeming.until(transaction_id, "failure")
    assert shown["nextAskAt"] is None
    assert await redeeming.tokens() == BACK


async def test_an_enquiry_answered_after_a_person_decided_otherwise_is_a_conflict(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    transaction_id = await _unknown(redeeming, provider)
    answers = asyncio.Event()
    provider.answers(faults.waits(answers, knows("success")))
    await redeeming.change("UPDATE transaction SET next_ask_at = clock_timestamp()")
    await provider.until(2)
    path = f"/v1/transactions/{transaction_id}/cancel"
    await redeeming.said(redeeming.api.call("POST", path, {"reason": "impatient"}), 200)
    answers.set()

    async def recorded() -> bool:
        return bool((await redeeming.transaction(transaction_id))["conflict"])

    await eventually(recorded)
    assert await redeeming.tokens() == BACK


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "https://10.0.0.1/", "http://x y/"])
async def test_where_it_asks_is_vetted_like_every_address(
    redeeming: Redeeming, provider: FaultProvider, url: str
) -> None:
    """It may have been a public name when it was saved."""
    provider.answers(faults.closes)
    option = await redeeming.offer(provider, statusUrl=provider.url)
    await redeeming.change("UPDATE provider SET status_url = %(p0)s", url)
    transaction_id = await redeeming.redeem(option)
    await redeeming.until(transaction_id, "recoverable-failure", 1)
    await _asks(redeeming, 1)
    assert provider.count(transaction_id) == 1


async def test_enquiries_that_hang_hold_up_nobody(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    """Neither the heartbeat, nor others' enquiries, nor deadlines that pass meanwhile."""
    hanging = await _unknown(redeeming, provider, timeoutSeconds=30)
    provider.answers(faults.hangs)
    await redeeming.change("UPDATE transaction SET next_ask_at = clock_timestamp()")
    await provider.until(2)
    async with serving() as other:
        other.answers(faults.closes, knows("success"))
        option = await redeeming.offer(other, statusUrl=other.url)
        asked = await redeeming.redeem(option)
        await redeeming.until(asked, "recoverable-failure", 1)
        await redeeming.change(
            "UPDATE transaction SET next_ask_at = clock_timestamp() WHERE transaction_id = %(p0)s",
            asked,
        )
        await redeeming.until(asked, "success")
    since = (await redeeming.row("SELECT clock_timestamp() AS at")).at

    async def beats() -> bool:
        return bool((await redeeming.row("SELECT beat_at FROM process")).beat_at > since)

    await eventually(beats)
    # It hangs all the same, and was asked once.
    assert provider.count(hanging) == 2
