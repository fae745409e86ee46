"""Looks through a list for so long and no longer, and says how far it got.

What an index knows comes at once. Where the first question takes too long, the list is walked in
steps of so many transactions, so that a search that is stopped has rows to show and a place to go
on from. What the database cannot be asked for is sieved out of the list's pages, so long as well.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg.errors import QueryCanceled

from guerdon import clock
from guerdon.db.pool import Database, ReadTx
from guerdon.transactions.lists import pages as lists
from guerdon.transactions.lists.pages import Wanted
from guerdon.transactions.model import Transaction

SECONDS = 2.0
_AT_ONCE_SECONDS = 0.5
_FIRST_STEP, _LARGEST_STEP = 2_000, 50_000
_SIEVED = 500
Sieve = Callable[[ReadTx, Sequence[Transaction]], Awaitable[list[Transaction]]]


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found. ``stopped``: there may be more; ``reached`` is the last ID looked at, if the
    search came anywhere."""

    found: list[Transaction]
    stopped: bool = False
    reached: UUID | None = None


async def look(
    database: Database, wanted: Wanted, limit: int, *, oldest_first: bool, until: float
) -> Looked:
    """Up to ``limit`` transactions from one end of a list; ``until``: by the monotonic clock."""
    try:
        async with database.read() as tx:
            await lists.bounded(tx, min(_AT_ONCE_SECONDS, until - clock.monotonic()))
            return Looked(await lists.page(tx, wanted, limit, oldest_first=oldest_first))
    except QueryCanceled:  # no index knows it: look for it step by step
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


async def sift(
    database: Database,
    wanted: Wanted,
    limit: int,
    sieve: Sieve,
    *,
    oldest_first: bool,
    until: float,
    step: int = _SIEVED,
) -> Looked:
    """Up to ``limit`` transactions of a list that a sieve keeps."""
    kept: list[Transaction] = []
    reached: UUID | None = None
    while (left := until - clock.monotonic()) > 0:
        looked = await look(database, wanted, step, oldest_first=oldest_first, until=until)
        try:
            async with database.read() as tx:
                await lists.bounded(tx, left)
                kept += await sieve(tx, looked.found)
        except QueryCanceled:
            break
        if len(kept) >= limit:
            return Looked(kept[:limit])
        if looked.stopped:
            return Looked(kept, stopped=True, reached=looked.reached or reached)
        if len(looked.found) < step:
            return Looked(kept)
        reached = looked.found[-1].transaction_id
        wanted = wanted.between(
            reached if oldest_first else None, None if oldest_first else reached
        )
    return Looked(kept, stopped=True, reached=reached)


def _up_to(wanted: Wanted, edge: UUID, *, oldest_first: bool) -> Wanted:
    """The part of a list as far as an ID, that one too."""
    if oldest_first:
        return wanted.between(None, UUID(int=edge.int + 1))
    return wanted.between(UUID(int=edge.int - 1), None)
