"""An operator has an idempotent provider asked again: the same bytes, one new attempt, no more."""

import pytest
from tests.faults import provider as faults
from tests.faults.provider import Behaviour, FaultProvider, reply, says
from tests.faults.redeeming import GRANTED, PRICE, Redeeming, eventually

from guerdon.db.pool import Database

HELD = (GRANTED, GRANTED - PRICE)
CAPTURED = (GRANTED - PRICE, GRANTED - PRICE)
BACK = (GRANTED, GRANTED)

# What the provider says when it is asked once more, of a postponed one that is not dirty.
ANSWERS: list[tuple[str, Behaviour, str, tuple[int, int]]] = [
    ("a success", says("success"), "success", CAPTURED),
    ("a failure", says("failure"), "failure", BACK),
    ("later", reply(202), "postponed", HELD),
    ("a refusal", reply(400), "postponed", HELD),
    ("not processed", reply(425), "postponed", HELD),
    ("nothing whole", faults.closes, "postponed", HELD),
]


@pytest.mark.parametrize(
    ("name", "answer", "status", "tokens"), ANSWERS, ids=[row[0] for row in ANSWERS]
)
async def test_what_the_answer_does(
    redeeming: Redeeming,
    provider: FaultProvider,
    name: str,
    answer: Behaviour,
    status: str,
    tokens: tuple[int, int],
) -> None:
    provider.answers(reply(201), answer)
    option = await redeeming.offer(provider, idempotent=True, bare4xx="refund")
    made = await redeeming.redeem(option)
    await redeeming.until(made, "postponed", 1)
    path = f"/v1/transactions/{made}/resend"
    body = {"reason": "They were down"}
    asked = await redeeming.said(redeeming.api.call("POST", path, body), 200)
    assert asked["status"] == "postponed"
    ended = await redeeming.until(made, status, 2)
    assert await redeeming.tokens() == tokens
    assert await redeeming.owed() == 0
    first, second = provider.of(made)
    assert first.body == second.body
    assert first.header("webhook-id") == second.header("webhook-id") == made
    assert [attempt["attempt"] for attempt in ended["attempts"]] == [1, 2]
    (line,) = [e for e in ended["events"] if e["type"] == "operator.resent"]
    assert line["payload"]["reason"] == "They were down"
    audited = await redeeming.row("SELECT detail FROM audit WHERE action = 'transaction.resent'")
    assert audited.detail["attempt"] == 2


async def test_where_nothing_may_be_sent_twice(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    provider.answers(reply(201), reply(200))
    option = await redeeming.offer(provider)
    made = await redeeming.redeem(option)
    await redeeming.until(made, "postponed", 1)
    path = f"/v1/transactions/{made}/resend"
    refused = await redeeming.said(redeeming.api.call("POST", path, {}), 409)
    assert refused["code"] == "not-idempotent"
    other = await redeeming.redeem(option)
    await redeeming.until(other, "success", 1)
    path = f"/v1/transactions/{other}/resend"
    assert (await redeeming.said(redeeming.api.call("POST", path, {}), 409))["code"] == "not-open"
    assert provider.count(made) == 1


async def test_while_it_is_owed_nobody_decides_and_nobody_asks_again(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    provider.answers(reply(201))
    provider_id = await redeeming.provider(provider, idempotent=True)
    made = await redeeming.redeem(await redeeming.option(provider_id))
    await redeeming.until(made, "postponed", 1)
    where = f"/v1/transactions/{made}"
    paused = {"paused": True}
    await redeeming.said(redeeming.api.call("PATCH", f"/v1/providers/{provider_id}", paused), 200)
    refused = await redeeming.said(redeeming.api.call("POST", f"{where}/resend", {}), 503)
    assert refused["code"] == "provider-unavailable"
    # Paused after it was asked for: the message waits, and so does everybody.
    await redeeming.change("UPDATE provider SET paused = false")
    await redeeming.change("UPDATE provider_health SET slow_until = now() + interval '1 hour'")
    await redeeming.said(redeeming.api.call("POST", f"{where}/resend", {}), 200)
    for verb in ("resend", "cancel", "confirm"):
        refused = await redeeming.said(redeeming.api.call("POST", f"{where}/{verb}", {}), 409)
        assert refused["code"] == "sending"
    # A day later it is given up, and a person may decide.
    await redeeming.change("UPDATE message SET created_at = created_at - interval '25 hours'")

    async def nothing_owed() -> bool:
        return await redeeming.owed() == 0

    await eventually(nothing_owed)
    await redeeming.said(redeeming.api.call("POST", f"{where}/cancel", {}), 200)
    assert await redeeming.tokens() == BACK
    assert provider.count(made) == 1


async def test_a_provider_that_is_idempotent_no_longer_gets_nothing(
    redeeming: Redeeming, provider: FaultProvider, database: Database
) -> None:
    provider.answers(reply(201))
    made = await redeeming.redeem(await redeeming.offer(provider, idempotent=True))
    await redeeming.until(made, "postponed", 1)
    await redeeming.change("UPDATE provider_health SET slow_until = now() + interval '1 hour'")
    path = f"/v1/transactions/{made}/resend"
    await redeeming.said(redeeming.api.call("POST", path, {}), 200)
    await redeeming.change("UPDATE provider SET idempotent = false")
    await redeeming.change("UPDATE provider_health SET slow_until = NULL")

    async def nothing_owed() -> bool:
        return await redeeming.owed() == 0

    await eventually(nothing_owed)
    shown = await redeeming.until(made, "postponed", 1)
    assert shown["nextAttemptAt"] is None
    assert provider.count(made) == 1
