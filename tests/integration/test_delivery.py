"""End to end: what a provider does with a message, and what becomes of the redemption.

Each row of the table of outcomes: the status, the tokens, the history, and the provider's own count
of the requests it received.
"""

import pytest
from tests.faults import provider as faults
from tests.faults.provider import Behaviour, FaultProvider, gives, head, raw, reply, says
from tests.faults.redeeming import GRANTED, PRICE, Redeeming, eventually

HELD = (GRANTED, GRANTED - PRICE)
CAPTURED = (GRANTED - PRICE, GRANTED - PRICE)
BACK = (GRANTED, GRANTED)

POSTED = [
    "User initially triggered redeem option",
    "Token withdrawal result",
    "Message posted",
]
CONFIRMED = [*POSTED, "Confirmation received"]
POSTPONED = [*POSTED, "Postponed by provider"]
UNKNOWN = [*POSTED, "Outcome unknown"]
REFUSED = [*POSTED, "Provider reported failure", "Tokens returned"]


def titles(transaction: dict[str, object]) -> list[str]:
    events = transaction["events"]
    assert isinstance(events, list)
    return [event["title"] for event in events]


SETTLED: list[tuple[str, Behaviour, dict[str, object], str, str, tuple[int, int], list[str]]] = [
    ("200", reply(200), {}, "success", "code-200", CAPTURED, CONFIRMED),
    ("says success", says("success"), {}, "success", "body-success", CAPTURED, CONFIRMED),
    ("500 success", says("success", 500), {}, "success", "body-success", CAPTURED, CONFIRMED),
    ("201", reply(201), {}, "postponed", "code-201", HELD, POSTPONED),
    ("202", reply(202), {"dialect": "json"}, "postponed", "accepted-202", HELD, POSTPONED),
    ("says postponed", says("postponed"), {}, "postponed", "body-postponed", HELD, POSTPONED),
    ("says failure", says("failure"), {}, "failure", "body-failure", BACK, REFUSED),
    ("422 failure", says("failure", 422), {}, "failure", "body-failure", BACK, REFUSED),
    (
        "says recoverable-failure",
        says("recoverable-failure"),
        {},
        "recoverable-failure",
        "body-recoverable-failure",
        HELD,
        UNKNOWN,
    ),
    (
        "says recoverable-failure, idempotent",
        says("recoverable-failure"),
        {"idempotent": True},
        "recoverable-failure",
        "body-recoverable-failure",
        HELD,
        UNKNOWN,
    ),
    (
        "says failure of another transaction",
        says("failure", transactionId="another"),
        {"idempotent": True},
        "recoverable-failure",
        "other-transaction",
        HELD,
        UNKNOWN,
    ),
    ("misspelt", says("Failed"), {}, "recoverable-failure", "misspelt-status", HELD, UNKNOWN),
    (
        "200 in json",
        reply(200),
        {"dialect": "json"},
        "recoverable-failure",
        "no-business-answer",
        HELD,
        UNKNOWN,
    ),
    ("204", reply(204), {}, "recoverable-failure", "other-2xx", HELD, UNKNOWN),
    ("302", reply(302), {}, "recoverable-failure", "redirect", HELD, UNKNOWN),
    ("400 held", reply(400), {}, "recoverable-failure", "code-400", HELD, UNKNOWN),
    ("400 refunded", reply(400), {"bare4xx": "refund"}, "failure", "code-400", BACK, REFUSED),
    ("409", reply(409), {"bare4xx": "refund"}, "recoverable-failure", "other-4xx", HELD, UNKNOWN),
    ("500", gives(reply(500)), {}, "recoverable-failure", "code-5xx", HELD, UNKNOWN),
    ("closed", gives(faults.closes), {}, "recoverable-failure", "broken", HELD, UNKNOWN),
    ("reset", gives(faults.resets), {}, "recoverable-failure", "broken", HELD, UNKNOWN),
    (
        "cut",
        gives(raw(head(200, "Content-Length: 99") + b'{"status": "failure"}')),
        {},
        "recoverable-failure",
        "cut",
        HELD,
        UNKNOWN,
    ),
    (
        "silence",
        gives(faults.hangs),
        {"timeoutSeconds": 2},
        "recoverable-failure",
        "timed-out",
        HELD,
        UNKNOWN,
    ),
    (
        "a trickle",
        gives(faults.trickles(head(200))),
        {"timeoutSeconds": 2},
        "recoverable-failure",
        "cut",
        HELD,
        UNKNOWN,
    ),
]


@pytest.mark.parametrize(
    ("name", "behaviour", "settings", "status", "rule", "tokens", "history"),
    SETTLED,
    ids=[row[0] for row in SETTLED],
)
async def test_what_becomes_of_a_redemption(
    redeeming: Redeeming,
    provider: FaultProvider,
    name: str,
    behaviour: Behaviour,
    settings: dict[str, object],
    status: str,
    rule: str,
    tokens: tuple[int, int],
    history: list[str],
) -> None:
    provider.answers(behaviour)
    option = await redeeming.offer(provider, **settings)
    transaction_id = await redeeming.redeem(option)
    ended = await redeeming.until(transaction_id, status)
    assert titles(ended) == history
    assert ended["attempts"][0]["rule"] == rule
    assert await redeeming.tokens() == tokens
    # Nothing is owed any more: no second request can ever follow.
    assert await redeeming.owed() == 0
    assert provider.count(transaction_id) == 1
    if provider.issued[transaction_id]:
        assert tokens != BACK


async def test_the_history_says_what_was_sent_and_what_came_back(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    provider.answers(says("success", message="Enjoy", reference="V-1", more="\u00e9"))
    option = await redeeming.offer(provider)
    transaction_id = await redeeming.redeem(option)
    ended = await redeeming.until(transaction_id, "success")
    assert ended["reference"] == "V-1"
    requested, withdrawn, posted, confirmed = [event["payload"] for event in ended["events"]]
    sent = {
        "event": "redeem.static",
        "redeemOptionName": option,
        "namespace": "1",
        "transactionId": transaction_id,
        "userId": "alice",
        "price": PRICE,
        "productName": "Free Tickets",
        "address": "1 Main Street",
        "email": "alice@example.com",
    }
    assert requested == {
        "userId": "alice",
        "email": "alice@example.com",
        "address": "1 Main Street",
        "optionName": option,
        "price": PRICE,
        "origin": "api",
    }
    assert withdrawn == {
        "userId": "alice",
        "transactionId": transaction_id,
        "balanceBefore": GRANTED,
        "balanceAfter": GRANTED - PRICE,
    }
    assert posted["request"] == sent
    assert (posted["attempt"], posted["status"], posted["verdict"]) == (1, 200, "S")
    assert posted["reply"] == (
        '{"status": "success", "message": "Enjoy", "reference": "V-1", "more": "\\u00e9"}'
    )
    assert confirmed == {"source": "reply", "message": "Enjoy", "reference": "V-1"}
    (received,) = provider.of(transaction_id)
    path = f"/v1/transactions/{transaction_id}/attempts/1/body"
    assert (await redeeming.api.call("GET", path)).body == sent
    assert list(sent) == list((await redeeming.api.call("GET", path)).body)
    stored = await redeeming.row("SELECT content FROM transaction_personal WHERE part = 0")
    assert received.body == bytes(stored.content)
    assert received.header("webhook-id") == transaction_id


async def test_an_answer_with_voucher_codes_shows_only_to_who_may_operate(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    provider.answers(reply(200, b"VOUCHER-123\0"))
    transaction_id = await redeeming.redeem(await redeeming.offer(provider))
    ended = await redeeming.until(transaction_id, "success")
    assert ended["attempts"][0]["reply"] == "VOUCHER-123"
    stored = await redeeming.row(
        "SELECT string_agg(encode(content, 'escape'), ' ') AS text FROM transaction_personal"
    )
    assert "VOUCHER-123" not in stored.text


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "https://169.254.169.254/", "https://x y/"])
async def test_an_address_that_may_not_be_dialled_fails_at_once_and_pauses(
    redeeming: Redeeming, provider: FaultProvider, url: str
) -> None:
    """The name was public when it was saved; now it leads inside."""
    provider_id = await redeeming.provider(provider)
    option = await redeeming.option(provider_id)
    await redeeming.change("UPDATE provider SET webhook_url = %(p0)s", url)
    transaction_id = await redeeming.redeem(option)
    ended = await redeeming.until(transaction_id, "failure")
    assert titles(ended) == [*POSTED, "Tokens returned"]
    assert await redeeming.tokens() == BACK
    assert provider.connections == 0
    await redeeming.paused(provider_id)


@pytest.mark.parametrize("status", [401, 403, 410])
async def test_a_provider_that_no_longer_knows_us_is_paused_at_once(
    redeeming: Redeeming, provider: FaultProvider, status: int
) -> None:
    provider.answers(reply(status))
    provider_id = await redeeming.provider(provider)
    option = await redeeming.option(provider_id)
    transaction_id = await redeeming.redeem(option)
    await redeeming.until(transaction_id, "recoverable-failure")
    assert str(status) in await redeeming.paused(provider_id)
    refused = await redeeming.ask(option)
    assert (refused.status, refused.body["code"]) == (503, "provider-unavailable")
    assert int(refused.headers["retry-after"]) > 0
    assert await redeeming.tokens() == HELD

    provider.answers(reply(200))
    path = f"/v1/providers/{provider_id}"
    shown = await redeeming.said(redeeming.api.call("PATCH", path, {"paused": False}), 200)
    assert shown["pausedBecause"] is None
    await redeeming.until(await redeeming.redeem(option), "success")


async def test_five_404_in_a_row_pause_and_four_do_not(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    provider_id = await redeeming.provider(provider, bare4xx="refund")
    option = await redeeming.option(provider_id)
    for status in (404, 404, 404, 404, 200, 404, 404, 404, 404):
        provider.answers(reply(status))
        shown = (await redeeming.api.call("GET", f"/v1/providers/{provider_id}")).body
        assert shown["pausedBecause"] is None
        wanted = "success" if status == 200 else "failure"
        await redeeming.until(await redeeming.redeem(option), wanted)
        await _noted(redeeming, 0 if status == 200 else None)
    provider.answers(reply(404))
    await redeeming.until(await redeeming.redeem(option), "failure")
    assert "404" in await redeeming.paused(provider_id)


async def _noted(redeeming: Redeeming, streak: int | None) -> None:
    """What an attempt tells of its provider is written after its conclusion."""
    seen: list[int] = []

    async def there() -> bool:
        row = await redeeming.row("SELECT not_found_streak AS streak FROM provider_health")
        seen.append(row.streak)
        return bool(row.streak == streak if streak is not None else row.streak > 0)

    await eventually(there, seen)


async def test_another_process_s_404_do_not_count_on_over_what_came_between(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    provider_id = await redeeming.provider(provider, bare4xx="refund")
    option = await redeeming.option(provider_id)
    await redeeming.change("UPDATE provider_health SET not_found_streak = 4")
    await redeeming.until(await redeeming.redeem(option), "success")
    await _noted(redeeming, 0)
    provider.answers(reply(404))
    await redeeming.until(await redeeming.redeem(option), "failure")
    await _noted(redeeming, 1)
    shown = (await redeeming.api.call("GET", f"/v1/providers/{provider_id}")).body
    assert shown["pausedBecause"] is None
