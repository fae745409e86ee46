"""Looks through a list for so long and no longer, and says how far it got.

What an index knows comes at once. Where the first question takes too long, the list is walked in
steps of so many transactions, so that a search that is stopped has rows to show and a place to go
on from.
"""

from dataclasses import dataclass
from uuid import UUID

from psycopg.errors import QueryCanceled

from guerdon import clock
from guerdon.db.pool import Database
from guerdon.transactions.lists import pages as lists
from guerdon.transactions.lists.pages import Wanted
from guerdon.transactions.model import Transaction

SECONDS = 2.0
_AT_ONCE_SECONDS = 0.5
_FIRST_STEP, _LARGEST_STEP = 2_000, 50_000


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found. ``stopped``: there may be more; ``reached`` is the last ID looked at, if the
    search came anywhere."""

    found: list[Transaction]
    stopped: bool = False
    reached: UUID | None = None


async def look(database: Database, wanted: Wanted, limit: int, *, oldest_first: bool) -> Looked:
    """Up to ``limit`` transactions from one end of a list."""
    began = clock.monotonic()
    try:
        async with database.read() as tx:
            await lists.bounded(tx, _AT_ONCE_SECONDS)
            return Looked(await lists.page(tx, wanted, limit, oldest_first=oldest_first))
    except QueryCanceled:  # no index knows it: look for it step by step
        until = began + SECONDS
        return await walk(database, wanted, limit, oldest_first=oldest_first, until=until)


async def walk(
    database: Database,
    wanted: Wanted,
    limit: int,
    *,
    oldest_first: bool,
    until: float,
    step: int = _FIRST_STEP,
) -> Looked:
    """The same in growing steps, until a moment of the monotonic clock."""
    found: list[Transaction] = []
    reached: UUID | None = None
    while (left := until - clock.monotonic()) > 0:
        try:
            async with database.read() as tx:
                await lists.bounded(tx, left)
                edge = await lists.reach(tx, wanted, step, oldest_first=oldest_first)
                if edge is None:
                    return Looked(found)
                part = _up_to(wanted, edge, oldest_first=oldest_first)
                found += await lists.page(tx, part, limit - len(found), oldest_first=oldest_first)
        except QueryCanceled:
            break
        if len(found) == limit:
            return Looked(found)
        reached = edge
        wanted = wanted.between(edge if oldest_first else None, None if oldest_first else edge)
        step = min(step * 2, _LARGEST_STEP)
    return Looked(found, stopped=True, reached=reached)


def _up_to(wanted: Wanted, edge: UUID, *, oldest_first: bool) -> Wanted:
    """The part of a list as far as an ID, that one too."""
    if oldest_first:
        return wanted.between(None, UUID(int=edge.int + 1))
    return wanted.between(UUID(int=edge.int - 1), None)
