"""The Python client against the real API, in both kinds: what it asks, reads, repeats, raises."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.conftest import Api, make_key
from tests.faults.between import Between
from tests.integration import colours
from tests.integration.api_parts import Shop, furnished
from tests.integration.colours import KINDS, Colour

from guerdon.db.pool import Database
from guerdon_client import Line, Retries, calls, errors, reading

HASTY = Retries(patience=5)
ODD = ("a/b", "ü 100%2F", "?x=1&y#z", "a+b;c", "..x", "漢字", "\u2028", "'\"\\")


@pytest.fixture
async def between(api: Api) -> AsyncIterator[Between]:
    """Stands before the API."""
    port = api._session._base_url.port  # type: ignore[union-attr]
    async with Between(port).listening() as standing:
        yield standing


@pytest.fixture(params=KINDS)
async def colour(request: Any, api: Api, between: Between) -> AsyncIterator[Colour]:
    """A client whose key may do all, behind ``between``."""
    async with colours.client(request.param, between.url, api.key) as made:
        yield made


@pytest.fixture
async def shop(api: Api) -> AsyncIterator[Shop]:
    async with furnished(api) as made:
        yield made


async def test_members_from_first_to_last(colour: Colour) -> None:
    made = await colour.ask(
        lambda c: c.members.put("ada", email="ada@example.com", attributes={"n": 0.5, "t": ["x"]})
    )
    assert (made.user_id, made.email, made.address) == ("ada", "ada@example.com", None)
    assert made.attributes == {"n": 0.5, "t": ["x"]}
    assert isinstance(made.attributes["n"], float)
    assert abs(datetime.now(UTC) - made.created_at) < timedelta(minutes=5)
    changed = await colour.ask(lambda c: c.members.put("ada", email=None, frozen=True))
    assert (changed.email, changed.frozen, changed.attributes) == (None, True, made.attributes)

    granted = await colour.ask(lambda c: c.members.grant("ada", 1000, "Order 1", key="order-1"))
    again = await colour.ask(lambda c: c.members.grant("ada", 1000, "Order 1", key="order-1"))
    assert (granted.amount, granted.available, granted.replayed) == (1000, 1000, False)
    assert (again.posting_id, again.replayed) == (granted.posting_id, True)
    charged = await colour.ask(lambda c: c.members.charge("ada", 50, "Counted twice"))
    assert (charged.balance, charged.replayed) == (950, False)

    page = await colour.ask(lambda c: c.members.statement("ada", limit=1))
    assert [(one.movement, one.available_change) for one in page.items] == [("adjust", -50)]
    rest = await colour.ask(lambda c: c.members.statement("ada", cursor=page.next_cursor))
    assert [one.reason for one in rest.items] == ["Order 1"]
    whole = await colour.each(lambda c: c.members.iterate_statement("ada", limit=1))
    assert whole == [*page.items, *rest.items]

    assert (await colour.ask(lambda c: c.members.get("ada"))).balance == 950
    assert await colour.ask(lambda c: c.members.erase("ada")) is None
    with pytest.raises(errors.MemberNotFound) as gone:
        await colour.ask(lambda c: c.members.get("ada"))
    assert (gone.value.status, gone.value.code) == (404, "member-not-found")
    assert gone.value.request_id


async def test_any_user_id_finds_its_member(colour: Colour) -> None:
    for user_id in ODD:
        await colour.ask(lambda c, who=user_id: c.members.put(who))
        await colour.ask(lambda c, who=user_id: c.members.grant(who, 1, "x", key="k"))
        found = await colour.ask(lambda c, who=user_id: c.members.get(who))
        assert (found.user_id, found.balance) == (user_id, 1)
    for user_id in ("", ".", ".."):
        with pytest.raises(ValueError, match="part of a path"):
            await colour.ask(lambda c, who=user_id: c.members.get(who))


async def test_a_batch_has_a_result_for_each_line(colour: Colour, between: Between) -> None:
    lines = [
        Line("ann", email="a@example.com", grant=50, reference="r1"),
        Line("ben", grant=7),
        Line("ann", address="Main Street 1"),
    ]
    between.losing = 1  # so it is sent twice
    results = await colour.ask(lambda c: c.members.batch(lines))
    assert [(one.line, one.status, one.user_id) for one in results] == [
        (1, "created", "ann"),
        (2, "refused", "ben"),
        (3, "changed", "ann"),
    ]
    assert results[1].code == "invalid-request"
    assert [error.pointer for error in results[1].errors] == ["/reference"]
    ann = await colour.ask(lambda c: c.members.get("ann"))
    assert (ann.balance, ann.email, ann.address) == (50, "a@example.com", "Main Street 1")


async def test_options_are_listed_and_read(colour: Colour, shop: Shop) -> None:
    made = await shop.create_option(
        type="currency",
        title="Cash",
        minTokens=100,
        maxTokens=900,
        rates=[{"currency": "EUR", "rate": "1234567890123.12345678901230"}],
        limits={"perMemberPeriod": {"count": 1, "days": 7}},
        audience=[[{"attribute": "tier", "op": "in", "value": ["gold"]}]],
        window={"timeZone": "Europe/Madrid"},
    )
    cash = await colour.ask(lambda c: c.options.get(made["name"]))
    assert cash.rates[0].rate == Decimal("1234567890123.12345678901230")
    assert (cash.price, cash.limits.total, cash.limits.per_member_period.days) == (None, None, 7)
    assert cash.audience[0][0].value == ["gold"]
    assert cash.window["timeZone"] == "Europe/Madrid"
    page = await colour.ask(lambda c: c.options.page(limit=1))
    every = await colour.each(lambda c: c.options.iterate(limit=1))
    assert every[: len(page.items)] == list(page.items)
    assert {one.title for one in every} == {"Cash", "Free Tickets"}
    assert (await colour.ask(lambda c: c.options.page(archived=True))).items == ()
    with pytest.raises(errors.OptionNotFound):
        await colour.ask(lambda c: c.options.get("nothing"))


async def test_a_redemption_is_followed_to_its_end(colour: Colour, shop: Shop) -> None:
    await shop.member("ada", 1000, email="ada@example.com")
    shop.rewards.next(201)
    asked = await colour.ask(
        lambda c: c.redemptions.create(shop.name, "ada", expected_price=200, key="basket-1")
    )
    assert (asked.status, asked.events, asked.replayed, asked.is_open) == (
        "pending",
        2,
        False,
        True,
    )
    again = await colour.ask(
        lambda c: c.redemptions.create(shop.name, "ada", expected_price=200, key="basket-1")
    )
    assert (again.id, again.replayed) == (asked.id, True)
    await shop.settled(asked.id, "postponed")
    full = await colour.ask(lambda c: c.transactions.get(asked.id))
    assert (full.status, full.events, len(full.history)) == ("postponed", 4, 4)
    assert full.history[0].payload["email"] == "ada@example.com"
    assert [(one.attempt, one.status, one.rule) for one in full.attempts] == [(1, 201, "code-201")]
    done = await colour.ask(lambda c: c.transactions.confirm(asked.id, reason="Seen"))
    assert (done.status, done.is_open) == ("success", False)
    with pytest.raises(errors.NotOpen) as late:
        await colour.ask(lambda c: c.transactions.cancel(asked.id))
    assert late.value.facts["currentStatus"] == "success"
    assert (await colour.ask(lambda c: c.members.get("ada"))).tokens_redeemed == 200


async def test_cases_are_listed_and_closed(colour: Colour, shop: Shop) -> None:
    first, other = [await shop.postponed(who) for who in ("ann", "ben")]
    for made in (first, other):
        await colour.ask(lambda c, made=made: c.transactions.cancel(made))
        assert (await shop.call_back({"transactionId": made, "status": "success"})).status == 409
    page = await colour.ask(lambda c: c.cases.page(limit=1))
    assert [one.transaction_id for one in page.items] == [first]
    assert (page.items[0].is_open, page.items[0].complained_at) == (True, None)
    assert page.items[0].contradicted_at == page.items[0].opened_at
    every = await colour.each(lambda c: c.cases.iterate(limit=1))
    assert [one.transaction_id for one in every] == [first, other]
    assert (await colour.ask(lambda c: c.transactions.get(first))).case == every[0]

    with pytest.raises(errors.NotOffered) as wrong:
        await colour.ask(lambda c: c.cases.resolve(first, "grant", "Never came"))
    assert wrong.value.facts == {"choices": ["leave", "charge"]}
    done = await colour.ask(lambda c: c.cases.resolve(first, "charge", "It was given"))
    assert (done.is_open, done.choice) == (False, "charge")
    with pytest.raises(errors.NotOpen):
        await colour.ask(lambda c: c.cases.resolve(first, "leave", "Again"))
    closed = await colour.each(lambda c: c.cases.iterate(closed=True))
    assert closed == [done]
    with pytest.raises(errors.TransactionNotFound):
        await colour.ask(lambda c: c.cases.resolve("nothing", "leave", "x"))


async def test_a_provider_is_asked_again(colour: Colour, shop: Shop) -> None:
    made = await shop.postponed()
    with pytest.raises(errors.NotIdempotent):
        await colour.ask(lambda c: c.transactions.resend(made))
    where = f"/v1/providers/{shop.provider['id']}"
    assert (await shop.api.call("PATCH", where, {"idempotent": True})).status == 200
    shop.rewards.next(200)
    asked = await colour.ask(lambda c: c.transactions.resend(made, reason="They lost it"))
    assert (asked.id, asked.status, asked.is_open) == (made, "postponed", True)
    await shop.settled(made, "success")
    full = await colour.ask(lambda c: c.transactions.get(made))
    assert [one.status for one in full.attempts] == [201, 200]
    assert full.case is None


async def test_a_conversion_keeps_its_rate_to_the_last_digit(colour: Colour, shop: Shop) -> None:
    await shop.member("ada", 1000)
    rate = "1234567890123.12345678901230"
    made = await shop.create_option(
        type="currency",
        title="Cash",
        minTokens=1,
        maxTokens=900,
        rates=[{"currency": "EUR", "rate": rate}],
    )
    name = made["name"]
    asked = await colour.ask(
        lambda c: c.redemptions.create(name, "ada", token_amount=1, currency="EUR")
    )
    assert (asked.currency, asked.currency_amount, asked.token_amount) == (
        "EUR",
        123456789012312,
        1,
    )
    assert str(asked.conversion_rate) == rate
    with pytest.raises(errors.PriceChanged) as changed:
        await colour.ask(
            lambda c: c.redemptions.create(
                name, "ada", token_amount=1, currency="EUR", expected_currency_amount=123
            )
        )
    assert changed.value.facts["currencyAmount"] == 123456789012312


async def test_transactions_are_chosen_and_gone_through(colour: Colour, shop: Shop) -> None:
    began = datetime.now(UTC) - timedelta(minutes=1)
    for user_id in ("ann", "ben"):
        await shop.member(user_id, 1000)
        for _ in range(3):
            await shop.redeem(user_id, until="success")
    chosen = {"status": ["success", "failure"], "user_id": "ann", "option": shop.name}
    page = await colour.ask(lambda c: c.transactions.page(**chosen, limit=2))
    assert len(page.items) == 2
    every = await colour.each(lambda c: c.transactions.iterate(**chosen, limit=2))
    assert len(every) == 3
    assert every[:2] == list(page.items)
    assert {one.user_id for one in every} == {"ann"}
    since = await colour.each(lambda c: c.transactions.iterate(created_from=began))
    assert len(since) == 6
    before = await colour.each(lambda c: c.transactions.iterate(created_to=began, q="Tickets"))
    assert before == []
    with pytest.raises(ValueError, match="zone"):
        await colour.ask(lambda c: c.transactions.page(created_from=datetime(2026, 1, 1)))


async def test_a_lost_answer_is_asked_for_again_with_the_same_key(
    colour: Colour, between: Between, shop: Shop
) -> None:
    await shop.member("ada", 1000)
    between.losing = 2
    asked = await colour.ask(lambda c: c.redemptions.create(shop.name, "ada"))
    assert asked.replayed, "the first one was accepted, and its answer lost"
    keys = between.values("Idempotency-Key")
    assert len(keys) == 3
    assert len(set(keys)) == 1
    found = await colour.each(lambda c: c.transactions.iterate(user_id="ada"))
    assert [one.id for one in found] == [asked.id]


async def test_patience_ends_and_the_key_is_told(api: Api, between: Between, shop: Shop) -> None:
    await shop.member("ada", 1000)
    for kind in KINDS:
        more = {"retries": Retries(attempts=2)}
        async with colours.client(kind, between.url, api.key, **more) as colour:
            between.losing = 2
            with pytest.raises(errors.AnswerLost) as lost:
                await colour.ask(lambda c: c.redemptions.create(shop.name, "ada"))
            key = lost.value.idempotency_key
            assert key is not None
            found = await colour.ask(
                lambda c, key=key: c.redemptions.create(shop.name, "ada", key=key)
            )
            assert found.replayed
    assert len((await api.call("GET", "/v1/transactions")).body["items"]) == len(KINDS)


async def test_what_might_happen_twice_is_not_sent_twice(
    colour: Colour, between: Between, shop: Shop
) -> None:
    postponed = await shop.postponed()
    between.losing = 1
    before = len(between.values("Host"))
    with pytest.raises(errors.AnswerLost):
        await colour.ask(lambda c: c.transactions.confirm(postponed))
    assert len(between.values("Host")) == before + 1
    assert (await colour.ask(lambda c: c.transactions.get(postponed))).status == "success"


async def test_nobody_there_yet_is_waited_for(colour: Colour, between: Between) -> None:
    await between.close()
    asking = asyncio.create_task(colour.ask(lambda c: c.members.put("ada")))
    await asyncio.sleep(0)
    await between.open()
    assert (await asking).user_id == "ada"


async def test_nobody_there_at_all_is_told_as_such(api: Api, between: Between) -> None:
    await between.close()
    for kind in KINDS:
        more = {"retries": Retries(attempts=1)}
        async with colours.client(kind, between.url, api.key, **more) as colour:
            with pytest.raises(errors.Unreachable):
                await colour.ask(lambda c: c.members.put("ada"))
    await between.open()


async def test_an_answer_that_does_not_come_is_given_up(api: Api) -> None:
    # Connections stand in its backlog, and nobody reads from them.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        more = {"timeout": 0.1, "retries": Retries(attempts=1)}
        for kind in KINDS:
            async with colours.client(kind, url, api.key, **more) as colour:
                with pytest.raises(errors.AnswerLost, match="Timeout"):
                    await colour.ask(lambda c: c.members.get("ada"))


async def test_refusals_have_their_names_and_facts(
    colour: Colour, shop: Shop, database: Database, between: Between
) -> None:
    await shop.member("ada", 100)
    with pytest.raises(errors.InsufficientTokens) as poor:
        await colour.ask(lambda c: c.redemptions.create(shop.name, "ada", key="k"))
    assert poor.value.facts == {"available": 100, "required": 200}
    assert poor.value.idempotency_key == "k"
    with pytest.raises(errors.InvalidRequest) as wrong:
        await colour.ask(lambda c: c.members.grant("ada", 0, "x"))
    assert [error.pointer for error in wrong.value.errors] == ["/amount"]
    assert "/amount" in str(wrong.value)
    await colour.ask(lambda c: c.members.grant("ada", 1, "x", key="g"))
    with pytest.raises(errors.KeyReused):
        await colour.ask(lambda c: c.members.grant("ada", 2, "x", key="g"))
    await colour.ask(lambda c: c.members.grant("ada", 200, "x"))
    await shop.api.call("PATCH", f"/v1/providers/{shop.provider['id']}", {"paused": True})
    reader = await make_key(database, "1", ["read", "redeem"])
    async with colours.client(colour.kind, between.url, reader, retries=HASTY) as other:
        with pytest.raises(errors.ProviderUnavailable) as away:
            await other.ask(lambda c: c.redemptions.create(shop.name, "ada"))
        assert away.value.retry_after is not None
        assert away.value.retry_after > HASTY.patience, "so it was not waited for"
        with pytest.raises(errors.NotPermitted) as scope:
            await other.ask(lambda c: c.members.erase("ada"))
        assert scope.value.facts["scope"] == "members"
    async with colours.client(colour.kind, between.url, "gk_nobody") as stranger:
        with pytest.raises(errors.Unauthenticated):
            await stranger.ask(lambda c: c.members.get("ada"))


async def test_a_route_without_a_method_is_called_all_the_same(colour: Colour) -> None:
    call = calls.getting("/v1/namespace", lambda answer: reading.parsed(answer.content))
    assert (await colour.ask(lambda c: c.send(call)))["namespace"] == "1"


@pytest.mark.parametrize("kind", KINDS)
async def test_callbacks_are_believed_and_come_again_as_the_same_news(
    kind: str, between: Between, shop: Shop
) -> None:
    first, other = [await shop.postponed(who) for who in ("ann", "ben")]
    async with colours.callbacks(kind, between.url, shop.provider) as colour:
        between.losing = 1
        said = await colour.ask(lambda c: c.send(first, "success", reference="V-1"))
        assert (said.transaction_id, said.status, said.applied) == (first, "success", False)
        names = between.values("webhook-id")
        assert len(names) == 2
        assert names[0] == names[1]
        with pytest.raises(errors.AlreadyFinal) as closed:
            await colour.ask(lambda c: c.send(first, "failure"))
        assert closed.value.facts["currentStatus"] == "success"
        failed = await colour.ask(lambda c: c.send(other, "failure", message="Sold out"))
        assert (failed.status, failed.applied) == ("failure", True)
        with pytest.raises(errors.TransactionNotFound):
            await colour.ask(lambda c: c.send("nothing", "success"))
    full = (await shop.api.call("GET", f"/v1/transactions/{first}")).body
    assert full["reference"] == "V-1"
    stranger = {**shop.provider, "callbackSecret": shop.provider["signingSecret"]}
    async with colours.callbacks(kind, between.url, stranger) as colour:
        with pytest.raises(errors.Unauthenticated):
            await colour.ask(lambda c: c.send(first, "success"))
