"""Transactions of any moment, put into the database as verbs do it; and their hours counted."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from guerdon import ids
from guerdon.db.pool import Database
from guerdon.transactions import store as transactions
from guerdon.transactions.hours import store as hours
from guerdon.transactions.hours.store import FIRST_HOUR
from guerdon.transactions.model import Transaction
from guerdon.transactions.states import CLOSED, Status
from guerdon.transactions.store import Move

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SLOT = 1


def pending(at: datetime, namespace: str = "1", **fields: Any) -> Transaction:
    """A transaction that is opened at a moment."""
    made = Transaction(
        slot=SLOT,
        transaction_id=ids.new_id(SLOT, at),
        namespace=namespace,
        member_id=ids.random_id(),
        option_name=ids.random_id(),
        option_version=1,
        option_title="Coffee",
        provider_id=ids.random_id(),
        type="digital",
        price=5,
        currency=None,
        currency_amount=None,
        conversion_rate=None,
        origin="api",
        status=Status.PENDING,
        events=2,
        dirty=False,
        conflict=False,
        open_reason=None,
        due_at=None,
        next_ask_at=None,
        asked=0,
        reference=None,
        created_at=at,
        updated_at=at,
        closed_at=None,
        closed_by=None,
    )
    return replace(made, **fields)


async def opened(
    database: Database, at: datetime, count: int = 1, **fields: Any
) -> list[Transaction]:
    """So many transactions of one moment."""
    made = [pending(at, **fields) for _ in range(count)]
    async with database.tx() as tx:
        await transactions.add(tx, SLOT, at, made)
    return made


async def becomes(database: Database, status: Status, *moved: Transaction) -> None:
    """Their new status, saved as a verb saves it."""
    async with database.tx() as tx:
        moves = []
        for t in moved:
            was, t.status = t.status, status
            t.closed_at, t.closed_by = (
                (t.created_at, "provider") if status in CLOSED else (None,) * 2
            )
            moves.append(Move(was, t))
        await transactions.save(tx, SLOT, moves)


async def count_all(database: Database, most: int = 1000) -> list[hours.Turn]:
    """Turns of counting until a round is over."""
    turns = []
    async with database.tx() as tx:
        await hours.begin_counting(tx)
    while not turns or turns[-1].start != FIRST_HOUR:
        async with database.tx() as tx:
            turn = await hours.count_on(tx, most, checks=True)
        if turn is None:  # nothing was ever redeemed
            break
        turns.append(turn)
    return turns
