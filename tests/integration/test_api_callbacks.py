"""Providers' news in both dialects: what is authentic, what is applied, what is refused."""

import asyncio
import json
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from structlog.testing import capture_logs
from tests.conftest import ALL_SCOPES, Answer, Api, make_key
from tests.integration.api_parts import Shop, create_option, create_provider, furnished, refused

from guerdon import clock, ids
from guerdon.app import Running
from guerdon.providers import signing
from guerdon.providers import store as providers


@pytest.fixture
async def shop(api: Api) -> AsyncIterator[Shop]:
    async with furnished(api) as made:
        yield made


def same_refusal(answer: Answer) -> dict[str, object]:
    """The refusal of what is not authentic, without what differs from request to request."""
    problem = refused(answer, 401, "unauthenticated")
    return {name: value for name, value in problem.items() if name != "requestId"}


async def rotate(shop: Shop, kind: str, overlap: int) -> str:
    path = f"/v1/providers/{shop.provider['id']}/secrets/{kind}/rotate"
    answer = await shop.api.call("POST", path, {"overlapSeconds": overlap})
    assert answer.status == 200
    return str(answer.body["secret"])


async def test_a_signed_success_closes_and_is_answered_again(shop: Shop) -> None:
    made = await shop.postponed()
    said = {"transactionId": made, "status": "success", "message": "Sent", "reference": "R-1"}
    told = await shop.call_back(said, webhook_id="w1")
    assert (told.status, told.body) == (
        200,
        {"transactionId": made, "status": "success", "applied": True},
    )
    again = {"transactionId": made, "status": "success", "applied": False}
    for webhook_id in ("w1", "w2", "w3"):
        assert (await shop.call_back(said, webhook_id=webhook_id)).body == again
    transaction = (await shop.api.call("GET", f"/v1/transactions/{made}")).body
    assert transaction["reference"] == "R-1"
    types = [event["type"] for event in transaction["events"]]
    assert types.count("tokens.withdrawn") == 1
    assert types.count("confirmation.received") <= 2
    confirmed = next(e for e in transaction["events"] if e["type"] == "confirmation.received")
    assert confirmed["actor"] == "provider"
    assert confirmed["payload"] == {"source": "callback", "message": "Sent", "reference": "R-1"}


async def test_every_status_does_what_it_says(shop: Shop) -> None:
    made = await shop.postponed()
    for status, applied, stands in (
        ("postponed", False, "postponed"),
        ("recoverable-failure", False, "postponed"),
        ("failure", True, "failure"),
        ("failure", False, "failure"),
        ("postponed", False, "failure"),
    ):
        answer = await shop.call_back({"transactionId": made, "status": status})
        assert answer.body == {"transactionId": made, "status": stands, "applied": applied}
    member = (await shop.api.call("GET", "/v1/members/ann")).body
    assert (member["balance"], member["available"]) == (1000, 1000)


async def test_contradicting_news_is_recorded_once_and_moves_nothing(shop: Shop) -> None:
    made = await shop.postponed()
    await shop.call_back({"transactionId": made, "status": "success"})
    for webhook_id in ("w1", "w1", "w2"):
        answer = await shop.call_back(
            {"transactionId": made, "status": "failure"}, webhook_id=webhook_id
        )
        problem = refused(answer, 409, "already-final")
        assert problem["currentStatus"] == "success"
        assert problem["closedBy"] == "provider"
        assert problem["closedAt"]
    transaction = (await shop.api.call("GET", f"/v1/transactions/{made}")).body
    assert (transaction["status"], transaction["conflict"]) == ("success", True)
    conflicts = [e for e in transaction["events"] if e["type"] == "conflict.recorded"]
    assert len(conflicts) == 1
    stands = {"source": "callback", "said": "failed", "stands": "success"}
    assert stands.items() <= conflicts[0]["payload"].items()
    member = (await shop.api.call("GET", "/v1/members/ann")).body
    assert (member["balance"], member["available"]) == (800, 800)


async def test_a_hundred_at_once_are_one(shop: Shop) -> None:
    made = await shop.postponed()
    said = {"transactionId": made, "status": "success"}
    answers = await asyncio.gather(*(shop.call_back(said) for _ in range(100)))
    assert {answer.status for answer in answers} == {200}
    assert [answer.body["applied"] for answer in answers].count(True) == 1
    transaction = (await shop.api.call("GET", f"/v1/transactions/{made}")).body
    types = [event["type"] for event in transaction["events"]]
    assert types.count("confirmation.received") == 1


async def test_a_callback_before_the_reply_is_applied_at_once(shop: Shop) -> None:
    await shop.member("ann", 1000)
    shop.rewards.held = asyncio.Event()
    shop.rewards.next(200, {"status": "failure"})
    made = (await shop.redeem("ann"))["id"]
    answer = await shop.call_back({"transactionId": made, "status": "success"})
    assert answer.body == {"transactionId": made, "status": "success", "applied": True}
    shop.rewards.held.set()
    async with asyncio.timeout(20):
        while True:
            transaction = (await shop.api.call("GET", f"/v1/transactions/{made}")).body
            if transaction["conflict"]:
                break
            await asyncio.sleep(0.02)
    assert transaction["status"] == "success"
    assert (await shop.api.call("GET", "/v1/members/ann")).body["balance"] == 800


async def test_the_same_webhook_id_with_another_body_is_refused(shop: Shop) -> None:
    made = await shop.postponed()
    await shop.call_back({"transactionId": made, "status": "postponed"}, webhook_id="w1")
    answer = await shop.call_back({"transactionId": made, "status": "success"}, webhook_id="w1")
    refused(answer, 422, "webhook-id-reused")
    still = await shop.api.call("GET", f"/v1/transactions/{made}")
    assert still.body["status"] == "postponed"


async def test_what_is_not_authentic_gets_one_identical_answer(shop: Shop) -> None:
    made = await shop.postponed()
    said = {"transactionId": made, "status": "success"}
    now = clock.unix_seconds()
    raw = json.dumps(said).encode()
    other = await create_provider(shop.api, shop.rewards.url)
    unsigned = f"/v1/providers/{shop.provider['id']}/callbacks"
    answers = [
        await shop.call_back(said, secret=signing.new_secret()),
        await shop.call_back(said, secret=other["callbackSecret"]),
        await shop.call_back(said, secret=shop.provider["signingSecret"]),
        await shop.call_back(said, sent=raw.replace(b"success", b"failure")),
        await shop.call_back(said, sent=json.dumps(said, separators=(",", ":")).encode()),
        await shop.call_back(said, at=now - 301),
        await shop.call_back(said, at=clock.unix_seconds() + 330),  # however long this takes
        await shop.call_back(said, provider_id=str(ids.random_id())),
        await shop.call_back(said, provider_id="nonsense"),
        await shop.api.call("POST", unsigned, said),
        await shop.call_back_originally("success", made, secret=signing.new_secret()),
        await shop.call_back_originally("success", made, secret=""),
        await shop.call_back_originally("success", made, secret=other["secretKey"]),
        await shop.call_back_originally("failure", made, secret="é\U0001f600"),
        await shop.call_back_originally("success", made, name=str(ids.random_id())),
        await shop.call_back_originally("success", made, name="nonsense"),
        await shop.api.call("POST", f"/fed/providers/{shop.name}/events/redeem.static.success", {}),
        await shop.api.call("POST", f"/fed/providers/{shop.name}/events/redeem.static.success", []),
    ]
    assert all(same_refusal(answer) == same_refusal(answers[0]) for answer in answers)
    still = await shop.api.call("GET", f"/v1/transactions/{made}")
    assert (still.body["status"], len(still.body["events"])) == ("postponed", 4)


async def test_a_wrong_clock_is_told_from_a_late_callback(shop: Shop) -> None:
    """Only where all that is signed rightly is out of time."""
    made = await shop.postponed()
    said = {"transactionId": made, "status": "postponed"}
    hour_ago = clock.unix_seconds() - 3600

    async def alarms(*moments: int | None) -> list[int]:
        with capture_logs() as logs:
            for moment in moments:
                answer = await shop.call_back(said, at=moment)
                assert answer.status == (200 if moment is None else 401)
        return [one["seconds"] for one in logs if one["event"] == "clock skew"]

    assert await alarms(hour_ago, hour_ago, None, hour_ago, hour_ago) == []
    [seconds] = await alarms(hour_ago)
    assert seconds >= 3600
    wrong = "whsec_" + "A" * 44
    with capture_logs() as logs:
        for _ in range(3):
            await shop.call_back(said, at=hour_ago, secret=wrong)
    assert "clock skew" not in {one["event"] for one in logs}


async def test_a_previous_secret_is_good_for_its_overlap(shop: Shop) -> None:
    made = await shop.postponed()
    said = {"transactionId": made, "status": "postponed"}
    old, old_key = shop.provider["callbackSecret"], shop.provider["secretKey"]
    for overlap, status in ((3600, 200), (0, 401)):
        new = await rotate(shop, "callbackSecret", overlap)
        new_key = await rotate(shop, "secretKey", overlap)
        assert (await shop.call_back(said, secret=old)).status == status
        assert (await shop.call_back(said, secret=new)).status == 200
        wrong = str(ids.random_id())
        answer = await shop.call_back_originally("success", wrong, secret=old_key)
        assert answer.status == (404 if status == 200 else 401)
        answer = await shop.call_back_originally("success", wrong, secret=new_key)
        refused(answer, 404, "transaction-not-found")
        old, old_key = new, new_key


async def test_transactions_that_are_not_the_providers(shop: Shop, guerdon: Running) -> None:
    made = await shop.postponed()
    other = await create_provider(shop.api, shop.rewards.url)
    option = await create_option(shop.api, other["id"])
    second = shop.api.with_key(await make_key(guerdon.parts.database, "2", ALL_SCOPES))
    foreign = await create_provider(second, shop.rewards.url)
    foreign_option = await create_option(second, foreign["id"])
    told = []
    for provider, name in ((other, option["name"]), (foreign, foreign_option["name"])):
        said = {"transactionId": made, "status": "success"}
        told.append(
            await shop.call_back(
                said, secret=provider["callbackSecret"], provider_id=provider["id"]
            )
        )
        for event in ("success", "failure"):
            secret = provider["secretKey"]
            told.append(await shop.call_back_originally(event, made, secret=secret, name=name))
    for unknown in (str(ids.random_id()), "nonsense", made.replace("-", ""), ""):
        told.append(await shop.call_back({"transactionId": unknown, "status": "success"}))
        told.append(await shop.call_back_originally("success", unknown))
    for answer in told:
        problem = refused(answer, 404, "transaction-not-found")
        assert problem.keys() == {"type", "title", "status", "code", "detail", "requestId"}
    still = await shop.api.call("GET", f"/v1/transactions/{made}")
    assert still.body["status"] == "postponed"


async def test_authentic_bodies_that_do_not_fit(shop: Shop) -> None:
    made = await shop.postponed()
    for said in (
        {"transactionId": made, "status": "Success"},
        {"transactionId": made, "status": None},
        {"transactionId": made},
        {"status": "success"},
        {"transactionId": 5, "status": "success"},
        [],
    ):
        refused(await shop.call_back(said), 422, "invalid-request")
    path = f"/fed/providers/{shop.name}/events/redeem.static.success"
    for body in (
        {"secretKey": shop.provider["secretKey"]},
        {"secretKey": shop.provider["secretKey"], "transactionId": 5},
    ):
        refused(await shop.api.call("POST", path, body), 422, "invalid-request")
    # What comes along with the news is clipped or dropped, and never in its way.
    odd = {"message": "m" * 600, "reference": {"no": 1}, "voucher": "X", "status": "success"}
    answer = await shop.call_back({"transactionId": made, **odd})
    assert (answer.status, answer.body["applied"]) == (200, True)
    transaction = (await shop.api.call("GET", f"/v1/transactions/{made}")).body
    payload = transaction["events"][-1]["payload"]
    assert (len(payload["message"]), payload["reference"]) == (500, None)


async def test_the_original_products_callbacks(shop: Shop) -> None:
    made = await shop.postponed("ann")
    answer = await shop.call_back_originally("success", made)
    assert (answer.status, answer.body) == (
        200,
        {"transactionId": made, "status": "success", "applied": True},
    )
    assert (await shop.call_back_originally("success", made)).body["applied"] is False
    refused(await shop.call_back_originally("failure", made), 409, "already-final")
    failed = await shop.postponed("ben")
    answer = await shop.call_back_originally("failure", failed)
    assert answer.body == {"transactionId": failed, "status": "failure", "applied": True}
    refused(await shop.call_back_originally("success", failed), 409, "already-final")
    assert (await shop.api.call("GET", "/v1/members/ann")).body["balance"] == 800
    assert (await shop.api.call("GET", "/v1/members/ben")).body["balance"] == 1000


async def test_among_namesakes_the_secret_decides(shop: Shop, guerdon: Running) -> None:
    second = shop.api.with_key(await make_key(guerdon.parts.database, "2", ALL_SCOPES))
    provider = await create_provider(second, shop.rewards.url)
    option = await create_option(second, provider["id"], name=shop.name)
    there = Shop(second, shop.rewards, provider, option)
    mine, theirs = await shop.postponed("ann"), await there.postponed("ann")
    refused(await there.call_back_originally("success", mine), 404, "transaction-not-found")
    assert (await there.call_back_originally("success", theirs)).body["applied"] is True
    assert (await shop.call_back_originally("success", mine)).body["applied"] is True


async def test_after_an_option_moved_its_first_provider_still_confirms_what_is_its_own(
    shop: Shop,
) -> None:
    """And nothing else: neither what its successor was sent, nor what nobody was."""
    first, mine = shop.provider["secretKey"], await shop.postponed("ann")
    second = await create_provider(shop.api, shop.rewards.url, name="second")
    moved = await shop.api.call("PATCH", f"/v1/options/{shop.name}", {"providerId": second["id"]})
    assert moved.status == 200
    theirs = await shop.postponed("ben")
    nothing = [
        await shop.call_back_originally("success", theirs, secret=first),
        await shop.call_back_originally("success", str(ids.random_id()), secret=first),
        await shop.call_back_originally("success", mine, secret="whsec_" + "A" * 44),
        await shop.call_back_originally("success", mine, name=str(ids.random_id())),
    ]
    assert all(same_refusal(answer) == same_refusal(nothing[0]) for answer in nothing)
    other = await shop.create_option(title="Another")
    await shop.api.call("PATCH", f"/v1/options/{other['name']}", {"providerId": second["id"]})
    away = await shop.call_back_originally("success", mine, name=other["name"])
    assert same_refusal(away) == same_refusal(nothing[0])
    answer = await shop.call_back_originally("success", mine, secret=second["secretKey"])
    refused(answer, 404, "transaction-not-found")
    assert (await shop.call_back_originally("success", mine)).body["applied"] is True
    refused(await shop.call_back_originally("failure", mine), 409, "already-final")
    answer = await shop.call_back_originally("success", theirs, secret=second["secretKey"])
    assert answer.body["applied"] is True


async def test_who_fails_too_often_waits_and_who_is_authentic_does_not(shop: Shop) -> None:
    made = await shop.postponed()
    wrong = [await shop.call_back_originally("success", made, secret="no") for _ in range(70)]
    assert {answer.status for answer in wrong} == {401, 429}
    refused(wrong[-1], 429, "too-many-requests")
    assert 0 < int(wrong[-1].headers["Retry-After"]) <= 61
    answer = await shop.call_back({}, secret=signing.new_secret())
    refused(answer, 429, "too-many-requests")
    garbage = await shop.api.with_key("gk_garbage").call("GET", "/v1/transactions")
    refused(garbage, 429, "too-many-requests")
    assert (await shop.call_back_originally("success", made)).body["applied"] is True


async def test_bodies_that_are_no_json_are_refused_before_anything(shop: Shop) -> None:
    signed = f"/v1/providers/{shop.provider['id']}/callbacks"
    original = f"/fed/providers/{shop.name}/events/redeem.static.success"
    for path in (signed, original):
        text = {"Content-Type": "text/plain"}
        answer = await shop.api.call("POST", path, data=b"{}", headers=text)
        refused(answer, 415, "unsupported-media-type")
        answer = await shop.api.call("POST", path, data=b" " * (64 * 1024 + 1))
        refused(answer, 413, "too-large")
    refused(await shop.api.call("POST", original, data=b"[" * 60_000), 400, "malformed-request")
    # Unending strings of quotes: refused, and in no time.
    bomb = b"[]" * 33 + b'"' + b'\\"' * 32_000
    refused(await shop.api.call("POST", original, data=bomb), 400, "malformed-request")


async def test_refused_callbacks_are_counted_for_whom_they_were_meant(
    shop: Shop, guerdon: Running
) -> None:
    made = await shop.postponed()
    provider = UUID(shop.provider["id"])
    other = UUID((await create_provider(shop.api, shop.rewards.url, name="Other"))["id"])
    told = {"transactionId": made, "status": "success"}
    refused(
        await shop.api.call("POST", f"/v1/providers/{provider}/callbacks", told),
        401,
        "unauthenticated",
    )
    original = f"/fed/providers/{shop.name}/events/redeem.static.success"
    wrong = {**told, "secretKey": "whsec_wrong"}
    refused(await shop.api.call("POST", original, wrong), 401, "unauthenticated")
    async with guerdon.parts.database.read() as tx:
        assert await providers.refused_callbacks(tx, [provider, other]) == {provider: 2}
