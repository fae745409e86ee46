"""An operator adjusts tokens: once, upon what they were shown, and above a price not alone."""

import asyncio

import pytest
from tests.integration.programme import SLOTS, Programme, faults

from guerdon.access.embedding import By
from guerdon.access.rules import store as rules
from guerdon.db.pool import Database
from guerdon.errors import (
    InsufficientTokens,
    MemberNotFound,
    NotOpen,
    NotPermitted,
    PreconditionFailed,
    SecondPersonRequired,
)
from guerdon.redemption import adjustment, enrolment
from guerdon.redemption.adjustment import Adjust
from guerdon.redemption.issuance import Issued
from guerdon.sealing import Sealer
from guerdon.transactions.requests import store as requests
from guerdon.transactions.requests.store import Adjustment

ANN, BEN = "operator:ann@x", "operator:ben@x"


@pytest.fixture
async def programme(database: Database, sealer: Sealer) -> Programme:
    """Ann has 100 tokens; from 50 on two people adjust."""
    made = await Programme.open(database, sealer)
    await made.member("ann", 100)
    async with database.tx() as tx:
        await rules.ask_second_person(tx, "1", 50, By("operator:root@x", None))
    return made


async def wish(
    programme: Programme,
    change: int,
    *,
    by: str = ANN,
    key: str = "k",
    approves: int | None = None,
    behind: int = 0,
) -> Adjust:
    """Wanted by somebody who sees the balance, or one that is ``behind``."""
    async with programme.database.read() as tx:
        _, account = await enrolment.profile(tx, SLOTS, "1", "ann")
    seen = account.member_seq - behind
    return Adjust("1", "ann", change, "Goodwill", seen, key, by, "192.0.2.1", approves)


async def adjust(programme: Programme, work: Adjust) -> Issued:
    async with programme.database.tx() as tx:
        return await adjustment.adjust(tx, SLOTS, work)


async def ask(programme: Programme, work: Adjust) -> None:
    async with programme.database.tx() as tx:
        await adjustment.ask(tx, SLOTS, work)


async def waiting(programme: Programme) -> list[Adjustment]:
    async with programme.database.read() as tx:
        return [one for _, one in await requests.adjustments(tx, "1", 10)]


async def test_the_same_wish_is_posted_once(programme: Programme) -> None:
    work = await wish(programme, 49)
    done = await asyncio.gather(*(adjust(programme, work) for _ in range(4)))
    assert sorted(one.replayed for one in done) == [False, True, True, True]
    assert await programme.tokens("ann") == (149, 0, 0)
    async with programme.database.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT actor, detail FROM audit WHERE action = 'member.adjusted'"
        )
        lines = [tuple(row) for row in await cursor.fetchall()]
    assert lines == [(ANN, {"change": 49, "reason": "Goodwill"})]
    assert await faults(programme.database) == []


async def test_upon_another_balance_than_was_shown_nothing_is_posted(
    programme: Programme,
) -> None:
    work = await wish(programme, -40)
    await programme.issue("ann", 1)
    with pytest.raises(PreconditionFailed):
        await adjust(programme, work)
    with pytest.raises(PreconditionFailed):
        await ask(programme, work)
    assert await programme.tokens("ann") == (101, 0, 0)


async def test_one_asks_and_another_approves(programme: Programme) -> None:
    with pytest.raises(SecondPersonRequired):
        await adjust(programme, await wish(programme, 50))
    with pytest.raises(SecondPersonRequired):
        await adjust(programme, await wish(programme, -50))
    await ask(programme, await wish(programme, 50))
    with pytest.raises(SecondPersonRequired) as twice:
        await ask(programme, await wish(programme, 60, by=BEN))
    assert twice.value.facts == {"askedBy": ANN}
    await programme.issue("ann", 7)  # what was asked for still stands
    with pytest.raises(NotPermitted):
        await adjust(programme, await wish(programme, 50, approves=1))
    with pytest.raises(PreconditionFailed):
        await adjust(programme, await wish(programme, 50, by=BEN, approves=1, behind=1))
    assert await programme.tokens("ann") == (107, 0, 0)
    # What counts is what was asked for, and not what the approval says.
    approval = await wish(programme, 5000, by=BEN, approves=1)
    results = await asyncio.gather(
        *(adjust(programme, approval) for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(one, Issued) for one in results) == 1
    assert all(isinstance(one, Issued | NotOpen) for one in results)
    assert await programme.tokens("ann") == (157, 0, 0)
    assert await waiting(programme) == []
    async with programme.database.pool.connection() as connection:
        cursor = await connection.execute("SELECT outcome, settled_by FROM decision_request")
        assert [tuple(row) for row in await cursor.fetchall()] == [("approved", BEN)]
        cursor = await connection.execute(
            "SELECT actor, action, detail FROM audit WHERE action LIKE 'member.%%' ORDER BY at"
        )
        lines = [tuple(row) for row in await cursor.fetchall()]
    assert lines == [
        (ANN, "member.second-asked", {"change": 50, "reason": "Goodwill"}),
        (BEN, "member.adjusted", {"change": 50, "reason": "Goodwill", "askedBy": ANN}),
    ]
    assert await faults(programme.database) == []


async def test_what_cannot_be_taken_cannot_be_asked_for_and_not_be_approved(
    programme: Programme,
) -> None:
    with pytest.raises(InsufficientTokens):
        await ask(programme, await wish(programme, -101))
    await ask(programme, await wish(programme, -100))
    await programme.issue("ann", 1, charge=True)
    with pytest.raises(InsufficientTokens):
        await adjust(programme, await wish(programme, -100, by=BEN, approves=1))
    assert [one.change for one in await waiting(programme)] == [-100]
    assert await programme.tokens("ann") == (99, 0, 0)


async def test_declined_and_asked_anew(programme: Programme) -> None:
    await ask(programme, await wish(programme, 50))
    async with programme.database.tx() as tx:
        await adjustment.decline(tx, SLOTS, "1", "ann", 1, BEN, None)
    with pytest.raises(NotOpen):
        async with programme.database.tx() as tx:
            await adjustment.decline(tx, SLOTS, "1", "ann", 1, BEN, None)
    with pytest.raises(NotOpen):
        await adjust(programme, await wish(programme, 50, by=BEN, approves=1))
    await ask(programme, await wish(programme, 70, by=BEN))
    assert [(one.n, one.change) for one in await waiting(programme)] == [(2, 70)]
    assert await programme.tokens("ann") == (100, 0, 0)


async def test_erasure_voids_what_waits(programme: Programme, sealer: Sealer) -> None:
    await ask(programme, await wish(programme, 50))
    approval = await wish(programme, 50, by=BEN, approves=1)
    async with programme.database.tx() as tx:
        await enrolment.erase(tx, SLOTS, sealer, "1", "ann", "erasure")
    assert await waiting(programme) == []
    with pytest.raises(MemberNotFound):
        await adjust(programme, approval)


async def test_the_api_credits_as_before(programme: Programme) -> None:
    await programme.issue("ann", 1000)
    assert await programme.tokens("ann") == (1100, 0, 0)
