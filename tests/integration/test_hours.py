"""The figures by hour are what the transactions say: as they change, once folded, counted anew."""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from tests.conftest import LOOPBACK
from tests.faults.redeeming import eventually
from tests.integration.hour_parts import NOON, SLOT, becomes, count_all, opened, pending

from guerdon import app
from guerdon.db.pool import Database
from guerdon.redemption import audit
from guerdon.redemption.audit import Fault
from guerdon.sealing import Sealer
from guerdon.transactions import store as transactions
from guerdon.transactions.hours import store as hours
from guerdon.transactions.hours.store import FIRST_HOUR, HOUR, LAST_HOUR
from guerdon.transactions.model import Transaction
from guerdon.transactions.states import CLOSED, Status
from guerdon.transactions.store import Move


async def fold(database: Database, limit: int = 1000) -> int:
    async with database.tx() as tx:
        return await hours.fold(tx, limit)


async def figures(database: Database) -> dict[tuple[datetime, str], int]:
    """Every hour of the programme that is not nothing."""
    async with database.read() as tx:
        rows = await hours.bars(tx, "1", FIRST_HOUR, LAST_HOUR, 3600)
    return {(FIRST_HOUR + HOUR * row.bar, row.status): row.found for row in rows}


async def counted(database_url: str) -> dict[tuple[datetime, str], int]:
    """The same of the transactions themselves."""
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        rows = await connection.execute("SELECT created_at, status FROM transaction")
        found = Counter(
            (hours.hour_of(at.astimezone(UTC)), status) for at, status in await rows.fetchall()
        )
    return dict(found)


async def faults(database: Database) -> list[Fault]:
    """What a proof finds wrong with the hours."""
    found: list[Fault] = []
    await audit.prove(database, 2, found.append, lambda _: None)
    return [fault for fault in found if " hour " in fault.where]


async def forget_hours(database_url: str) -> None:
    """As if the database had been there before hours were kept."""
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute(
            "TRUNCATE transaction_hour, transaction_hour_change, transaction_hour_count"
        )


@pytest.mark.parametrize("seed", range(3))
async def test_hours_say_what_the_transactions_say(
    database: Database, database_url: str, seed: int
) -> None:
    chance = random.Random(seed)
    everything: list[Transaction] = []
    for _ in range(30):
        match chance.choice(["open", "move", "move", "fold", "count"]):
            case "open":
                at = NOON + timedelta(minutes=chance.randrange(600))
                everything += await opened(database, at, chance.randrange(1, 5))
            case "move":
                status = chance.choice([s for s in Status if s is not Status.PENDING])
                moved = [t for t in everything if t.status not in CLOSED and chance.random() < 0.5]
                await becomes(database, status, *moved)
            case "fold":
                await fold(database, chance.randrange(1, 5))
            case "count":
                await count_all(database, chance.randrange(1, 9))
        assert await figures(database) == await counted(database_url)
    while await fold(database, 3):
        assert await figures(database) == await counted(database_url)


async def test_a_late_change_moves_the_hour_it_was_made_in(database: Database) -> None:
    [t] = await opened(database, NOON)
    await fold(database)
    await becomes(database, Status.POSTPONED, t)
    await fold(database)
    await becomes(database, Status.SUCCESS, t)
    assert await figures(database) == {(NOON, "success"): 1}


async def test_what_was_there_before_is_counted_in_turns_from_the_newest_hour_down(
    database: Database, database_url: str
) -> None:
    made = [
        t for n in range(12) for t in await opened(database, NOON + HOUR * (n * n), count=n % 4 + 1)
    ]
    await forget_hours(database_url)
    async with database.read() as tx:
        assert await hours.whole_from(tx, "1") is None
    async with database.tx() as tx:
        await hours.begin_counting(tx)
    before = LAST_HOUR
    for late in reversed(made):
        # News of old transactions goes on meanwhile, also of those whose hour comes later.
        await becomes(database, Status.SUCCESS, late)
        async with database.tx() as tx:
            turn = await hours.count_on(tx, 5)
        if turn is None:
            break
        async with database.read() as tx:
            whole = await hours.whole_from(tx, "1")
        assert whole is not None
        assert whole < before, "each turn comes further"
        before = whole
        truth = {key: n for key, n in (await counted(database_url)).items() if key[0] >= whole}
        told = {key: n for key, n in (await figures(database)).items() if key[0] >= whole}
        assert told == truth, "what is whole can be relied on at once"
        assert await faults(database) == []
    assert before == FIRST_HOUR
    assert await figures(database) == await counted(database_url)


async def test_an_hour_too_large_for_one_turn_is_counted_all_the_same(
    database: Database, database_url: str
) -> None:
    await opened(database, NOON, 9)
    await opened(database, NOON + HOUR, 9)
    await forget_hours(database_url)
    turns = await count_all(database, 4)
    assert [turn.start for turn in turns] == [NOON + HOUR * 2, NOON + HOUR, NOON, FIRST_HOUR]
    assert await figures(database) == {(NOON, "pending"): 9, (NOON + HOUR, "pending"): 9}


async def test_a_figure_that_was_changed_by_hand_is_named_and_corrected(
    database: Database, database_url: str
) -> None:
    await opened(database, NOON, 3)
    await count_all(database)
    await fold(database)
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute("UPDATE transaction_hour SET found = 7")
        await connection.execute(
            "INSERT INTO transaction_hour VALUES ('1', '2020-01-01T00:00Z', 'success', 1)"
        )
    assert await faults(database) == [
        Fault("namespace 1 hour 2020-01-01T00:00Z", "says 1 success, there are 0"),
        Fault("namespace 1 hour 2026-03-02T12:00Z", "says 7 pending, there are 3"),
    ]
    [turn] = await count_all(database)
    assert len(turn.differed) == 2
    assert await faults(database) == []


async def test_counting_beside_a_change_that_is_not_committed_counts_it_once(
    database: Database, database_url: str
) -> None:
    [t] = await opened(database, NOON)
    await forget_hours(database_url)
    async with database.tx() as uncommitted:
        t.status = Status.POSTPONED
        await transactions.save(uncommitted, SLOT, [Move(Status.PENDING, t)])
        fresh = pending(NOON)
        await transactions.add(uncommitted, SLOT, NOON, [fresh])
        await count_all(database)
        assert await figures(database) == {(NOON, "pending"): 1}
    assert await figures(database) == {(NOON, "pending"): 1, (NOON, "postponed"): 1}


async def test_many_fold_and_count_at_once_and_nothing_is_lost_or_doubled(
    database: Database, database_url: str
) -> None:
    for n in range(20):
        made = await opened(database, NOON + HOUR * (n % 3), 2)
        await becomes(database, Status.SUCCESS, *made)
    async with database.tx() as tx:
        await hours.begin_counting(tx)

    async def count() -> None:
        async with database.tx() as tx:
            await hours.count_on(tx, 7)

    await asyncio.gather(*(step for _ in range(6) for step in (fold(database, 5), count())))
    assert await figures(database) == await counted(database_url)
    assert sum((await figures(database)).values()) == 40


async def test_programmes_are_told_apart(database: Database) -> None:
    async with database.tx() as tx:
        await transactions.add(tx, SLOT, NOON, [pending(NOON), pending(NOON, "2")])
        await hours.begin_counting(tx)
        assert [name for name, _ in await hours.programmes(tx)] == ["1", "2"]
    assert await figures(database) == {(NOON, "pending"): 1}


async def test_a_delivering_process_keeps_the_hours(
    database: Database, database_url: str, sealer: Sealer
) -> None:
    await opened(database, NOON, 3)
    await forget_hours(database_url)

    async def kept() -> bool:
        async with database.read() as tx:
            whole = await hours.whole_from(tx, "1")
        folded = await fold(database) == 0
        return whole == FIRST_HOUR and folded

    async with app.running(database, sealer, LOOPBACK):
        await eventually(kept)
    assert await figures(database) == {(NOON, "pending"): 3}
