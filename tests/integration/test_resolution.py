"""Cases are closed once, in a lawful way; corrections are postings of their own, at most one."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest
from tests.integration.programme import SLOTS, Programme, faults, judged

from guerdon.db.pool import Database
from guerdon.errors import (
    AlreadyFinal,
    GuerdonError,
    InsufficientTokens,
    MemberErased,
    NotOffered,
    NotOpen,
    TransactionNotFound,
)
from guerdon.redemption import enrolment
from guerdon.redemption.resolution import Resolved
from guerdon.sealing import Sealer
from guerdon.transactions.cases.store import Choice
from guerdon.transactions.states import News, Status


@pytest.fixture
async def programme(database: Database, sealer: Sealer) -> Programme:
    made = await Programme.open(database, sealer)
    await made.member("ann", 100)
    return made


async def concluded(programme: Programme, news: News) -> UUID:
    """A redemption of 30 tokens that is closed, and contradicted."""
    made = await programme.redeem("ann")
    n = await programme.claim(made)
    await programme.hear(programme.ended(made, n, judged(status=201)))
    await programme.hear(programme.callback(made, news))
    other = News.FAILED if news is News.SUCCEEDED else News.SUCCEEDED
    with pytest.raises(AlreadyFinal):
        await programme.hear(programme.callback(made, other))
    return made


async def test_a_success_that_was_none_is_granted_again(programme: Programme) -> None:
    made = await concluded(programme, News.SUCCEEDED)
    assert await programme.tokens("ann") == (70, 0, 30)
    done = await programme.resolve(made, "grant")
    assert (done.case.choice, done.case.closed_by) == ("grant", "operator:ann@x")
    assert await programme.tokens("ann") == (100, 0, 30)
    t = await programme.transaction(made)
    assert (t.status, t.closed_by, t.conflict) == (Status.SUCCESS, "provider", True)
    assert (await programme.events(made))[-2:] == ["tokens.corrected", "case.closed"]
    assert (await programme.statement("ann"))[-1] == ("adjust", 30)
    assert await faults(programme.database) == []


async def test_a_failure_that_was_none_is_charged_again(programme: Programme) -> None:
    made = await concluded(programme, News.FAILED)
    await programme.resolve(made, "charge")
    assert await programme.tokens("ann") == (70, 0, 0)
    assert (await programme.transaction(made)).status is Status.FAILURE
    assert await faults(programme.database) == []


async def test_never_below_zero_and_then_nothing_has_happened(programme: Programme) -> None:
    made = await concluded(programme, News.FAILED)
    await programme.issue("ann", 80, charge=True)
    before = await programme.events(made)
    with pytest.raises(InsufficientTokens):
        await programme.resolve(made, "charge")
    assert await programme.tokens("ann") == (20, 0, 0)
    assert await programme.events(made) == before
    case = await programme.case(made)
    assert case is not None
    assert case.closed_at is None
    await programme.resolve(made, "leave")
    assert await programme.tokens("ann") == (20, 0, 0)
    assert await faults(programme.database) == []


@pytest.mark.parametrize(("news", "choice"), [(News.SUCCEEDED, "charge"), (News.FAILED, "grant")])
async def test_what_would_double_the_mistake_is_not_offered(
    programme: Programme, news: News, choice: Choice
) -> None:
    made = await concluded(programme, news)
    with pytest.raises(NotOffered):
        await programme.resolve(made, choice)


@pytest.mark.parametrize("choice", ["grant", "leave"])
async def test_asked_many_times_at_once_it_happens_once(
    programme: Programme, choice: Choice
) -> None:
    made = await concluded(programme, News.SUCCEEDED)
    results = await asyncio.gather(
        *(programme.resolve(made, choice) for _ in range(6)), return_exceptions=True
    )
    assert sum(isinstance(one, Resolved) for one in results) == 1
    late = [one for one in results if isinstance(one, NotOpen)]
    assert len(late) == 5
    assert {one.facts["closedBy"] for one in late} == {"operator:ann@x"}
    assert await programme.tokens("ann") == (100 if choice == "grant" else 70, 0, 30)
    async with programme.database.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT detail, address FROM audit WHERE action = 'case.closed'"
        )
        (line,) = await cursor.fetchall()
    assert line.detail["choice"] == choice
    assert line.detail["reason"] == "because"
    assert line.address == "192.0.2.1"


async def test_new_news_opens_it_again_and_tokens_move_no_second_time(
    programme: Programme,
) -> None:
    made = await concluded(programme, News.SUCCEEDED)
    await programme.resolve(made, "grant")
    with pytest.raises(AlreadyFinal):  # the same, said again: nothing new
        await programme.hear(programme.callback(made, News.FAILED))
    case = await programme.case(made)
    assert case is not None
    assert case.closed_at is not None
    opened = await programme.complain("ann", made)
    assert (opened.closed_at, opened.choice, opened.message) == (None, None, "?")
    with pytest.raises(NotOffered):
        await programme.resolve(made, "grant")
    await programme.resolve(made, "leave")
    assert await programme.tokens("ann") == (100, 0, 30)
    assert await faults(programme.database) == []


async def test_a_complaint_of_an_open_one_can_only_be_left(programme: Programme) -> None:
    made = await programme.redeem("ann")
    n = await programme.claim(made)
    await programme.hear(programme.ended(made, n, judged(status=201)))
    await programme.complain("ann", made)
    for choice in ("grant", "charge"):
        with pytest.raises(NotOffered):
            await programme.resolve(made, choice)
    await programme.resolve(made, "leave")
    assert (await programme.transaction(made)).status is Status.POSTPONED
    assert await faults(programme.database) == []


async def test_what_has_no_case_and_what_is_elsewhere(programme: Programme) -> None:
    made = await programme.redeem("ann")
    with pytest.raises(NotOpen):
        await programme.resolve(made, "leave")
    other = await concluded(programme, News.SUCCEEDED)
    with pytest.raises(TransactionNotFound):
        await replace(programme, namespace="2").resolve(other, "leave")


async def test_an_erased_member_gets_nothing(programme: Programme, sealer: Sealer) -> None:
    made = await concluded(programme, News.SUCCEEDED)
    async with programme.database.tx() as tx:
        await enrolment.erase(tx, SLOTS, sealer, programme.namespace, "ann", "erasure")
    with pytest.raises(MemberErased):
        await programme.resolve(made, "grant")
    await programme.resolve(made, "leave")
    assert await faults(programme.database) == []


async def test_the_ledger_itself_refuses_a_second_correction(
    programme: Programme, database_url: str
) -> None:
    made = await concluded(programme, News.SUCCEEDED)
    await programme.resolve(made, "grant")
    refused: GuerdonError | Exception | None = None
    try:
        async with programme.database.pool.connection() as connection:
            await connection.execute(
                "INSERT INTO posting SELECT slot, cause_id, leg, namespace, member_id,"
                " member_seq + 1, movement, from_account, to_account, amount, available_after,"
                " held_after, at, reason, hash FROM posting WHERE cause_id = %s AND leg = 2",
                (made,),
            )
    except Exception as trouble:  # noqa: BLE001 - whichever it is, it must be the key
        refused = trouble
    assert "posting_pkey" in str(refused)
