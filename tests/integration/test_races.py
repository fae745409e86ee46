"""Races: two processes on one database, held back at a lock and let go at once.

Whatever the order turns out to be, one of those that exclude each other wins, the others are told
why, and the ledger's proof finds nothing.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest
from tests.conftest import LOOPBACK, Answer, Api
from tests.integration.programme import Programme, faults, waiting_for_locks
from tests.integration.two import ACCOUNT_OF, TRANSACTION, Two, outcomes
from tests.scenarios.provider import Provider

from guerdon import app, clock
from guerdon.db.migrate import SERVICE_ROLE
from guerdon.db.pool import Database
from guerdon.errors import (
    AlreadyFinal,
    InsufficientTokens,
    LimitReached,
    NotOpen,
    PriceChanged,
)
from guerdon.options import store as options
from guerdon.providers import signing
from guerdon.providers import store as providers
from guerdon.redemption.issuance import Issuance, body_hash, scope_hash
from guerdon.redemption.news import Concluded
from guerdon.redemption.request import Accepted
from guerdon.sealing import Sealer
from guerdon.transactions.states import News


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    """Says "later" to everything."""
    started = Provider(always="201")
    await started.start()
    yield started
    await started.close()


@pytest.fixture
async def programme(database: Database, sealer: Sealer, provider: Provider) -> Programme:
    made = await Programme.open(database, sealer, webhook_url=provider.url)
    await made.member("ann", 30)
    return made


@pytest.fixture
async def two(
    programme: Programme, database: Database, database_url: str, sealer: Sealer
) -> AsyncIterator[Two]:
    other = Database(database_url, role=SERVICE_ROLE)
    await other.open()
    async with (
        app.running(database, sealer, LOOPBACK) as first,
        app.running(other, sealer, LOOPBACK) as second,
    ):
        yield Two(programme, [first, second], database_url)
    await other.close()


async def test_twenty_redemptions_race_for_one_price(two: Two) -> None:
    async with two.held_back(ACCOUNT_OF, "ann"):
        race = asyncio.ensure_future(outcomes([two.redeem(n, "ann") for n in range(20)]))
    results = await race
    assert sum(isinstance(result, Accepted) for result in results) == 1
    refused = [result for result in results if isinstance(result, InsufficientTokens)]
    assert len(refused) == 19
    assert all(one.facts == {"available": 0, "required": 30} for one in refused)
    assert (await two.programme.tokens("ann"))[:2] == (0, 30)
    assert await faults(two.programme.database) == []


async def test_two_options_at_once_for_more_than_there_is(two: Two) -> None:
    tea = await two.programme.another_option()
    async with two.held_back(ACCOUNT_OF, "ann"):
        race = asyncio.ensure_future(
            outcomes([two.redeem(0, "ann"), two.redeem(1, "ann", option=tea)])
        )
    results = await race
    [won] = [result for result in results if isinstance(result, Accepted)]
    assert sum(isinstance(result, InsufficientTokens) for result in results) == 1
    assert (await two.programme.account("ann")).held == won.transaction.price
    assert await faults(two.programme.database) == []


@pytest.mark.parametrize("stock", [1, 3])
async def test_more_members_than_there_is_stock(two: Two, stock: int) -> None:
    hat = await two.programme.another_option(limits={"total": stock})
    users = [f"member {n}" for n in range(12)]
    for user_id in users:
        await two.programme.member(user_id, 100)
    shares = "SELECT 1 FROM option_share WHERE option_name = %s FOR UPDATE"
    async with two.held_back(shares, hat.name):
        race = asyncio.ensure_future(
            outcomes([two.redeem(n, user_id, option=hat) for n, user_id in enumerate(users)])
        )
    results = await race
    assert sum(isinstance(result, Accepted) for result in results) == stock
    assert sum(isinstance(result, LimitReached) for result in results) == 12 - stock
    async with two.programme.database.read() as tx:
        usage = (await options.usage(tx, [hat]))["1", hat.name]
    assert (usage.used, usage.left) == (stock, 0)


async def test_fifty_times_one_key_in_two_processes(two: Two) -> None:
    async with two.held_back(ACCOUNT_OF, "ann"):
        race = asyncio.ensure_future(outcomes([two.redeem(n, "ann", key="k") for n in range(50)]))
    results = await race
    assert len({result.transaction.transaction_id for result in results}) == 1
    assert Counter(result.replayed for result in results) == {True: 49, False: 1}
    assert await two.programme.statement("ann") == [("issue", 30), ("hold", 30)]
    assert await faults(two.programme.database) == []


async def test_fifty_times_one_key_over_http(programme: Programme, api: Api) -> None:
    body = {"optionName": str(programme.option.name), "userId": "ann"}
    answers = await asyncio.gather(
        *(api.call("POST", "/v1/redemptions", body, key="k") for _ in range(50))
    )
    assert {answer.status for answer in answers} == {202}
    assert all(answer.body == answers[0].body for answer in answers)
    first = [answer for answer in answers if "Idempotent-Replayed" not in answer.headers]
    assert len(first) == 1
    assert (await programme.statement("ann"))[:2] == [("issue", 30), ("hold", 30)]
    assert await faults(programme.database) == []


async def test_the_same_grant_fifty_times_in_two_processes(two: Two) -> None:
    def grant(number: int) -> Awaitable[Any]:
        scope = scope_hash("1", "api", "grants", "ann", "k")
        work = Issuance("1", "ann", 5, "", False, scope, body_hash(5))
        return two.houses[number % 2].parts.issuance.issue(work)

    async with two.held_back(ACCOUNT_OF, "ann"):
        race = asyncio.ensure_future(outcomes([grant(n) for n in range(50)]))
    results = await race
    assert len({result.receipt for result in results}) == 1
    assert await two.programme.statement("ann") == [("issue", 30), ("issue", 5)]


@pytest.mark.parametrize("one_id", [True, False], ids=["one webhook-id", "a hundred webhook-ids"])
async def test_a_hundred_equal_callbacks_over_http(
    programme: Programme, api: Api, sealer: Sealer, one_id: bool
) -> None:
    made = await programme.redeem("ann")
    async with programme.database.read() as tx:
        behind = await providers.load(tx, sealer, programme.provider_id)
    assert behind is not None
    raw = msgspec.json.encode({"transactionId": str(made), "status": "success"})

    def call(number: int) -> Awaitable[Answer]:
        headers = signing.sign(
            behind.secrets["callbackSecret"],
            "one" if one_id else f"number {number}",
            clock.unix_seconds(),
            raw,
        )
        path = f"/v1/providers/{programme.provider_id}/callbacks"
        return api.call("POST", path, data=raw, headers=headers)

    answers = await asyncio.gather(*(call(number) for number in range(100)))
    assert {answer.status for answer in answers} == {200}
    assert Counter(answer.body["applied"] for answer in answers) == {True: 1, False: 99}
    assert {answer.body["status"] for answer in answers} == {"success"}
    assert (await programme.events(made)).count("confirmation.received") == 1
    assert await programme.statement("ann") == [("issue", 30), ("hold", 30), ("capture", 30)]
    assert await faults(programme.database) == []


async def test_a_hundred_equal_callbacks_in_two_processes(two: Two) -> None:
    made = await two.postponed("ann")
    async with two.held_back(TRANSACTION, made):
        told = [two.programme.callback(made, News.SUCCEEDED) for _ in range(100)]
        race = asyncio.ensure_future(outcomes([two.hear(n, one) for n, one in enumerate(told)]))
    results = await race
    assert Counter(result.applied for result in results) == {True: 1, False: 99}
    assert (await two.programme.events(made)).count("confirmation.received") == 1
    assert await faults(two.programme.database) == []


async def test_one_operator_confirms_while_another_cancels(two: Two) -> None:
    made = await two.postponed("ann")
    async with two.held_back(TRANSACTION, made):
        race = asyncio.ensure_future(
            outcomes(
                [
                    two.hear(0, two.operator(made, News.CONFIRM, "operator ann")),
                    two.hear(1, two.operator(made, News.CANCEL, "operator bob")),
                ]
            )
        )
    results = await race
    [won] = [result for result in results if isinstance(result, Concluded)]
    [lost] = [result for result in results if isinstance(result, NotOpen)]
    closed = await two.programme.transaction(made)
    assert won.transaction == closed
    who = {"success": "operator ann", "failure": "operator bob"}[closed.status]
    assert closed.closed_at is not None
    assert lost.facts == {
        "currentStatus": str(closed.status),
        "closedAt": clock.rfc3339(closed.closed_at),
        "closedBy": who,
    }
    movements = [movement for movement, _ in await two.programme.statement("ann")]
    assert movements == ["issue", "hold", {"success": "capture"}.get(closed.status, "release")]
    assert await faults(two.programme.database) == []


async def test_a_double_click_on_confirm(two: Two) -> None:
    made = await two.postponed("ann")
    async with two.held_back(TRANSACTION, made):
        clicks = [two.operator(made, News.CONFIRM, "operator ann") for _ in range(2)]
        race = asyncio.ensure_future(outcomes([two.hear(n, one) for n, one in enumerate(clicks)]))
    results = await race
    assert sorted(type(result).__name__ for result in results) == ["Concluded", "NotOpen"]
    assert (await two.programme.events(made)).count("operator.confirmed") == 1


@pytest.mark.parametrize("news", [News.CONFIRM, News.CANCEL])
async def test_a_callback_while_an_operator_decides(two: Two, news: News) -> None:
    against = News.FAILED if news is News.CONFIRM else News.SUCCEEDED
    made = await two.postponed("ann")
    async with two.held_back(TRANSACTION, made):
        race = asyncio.ensure_future(
            outcomes(
                [
                    two.hear(0, two.operator(made, news, "operator ann")),
                    two.hear(1, two.programme.callback(made, against)),
                ]
            )
        )
    operator, callback = await race
    closed = await two.programme.transaction(made)
    if isinstance(operator, Concluded):
        assert isinstance(callback, AlreadyFinal)
        assert closed.conflict
        assert closed.closed_by == "operator ann"
    else:
        assert isinstance(operator, NotOpen)
        assert callback.applied
        assert not closed.conflict
        assert closed.closed_by == "provider"
    assert await faults(two.programme.database) == []


async def test_an_edit_of_the_price_between(two: Two) -> None:
    """A member pays what they were shown, whichever process has seen the edit."""
    await two.programme.issue("ann", 10_000)
    option = two.programme.option

    async def edit() -> None:
        async with two.programme.database.tx() as tx:
            await options.change(tx, "1", option.name, {"price": 40}, if_match=None, author="test")

    calls = [two.redeem(n, "ann", expected_price=30) for n in range(40)]
    results = await outcomes([*calls[:20], edit(), *calls[20:], two.redeem(0, "ann")])
    accepted = [result for result in results if isinstance(result, Accepted)]
    refused = [result for result in results if isinstance(result, PriceChanged)]
    assert len(accepted) + len(refused) == 41
    for one in accepted:
        made = one.transaction
        assert (made.price, made.option_version) in ((30, 1), (40, 2))
    assert all(one.facts == {"price": 40} for one in refused)
    late = await outcomes([two.redeem(n, "ann", expected_price=30) for n in range(2)])
    assert all(isinstance(result, PriceChanged) for result in late)
    assert (await two.programme.account("ann")).held == sum(
        one.transaction.price for one in accepted
    )


async def test_a_thousand_random_interleavings(two: Two) -> None:
    """What was accepted, added up by hand, is what the accounts and the ledger say."""
    chance = random.Random(20_26)
    users = [f"member {n}" for n in range(5)]
    expected = Counter[str]()
    holds: dict[UUID, str] = {}
    for user_id in users:
        await two.programme.member(user_id, 200)
        expected[user_id] = 200

    async def issue(number: int, user_id: str, *, charge: bool) -> None:
        amount = chance.randint(1, 40)
        scope = scope_hash("1", "api", "charges" if charge else "grants", user_id, str(number))
        work = Issuance("1", user_id, amount, "", charge, scope, body_hash(amount))
        await two.houses[number % 2].parts.issuance.issue(work)
        expected[user_id] += -amount if charge else amount

    async def redeem(number: int, user_id: str) -> None:
        accepted = await two.redeem(number, user_id)
        holds[accepted.transaction.transaction_id] = user_id

    async def conclude(number: int, user_id: str) -> None:
        if not holds:
            return
        made = chance.choice(list(holds))
        news = chance.choice([News.SUCCEEDED, News.FAILED, News.CONFIRM, News.CANCEL])
        if news in (News.CONFIRM, News.CANCEL):
            told = two.operator(made, news, "operator ann")
        else:
            told = two.programme.callback(made, news)
        concluded = await two.hear(number, told)
        if concluded.applied and concluded.transaction.status == "success":
            expected[holds[made]] -= 30

    async def one(number: int) -> None:
        step: Callable[[int, str], Awaitable[None]] = chance.choice(
            [
                redeem,
                redeem,
                conclude,
                conclude,
                lambda n, user_id: issue(n, user_id, charge=False),
                lambda n, user_id: issue(n, user_id, charge=True),
            ]
        )
        await step(number, chance.choice(users))

    for start in range(0, 1000, 50):
        await outcomes([one(number) for number in range(start, start + 50)])
    for user_id in users:
        assert (await two.programme.account(user_id)).balance == expected[user_id]
    assert await faults(two.programme.database) == []


async def test_a_poisoned_member_does_not_fail_the_neighbours(two: Two) -> None:
    """All in one batch of one slot; one row breaks a constraint, the others are stored."""
    slot = two.programme.slot("ann")
    users = [
        name for name in (f"member {n}" for n in range(200)) if two.programme.slot(name) == slot
    ]
    for user_id in users:
        await two.programme.member(user_id, 100)
    poisoned = users[3]
    with psycopg.connect(two.superuser) as connection:
        connection.execute(
            "UPDATE account SET member_seq = 0 FROM member"
            " WHERE member.member_id = account.member_id AND user_id = %s",
            (poisoned,),
        )
    async with two.held_back(ACCOUNT_OF, "ann", sessions=1):
        blocker = asyncio.ensure_future(two.redeem(0, "ann"))
        race = asyncio.gather(*(two.redeem(0, name) for name in users), return_exceptions=True)
    await blocker
    results = dict(zip(users, await race, strict=True))
    assert isinstance(results.pop(poisoned), psycopg.errors.UniqueViolation)
    assert all(isinstance(result, Accepted) for result in results.values())
    for user_id in results:
        assert (await two.programme.tokens(user_id))[:2] == (70, 30)


async def test_a_session_that_dies_before_its_commit_is_driven_again(two: Two) -> None:
    async with two.held_back(ACCOUNT_OF, "ann", sessions=1):
        race = asyncio.ensure_future(two.redeem(0, "ann"))
        await waiting_for_locks(two.superuser, 1)
        with psycopg.connect(two.superuser, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
    accepted = await race
    assert not accepted.replayed
    assert await two.programme.statement("ann") == [("issue", 30), ("hold", 30)]
    assert await faults(two.programme.database) == []
