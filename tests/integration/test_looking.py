"""Searches that no index answers: walked step by step, stopped in time, gone on with."""

from dataclasses import replace
from uuid import UUID

import psycopg
import pytest
from tests.conftest import Api
from tests.faults.provider import FaultProvider
from tests.faults.redeeming import Redeeming

from guerdon import clock
from guerdon.app import Running
from guerdon.console import looking
from guerdon.db.pool import Database
from guerdon.transactions.lists import pages as lists
from guerdon.transactions.lists.pages import Wanted

SOON = 60.0


@pytest.fixture
async def made(guerdon: Running, redeeming: Redeeming, provider: FaultProvider) -> list[UUID]:
    """Five transactions, the newest first."""
    option = await redeeming.offer(provider)
    found = [await redeeming.redeem(option) for _ in range(5)]
    for one in found:
        await redeeming.until(one, "success")
    return [UUID(one) for one in reversed(found)]


@pytest.mark.parametrize("oldest_first", [False, True])
async def test_steps_find_what_one_question_finds(
    made: list[UUID], database: Database, oldest_first: bool
) -> None:
    until = clock.monotonic() + SOON
    expected = made[::-1] if oldest_first else made
    for limit in (1, 3, 5, 9):
        looked = await looking.walk(
            database, Wanted("1"), limit, oldest_first=oldest_first, until=until, step=2
        )
        assert [t.transaction_id for t in looked.found] == expected[:limit]
        assert not looked.stopped


async def test_a_search_out_of_time_says_how_far_it_came(
    made: list[UUID], database: Database, database_url: str
) -> None:
    nothing = Wanted("1", results=("404",))
    stopped = await looking.walk(database, nothing, 5, oldest_first=False, until=clock.monotonic())
    assert stopped == looking.Looked([], stopped=True)
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        # Who holds the attempts keeps every question about them waiting.
        await connection.execute("LOCK TABLE attempt IN ACCESS EXCLUSIVE MODE")
        until = clock.monotonic() + looking.SECONDS
        looked = await looking.look(database, nothing, 5, oldest_first=False, until=until)
    assert looked == looking.Looked([], stopped=True)
    async with database.read() as tx:
        assert await lists.reach(tx, nothing, 3, oldest_first=False) == made[2]
        assert await lists.reach(tx, nothing, 3, oldest_first=True) == made[-3]
        below = replace(nothing, below=made[2])
        assert await lists.reach(tx, below, 100, oldest_first=False) == made[-1]
        assert (
            await lists.reach(tx, replace(nothing, below=made[-1]), 9, oldest_first=False) is None
        )


async def test_results_actors_and_refused_members(
    made: list[UUID],
    database: Database,
    api: Api,
    redeeming: Redeeming,
    provider: FaultProvider,
) -> None:
    async def count(**asked: object) -> int:
        wanted = replace(Wanted("1"), **asked)
        async with database.read() as tx:
            found = await lists.page(tx, wanted, 50)
            attempts = await lists.last_attempts(tx, [(t.slot, t.transaction_id) for t in found])
            assert all(wanted.matches(t, attempts.get(t.transaction_id)) for t in found)
            every = await lists.page(tx, Wanted("1"), 50)
            attempts = await lists.last_attempts(tx, [(t.slot, t.transaction_id) for t in every])
            matching = [t for t in every if wanted.matches(t, attempts.get(t.transaction_id))]
            assert len(matching) == len(found) == await lists.count(tx, wanted)
        return len(found)

    assert await count(results=("2xx",)) == 5
    assert await count(results=("200", "timed-out")) == 5
    assert await count(results=("5xx",)) == 0
    assert await count(closers=("provider",)) == 5
    assert await count(closers=("operator", "operator:dana@example.com")) == 0
    async with database.read() as tx:
        (first, *_) = await lists.page(tx, Wanted("1"), 1)
    assert await count(refused_member_ids=(first.member_id,)) == 0
    assert await count(refused_member_ids=()) == 5
