"""Redemptions over the API: what is accepted, replayed and refused, in which order."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from tests.conftest import ALL_SCOPES, Answer, Api, make_key
from tests.integration.api_parts import Shop, create_member, furnished, pointers, refused

from guerdon import ids
from guerdon.amount import MAX_TOKENS
from guerdon.app import Running

TRANSACTION = {
    "id",
    "namespace",
    "status",
    "optionName",
    "optionTitle",
    "type",
    "userId",
    "price",
    "createdAt",
    "updatedAt",
    "closedAt",
    "events",
    "optionVersion",
    "openReason",
    "nextAttemptAt",
    "reference",
    "conflict",
}


@pytest.fixture
async def shop(api: Api) -> AsyncIterator[Shop]:
    async with furnished(api) as made:
        yield made


async def test_a_redemption_is_accepted_delivered_and_concluded(shop: Shop) -> None:
    await shop.member("User 123", 1000, email="profile@example.com", address="address_123")
    accepted = await shop.ask("User 123", email="someone@example.com")
    assert accepted.status == 202
    made = accepted.body
    assert accepted.headers["Location"] == f"/v1/transactions/{made['id']}"
    assert made.keys() >= TRANSACTION
    expected = {
        "namespace": "1",
        "status": "pending",
        "optionName": shop.name,
        "optionTitle": "Free Tickets",
        "type": "physical",
        "userId": "User 123",
        "price": 200,
        "closedAt": None,
        "events": 2,
        "optionVersion": 1,
        "reference": None,
        "conflict": False,
    }
    assert expected.items() <= made.items()
    done = await shop.settled(made["id"], "success")
    assert [event["type"] for event in done["events"]] == [
        "redeem.requested",
        "tokens.withdrawn",
        "message.posted",
        "confirmation.received",
    ]
    headers, body = shop.rewards.requests[0]
    assert json.loads(body) == {
        "event": "redeem.static",
        "redeemOptionName": shop.name,
        "namespace": "1",
        "transactionId": made["id"],
        "userId": "User 123",
        "price": 200,
        "productName": "Free Tickets",
        "address": "address_123",
        "email": "someone@example.com",
    }
    assert headers["Idempotency-Key"] == f'"{made["id"]}"'
    member = (await shop.api.call("GET", "/v1/members/User%20123")).body
    assert (member["balance"], member["available"], member["tokensRedeemed"]) == (800, 800, 200)
    assert member["email"] == "profile@example.com"


async def test_held_tokens_are_in_the_balance_and_not_available(shop: Shop) -> None:
    await shop.postponed("ann")
    member = (await shop.api.call("GET", "/v1/members/ann")).body
    assert (member["balance"], member["available"], member["tokensRedeemed"]) == (1000, 800, 0)


async def test_a_currency_option_converts_exactly(shop: Shop) -> None:
    cash = await shop.create_option(
        type="currency",
        title="Cash back",
        minTokens=10,
        maxTokens=500,
        rates=[{"currency": "EUR", "rate": "0.0125"}, {"currency": "JPY", "rate": "0.00001"}],
    )
    await shop.member("ann", 1000)
    asked = {"optionName": cash["name"], "tokenAmount": 123, "currency": "EUR"}
    accepted = await shop.ask("ann", expectedCurrencyAmount=153, **asked)
    assert accepted.status == 202
    fields = {
        "price": 123,
        "tokenAmount": 123,
        "currency": "EUR",
        "currencyAmount": 153,
        "conversionRate": 0.0125,
    }
    assert fields.items() <= accepted.body.items()
    await shop.settled(accepted.body["id"], "success")
    sent = json.loads(shop.rewards.requests[0][1])
    assert sent["amount"] == sent["currencyAmount"] == 153
    assert "price" not in sent
    assert "productName" not in sent
    changed = await shop.ask("ann", expectedCurrencyAmount=154, **asked)
    assert refused(changed, 409, "price-changed")["currencyAmount"] == 153
    for wrong, pointer in (
        ({"tokenAmount": 9}, "/tokenAmount"),
        ({"tokenAmount": 501}, "/tokenAmount"),
        ({"tokenAmount": 0}, "/tokenAmount"),
        ({"tokenAmount": None}, "/tokenAmount"),
        ({"currency": "USD"}, "/currency"),
        ({"currency": None}, "/currency"),
        ({"currency": "JPY"}, "/tokenAmount"),
    ):
        answer = await shop.ask("ann", **(asked | wrong))
        assert pointers(refused(answer, 422, "invalid-request")) == {pointer}


async def test_each_refusal_has_its_code_and_takes_no_tokens(shop: Shop) -> None:
    await shop.member("ann", 1000)
    await shop.member("poor", 199)
    await shop.member("ice", 1000, frozen=True)

    async def say(status: int, code: str, user_id: str = "ann", **fields: object) -> dict:
        return refused(await shop.ask(user_id, **fields), status, code)

    for name in (str(ids.random_id()), "not-a-uuid", "", shop.name.replace("-", "")):
        await say(404, "option-not-found", optionName=name)
    await say(404, "member-not-found", user_id="nobody")
    await say(409, "insufficient-tokens", user_id="poor")
    await say(409, "member-frozen", user_id="ice")
    assert (await say(409, "price-changed", expectedPrice=199))["price"] == 200
    gold = [[{"attribute": "tier", "op": "eq", "value": "gold"}]]
    for fields, status, code in (
        ({"enabled": False}, 409, "option-unavailable"),
        ({"window": {"to": "2020-01-01T00:00:00Z"}}, 409, "option-unavailable"),
        ({"limits": {"total": 0}}, 409, "limit-reached"),
        ({"audience": gold}, 409, "not-eligible"),
        ({"collectEmail": True}, 422, "invalid-request"),
        ({"collectAddress": True}, 422, "invalid-request"),
    ):
        option = await shop.create_option(**fields)
        await say(status, code, optionName=option["name"])
    archived = await shop.create_option()
    await shop.api.call("DELETE", f"/v1/options/{archived['name']}")
    await say(409, "option-unavailable", optionName=archived["name"])
    once = await shop.create_option(limits={"perMember": 1})
    assert (await shop.ask("ann", optionName=once["name"])).status == 202
    await say(409, "limit-reached", optionName=once["name"])
    member = (await shop.api.call("GET", "/v1/members/ann")).body
    assert member["available"] == 800


async def test_a_paused_provider_takes_no_tokens_and_says_when_to_come_back(shop: Shop) -> None:
    await shop.member("ann", 1000)
    await shop.member("poor", 1)
    path = f"/v1/providers/{shop.provider['id']}"
    await shop.api.call("PATCH", path, {"paused": True})
    answer = await shop.ask("ann", key="k")
    refused(answer, 503, "provider-unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    # What is wrong with the request itself is told first.
    refused(await shop.ask("poor"), 409, "insufficient-tokens")
    assert (await shop.api.call("GET", "/v1/members/ann")).body["available"] == 1000
    await shop.api.call("PATCH", path, {"paused": False})
    assert (await shop.ask("ann", key="k")).status == 202


async def test_bodies_that_do_not_fit(shop: Shop) -> None:
    await shop.member("ann", 1000)
    for fields, pointer in (
        ({"expectedPrice": 0}, "/expectedPrice"),
        ({"expectedPrice": -1}, "/expectedPrice"),
        ({"expectedPrice": MAX_TOKENS + 1}, "/expectedPrice"),
        ({"expectedPrice": "200"}, "/expectedPrice"),
        ({"email": "x" * 321}, "/email"),
        ({"email": "a@b\n"}, "/email"),
        ({"address": 5}, "/address"),
        ({"address": "a\x1bb"}, "/address"),
        ({"userId": "x" * 10_000}, "/userId"),
        ({"userId": ".."}, "/userId"),
        ({"userId": None}, "/userId"),
        ({"optionName": 5}, "/optionName"),
        ({"tokenAmount": 5}, "/tokenAmount"),
        ({"price": 1}, "/price"),
        ({"namespace": "2"}, "/namespace"),
        ({"status": "success"}, "/status"),
        ({"a/b~c": 1}, "/a~1b~0c"),
    ):
        answer = await shop.ask(**({"user_id": "ann"} | {"userId": "ann"} | fields))
        assert pointers(refused(answer, 422, "invalid-request")) == {pointer}, fields
    answer = await shop.api.call("POST", "/v1/redemptions", {"email": 1, "x": 2}, key="k")
    problem = refused(answer, 422, "invalid-request")
    assert pointers(problem) == {"/optionName", "/userId", "/email", "/x"}
    assert (await shop.api.call("GET", "/v1/transactions")).body["items"] == []


async def test_the_same_key_replays_the_first_answer(shop: Shop, guerdon: Running) -> None:
    await shop.member("ann", 1000)
    first = await shop.ask("ann", key="k")
    await shop.settled(first.body["id"], "success")
    again = await shop.ask("ann", key="k")
    assert (again.status, again.body) == (202, first.body)
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    reordered = f'{{ "userId":"ann", "email":null, "optionName":"{shop.name}" }}'.encode()
    spelt = await shop.api.call("POST", "/v1/redemptions", key="k", data=reordered)
    assert spelt.body == first.body
    refused(await shop.ask("ann", key="k", email="a@b"), 422, "idempotency-key-reused")
    other_option = await shop.create_option()
    answer = await shop.ask("ann", key="k", optionName=other_option["name"])
    refused(answer, 422, "idempotency-key-reused")
    # The key counts for one member of one namespace.
    await shop.member("ben", 1000)
    assert "Idempotent-Replayed" not in (await shop.ask("ben", key="k")).headers
    other = shop.api.with_key(await make_key(guerdon.parts.database, "2", ALL_SCOPES))
    refused(await shop.ask("ann", key="k", api=other), 404, "option-not-found")
    assert (await shop.api.call("GET", "/v1/members/ann")).body["balance"] == 800


async def test_fifty_at_once_under_one_key_are_one(shop: Shop) -> None:
    await shop.member("ann", 1000)
    answers: list[Answer] = await asyncio.gather(*(shop.ask("ann", key="k") for _ in range(50)))
    assert {answer.status for answer in answers} == {202}
    assert len({answer.body["id"] for answer in answers}) == 1
    replayed = [a for a in answers if a.headers.get("Idempotent-Replayed") == "true"]
    assert len(replayed) == 49
    assert (await shop.api.call("GET", "/v1/members/ann")).body["available"] == 800


async def test_twenty_at_once_for_the_last_tokens_are_one(shop: Shop) -> None:
    await shop.member("ann", 200)
    answers = await asyncio.gather(*(shop.ask("ann") for _ in range(20)))
    assert sorted(answer.status for answer in answers) == [202] + [409] * 19
    for answer in answers:
        if answer.status != 202:
            refused(answer, 409, "insufficient-tokens")


async def test_idempotency_keys_that_are_none(shop: Shop) -> None:
    await shop.member("ann", 1000)
    body = {"optionName": shop.name, "userId": "ann"}
    for headers in (
        {},
        {"Idempotency-Key": ""},
        {"Idempotency-Key": "x" * 256},
        {"Idempotency-Key": "a\tb"},
        {"Idempotency-Key": "ké"},
    ):
        answer = await shop.api.call("POST", "/v1/redemptions", body, headers=headers)
        assert "/docs" in refused(answer, 400, "malformed-request")["detail"]
    assert (await shop.ask("ann", key="x" * 255)).status == 202
    assert (await shop.ask("ann", key="~ !")).status == 202


async def test_another_namespaces_option_and_member_are_not_there(
    shop: Shop, guerdon: Running
) -> None:
    other = shop.api.with_key(await make_key(guerdon.parts.database, "2", ALL_SCOPES))
    await create_member(other, "ann", 1000)
    refused(await shop.ask("ann", api=other), 404, "option-not-found")
    refused(await shop.ask("ann"), 404, "member-not-found")
