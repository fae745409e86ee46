"""The list as CSV: of one moment, and in constant memory."""

import tracemalloc
from uuid import UUID

from tests.integration.programme import Programme, request

from guerdon import ids
from guerdon.amount import MAX_TOKENS
from guerdon.api import selection
from guerdon.db.pool import Database
from guerdon.redemption.request import Accepted
from guerdon.sealing import Sealer
from guerdon.transactions.states import News
from guerdon.transactions.store import Filter

ALL = Filter("1", None, None, None, None, ids.FIRST_ID, ids.LAST_ID)


async def redeemed(programme: Programme, amount: int) -> list[str]:
    """Accepted redemptions of ann's, oldest first."""
    made: list[str] = []
    while amount > len(made):
        works = [
            request("1", programme.option.name, "ann") for _ in range(min(1000, amount - len(made)))
        ]
        for accepted in await programme.redeem_many(works):
            assert isinstance(accepted, Accepted)
            made.append(str(accepted.transaction.transaction_id))
    return made


async def test_an_export_is_of_one_moment(database: Database, sealer: Sealer) -> None:
    """What is accepted or decided while it goes on is not in it."""
    programme = await Programme.open(database, sealer)
    await programme.member("ann", MAX_TOKENS)
    made = await redeemed(programme, 1200)
    exported = selection.csv_lines(database, ALL)
    await anext(exported)
    rows = (await anext(exported)).splitlines()
    await redeemed(programme, 3)
    await programme.hear(programme.callback(UUID(made[0]), News.SUCCEEDED))
    async for group in exported:
        rows += group.splitlines()
    told = [row.split(",") for row in rows]
    assert sorted(row[0] for row in told) == sorted(made)
    assert {row[4] for row in told} == {"pending"}


async def test_an_export_takes_no_more_memory_for_more_rows(
    database: Database, sealer: Sealer
) -> None:
    programme = await Programme.open(database, sealer)
    await programme.member("ann", MAX_TOKENS)
    peaks = []
    for size in (3000, 9000):
        await redeemed(programme, size)
        tracemalloc.start()
        async for _ in selection.csv_lines(database, ALL):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5, peaks
