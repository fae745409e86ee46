"""From a price on nobody decides alone: one asks, another approves, under the lock and once."""

import asyncio
from uuid import UUID

import pytest
from tests.integration.programme import SLOTS, Programme, faults, judged

from guerdon.access.embedding import By
from guerdon.access.rules import store as rules
from guerdon.db.pool import Database
from guerdon.errors import (
    AlreadyFinal,
    InsufficientTokens,
    NotOpen,
    NotPermitted,
    SecondPersonRequired,
    Sending,
)
from guerdon.redemption import resolution, second_person
from guerdon.redemption.news import Concluded, Told
from guerdon.redemption.resolution import Resolve
from guerdon.redemption.second_person import Asking
from guerdon.sealing import Sealer
from guerdon.transactions.requests.store import Request, Wish
from guerdon.transactions.states import News, Status

ANN, BEN = "operator:ann@x", "operator:ben@x"


@pytest.fixture
async def programme(database: Database, sealer: Sealer) -> Programme:
    """The first option costs 30: two people decide about it."""
    made = await Programme.open(database, sealer)
    await made.member("ann", 100)
    async with database.tx() as tx:
        await rules.ask_second_person(tx, "1", 30, By("operator:root@x", None))
    return made


async def postponed(programme: Programme) -> UUID:
    made = await programme.redeem("ann")
    n = await programme.claim(made)
    await programme.hear(programme.ended(made, n, judged(status=201)))
    return made


async def ask(programme: Programme, made: UUID, choice: Wish, by: str = ANN) -> None:
    async with programme.database.tx() as tx:
        work = Asking("1", made, choice, "I saw it", by, "192.0.2.1")
        await second_person.ask(tx, SLOTS, work)


async def standing(programme: Programme, made: UUID) -> Request | None:
    async with programme.database.read() as tx:
        return await second_person.standing(tx, await programme.transaction(made))


async def decide(
    programme: Programme, made: UUID, news: News, by: str, approves: int | None = None
) -> Concluded:
    return await programme.hear(Told(made, news, "operator", by, namespace="1", approves=approves))


async def test_one_asks_and_another_approves(programme: Programme) -> None:
    made = await postponed(programme)
    with pytest.raises(SecondPersonRequired):
        await decide(programme, made, News.CONFIRM, ANN)
    await ask(programme, made, "confirm")
    waiting = await programme.transaction(made)
    assert (waiting.status, waiting.open_reason) == (Status.POSTPONED, "second-person")
    assert await programme.tokens("ann") == (70, 30, 0)
    with pytest.raises(NotPermitted):
        await decide(programme, made, News.CONFIRM, ANN, approves=1)
    with pytest.raises(NotOpen):  # it is not what was asked for
        await decide(programme, made, News.CANCEL, BEN, approves=1)
    results = await asyncio.gather(
        *(decide(programme, made, News.CONFIRM, BEN, approves=1) for _ in range(4)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, Concluded) for one in results) == 1
    assert await programme.tokens("ann") == (70, 0, 30)
    done = await programme.transaction(made)
    assert (done.status, done.open_reason, done.closed_by) == (Status.SUCCESS, None, BEN)
    events = await programme.events(made)
    assert events[-3:] == ["operator.asked", "operator.confirmed", "confirmation.received"]
    async with programme.database.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT payload FROM event WHERE type = 'operator.confirmed'"
        )
        (line,) = await cursor.fetchall()
        assert line.payload == {"who": BEN, "reason": "I saw it", "askedBy": ANN}
        cursor = await connection.execute("SELECT outcome, settled_by FROM decision_request")
        assert [tuple(row) for row in await cursor.fetchall()] == [("approved", BEN)]
    assert await faults(programme.database) == []


async def test_an_api_key_is_refused_and_that_is_audited(programme: Programme) -> None:
    made = await postponed(programme)
    with pytest.raises(SecondPersonRequired) as refused:
        await decide(programme, made, News.CANCEL, "key:back office")
    assert refused.value.facts == {"secondPersonFrom": 30}
    async with programme.database.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT detail FROM audit WHERE action = 'transaction.operator-cancels'"
        )
        (line,) = await cursor.fetchall()
    assert line.detail["outcome"] == "refused"


async def test_below_the_price_one_person_decides(programme: Programme) -> None:
    cheap = await programme.another_option(price=29)
    made = await programme.redeem("ann", cheap)
    n = await programme.claim(made)
    await programme.hear(programme.ended(made, n, judged(status=201)))
    assert (await decide(programme, made, News.CANCEL, ANN)).applied


async def test_it_is_void_once_anything_else_happened(programme: Programme) -> None:
    made = await postponed(programme)
    await ask(programme, made, "cancel")
    await programme.hear(programme.callback(made, News.SUCCEEDED))
    assert (await programme.transaction(made)).open_reason is None
    assert await standing(programme, made) is None
    with pytest.raises(NotOpen):
        await decide(programme, made, News.CANCEL, BEN, approves=1)
    assert await programme.tokens("ann") == (70, 0, 30)


async def test_news_that_says_nothing_new_leaves_it(programme: Programme) -> None:
    made = await postponed(programme)
    await ask(programme, made, "cancel")
    await programme.hear(programme.callback(made, News.POSTPONED))
    assert await standing(programme, made) is not None
    await decide(programme, made, News.CANCEL, BEN, approves=1)
    assert await programme.tokens("ann") == (100, 0, 0)


async def test_declined_and_asked_anew(programme: Programme) -> None:
    made = await postponed(programme)
    await ask(programme, made, "cancel")
    with pytest.raises(SecondPersonRequired) as twice:
        await ask(programme, made, "confirm", BEN)
    assert twice.value.facts == {"askedBy": ANN}
    async with programme.database.tx() as tx:
        await second_person.decline(tx, SLOTS, "1", made, 1, BEN, None)
    assert (await programme.transaction(made)).open_reason is None
    with pytest.raises(NotOpen):
        await decide(programme, made, News.CANCEL, BEN, approves=1)
    await ask(programme, made, "confirm", BEN)
    request = await standing(programme, made)
    assert request is not None
    assert (request.n, request.choice, request.asked_by) == (2, "confirm", BEN)
    await decide(programme, made, News.CONFIRM, ANN, approves=2)
    assert (await programme.events(made)).count("operator.declined") == 1


async def test_a_correction_takes_two_as_well(programme: Programme) -> None:
    made = await postponed(programme)
    await programme.hear(programme.callback(made, News.FAILED))
    with pytest.raises(AlreadyFinal):
        await programme.hear(programme.callback(made, News.SUCCEEDED))
    with pytest.raises(SecondPersonRequired):
        await programme.resolve(made, "charge", ANN)
    await ask(programme, made, "charge")

    async def approve(by: str) -> None:
        work = Resolve("1", made, "charge", "", by, None, approves=1)
        async with programme.database.tx() as tx:
            await resolution.resolve(tx, SLOTS, work)

    with pytest.raises(NotPermitted):
        await approve(ANN)
    await programme.issue("ann", 80, charge=True)
    with pytest.raises(InsufficientTokens):
        await approve(BEN)
    assert await standing(programme, made) is not None
    await programme.issue("ann", 10)
    await approve(BEN)
    assert await programme.tokens("ann") == (0, 0, 0)
    assert await faults(programme.database) == []


async def test_what_may_not_be_decided_may_not_be_asked_for(programme: Programme) -> None:
    made = await programme.redeem("ann")
    with pytest.raises(Sending):
        await ask(programme, made, "confirm")
    n = await programme.claim(made)
    await programme.hear(programme.ended(made, n, judged(status=200)))
    with pytest.raises(NotOpen):
        await ask(programme, made, "cancel")
    with pytest.raises(NotOpen):
        await ask(programme, made, "grant")


async def test_the_database_itself_lets_nobody_approve_their_own(programme: Programme) -> None:
    made = await postponed(programme)
    await ask(programme, made, "cancel")
    refused = ""
    try:
        async with programme.database.pool.connection() as connection:
            await connection.execute(
                "UPDATE decision_request SET settled_at = now(), settled_by = asked_by,"
                " outcome = 'approved'"
            )
    except Exception as trouble:  # noqa: BLE001 - whichever it is, it must be the check
        refused = str(trouble)
    assert "check constraint" in refused
