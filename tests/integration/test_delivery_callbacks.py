"""News that comes while a message is on its way, and providers that confirm by callback only."""

import asyncio

from tests.faults import provider as faults
from tests.faults.provider import Behaviour, FaultProvider, gives, reply, says
from tests.faults.redeeming import GRANTED, PRICE, Redeeming

HELD = (GRANTED, GRANTED - PRICE)
CAPTURED = (GRANTED - PRICE, GRANTED - PRICE)
BACK = (GRANTED, GRANTED)


async def _on_the_wire(
    redeeming: Redeeming, provider: FaultProvider, answer: Behaviour, **settings: object
) -> tuple[str, str, asyncio.Event]:
    """A provider, a redemption whose message it has, and what lets it answer."""
    answers = asyncio.Event()
    provider.answers(faults.waits(answers, answer))
    provider_id = await redeeming.provider(provider, **settings)
    transaction_id = await redeeming.redeem(await redeeming.option(provider_id))
    await provider.until(1)
    return provider_id, transaction_id, answers


async def test_success_before_the_reply_is_read_and_then_a_failure_in_it(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    on_the_wire = await _on_the_wire(redeeming, provider, gives(says("failure")))
    provider_id, transaction_id, answers = on_the_wire
    told = await redeeming.call_back(provider_id, transaction_id, "success", reference="V-1")
    assert (told.status, told.body["status"], told.body["applied"]) == (200, "success", True)
    assert await redeeming.tokens() == CAPTURED
    answers.set()
    ended = await redeeming.until(transaction_id, "success", 1)
    assert ended["conflict"] is True
    assert ended["reference"] == "V-1"
    assert [event["type"] for event in ended["events"]][2:] == [
        "confirmation.received",
        "message.posted",
        "conflict.recorded",
    ]
    conflict = ended["events"][-1]["payload"]
    assert (conflict["source"], conflict["said"], conflict["stands"]) == (
        "reply",
        "failed",
        "success",
    )
    assert await redeeming.tokens() == CAPTURED
    assert (await redeeming.owed(), provider.count(transaction_id)) == (0, 1)


async def test_failure_before_the_reply_is_read_and_then_a_success_in_it(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    provider_id, transaction_id, answers = await _on_the_wire(redeeming, provider, says("success"))
    assert (await redeeming.call_back(provider_id, transaction_id, "failure")).status == 200
    assert await redeeming.tokens() == BACK
    answers.set()
    ended = await redeeming.until(transaction_id, "failure", 1)
    assert ended["conflict"] is True
    assert await redeeming.tokens() == BACK


async def test_success_before_the_reply_and_then_silence_is_success(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    """Idempotent, so that the silence would lead to another request."""
    on_the_wire = await _on_the_wire(redeeming, provider, faults.closes, idempotent=True)
    provider_id, transaction_id, answers = on_the_wire
    await redeeming.call_back(provider_id, transaction_id, "success")
    answers.set()
    ended = await redeeming.until(transaction_id, "success", 1)
    assert ended["conflict"] is False
    assert (await redeeming.owed(), provider.count(transaction_id)) == (0, 1)


async def test_postponed_by_callback_before_a_reply_that_was_not_processed(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    provider_id, transaction_id, answers = await _on_the_wire(redeeming, provider, reply(425))
    await redeeming.call_back(provider_id, transaction_id, "postponed")
    answers.set()
    await redeeming.until(transaction_id, "postponed", 1)
    assert (await redeeming.owed(), await redeeming.tokens()) == (0, HELD)


async def test_a_callback_cancels_the_attempt_that_has_not_begun(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    provider.answers(reply(429, None, "Retry-After: 60"), reply(200))
    provider_id = await redeeming.provider(provider)
    transaction_id = await redeeming.redeem(await redeeming.option(provider_id))
    await redeeming.until(transaction_id, "pending", 1)
    assert await redeeming.owed() == 1
    await redeeming.call_back(provider_id, transaction_id, "failure")
    assert (await redeeming.owed(), await redeeming.tokens()) == (0, BACK)


async def test_an_operator_waits_while_a_message_is_on_the_wire(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    on_the_wire = await _on_the_wire(redeeming, provider, says("success"))
    provider_id, transaction_id, answers = on_the_wire
    path = f"/v1/transactions/{transaction_id}/cancel"
    for news in (None, "postponed"):
        if news is not None:
            await redeeming.call_back(provider_id, transaction_id, news)
        refused = await redeeming.api.call("POST", path, {"reason": "impatient"})
        assert (refused.status, refused.body["code"]) == (409, "sending")
    answers.set()
    await redeeming.until(transaction_id, "success", 1)


async def test_an_acknowledgement_moves_nothing_until_the_callback(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    provider_id = await redeeming.provider(provider, confirmation="callback")
    transaction_id = await redeeming.redeem(await redeeming.option(provider_id))
    shown = await redeeming.until(transaction_id, "pending", 1)
    assert shown["openReason"] == "acknowledged"
    assert (await redeeming.owed(), await redeeming.tokens()) == (0, HELD)
    told = await redeeming.call_back(provider_id, transaction_id, "success")
    assert told.body["applied"] is True
    ended = await redeeming.until(transaction_id, "success")
    assert ended["events"][-1]["payload"]["source"] == "callback"
    assert await redeeming.tokens() == CAPTURED


async def test_an_acknowledgement_without_a_callback_ends_at_its_deadline(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    provider_id = await redeeming.provider(provider, confirmation="callback")
    option = await redeeming.option(provider_id, confirmationDeadlineHours=3)
    transaction_id = await redeeming.redeem(option)
    await redeeming.until(transaction_id, "pending", 1)
    row = await redeeming.row(
        "SELECT extract(epoch FROM due_at - updated_at)::int AS waits FROM transaction"
    )
    assert row.waits == 3 * 3600
    await redeeming.change("UPDATE transaction SET due_at = now()")
    ended = await redeeming.until(transaction_id, "recoverable-failure")
    last = ended["events"][-1]
    assert (last["type"], last["payload"]["rule"]) == ("outcome.unknown", "no-confirmation")
    assert await redeeming.tokens() == HELD
    # It is the truth that was missing.
    await redeeming.call_back(provider_id, transaction_id, "failure")
    assert await redeeming.tokens() == BACK


async def test_in_callback_mode_everything_but_success_acts_as_in_a_reply(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    provider_id = await redeeming.provider(provider, confirmation="callback")
    option = await redeeming.option(provider_id)
    for behaviour, status in (
        (reply(201), "postponed"),
        (says("failure"), "failure"),
        (reply(500), "recoverable-failure"),
    ):
        provider.answers(behaviour)
        await redeeming.until(await redeeming.redeem(option), status, 1)
    assert await redeeming.tokens() == (GRANTED, GRANTED - 2 * PRICE)


async def test_a_postponed_transaction_waits_for_ever_unless_the_option_has_a_deadline(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    provider.answers(reply(201))
    provider_id = await redeeming.provider(provider)
    plain = await redeeming.redeem(await redeeming.option(provider_id))
    with_deadline = await redeeming.redeem(
        await redeeming.option(provider_id, postponedDeadlineHours=1)
    )
    for transaction_id in (plain, with_deadline):
        await redeeming.until(transaction_id, "postponed")
    moved = await redeeming.change("UPDATE transaction SET due_at = now() WHERE due_at > now()")
    assert moved == 1
    await redeeming.until(with_deadline, "recoverable-failure")
    assert (await redeeming.transaction(plain))["status"] == "postponed"
    assert await redeeming.tokens() == (GRANTED, GRANTED - 2 * PRICE)
