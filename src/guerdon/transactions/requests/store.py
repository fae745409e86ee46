"""What one operator asked for and another must approve, as rows; at most one a transaction, and one
a member."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from guerdon.db.pool import ReadTx, Tx
from guerdon.db.sql import Queries
from guerdon.transactions.model import Transaction

_Q = Queries("guerdon.transactions.requests")

Wish = Literal["confirm", "cancel", "grant", "charge"]
Outcome = Literal["approved", "declined", "void"]


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody's wish that another person decides about, with its number among those of the same
    transaction or member."""

    n: int
    reason: str | None
    asked_by: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Request(Asked):
    """A wish about a transaction. It stands only while its transaction was not touched since: what
    was decided upon is then no longer what is there."""

    transaction_id: UUID
    choice: Wish
    standing_at: datetime

    @property
    def about(self) -> UUID:
        return self.transaction_id

    def stands(self, t: Transaction) -> bool:
        """Whether it still is about the transaction as it is."""
        return self.standing_at == t.updated_at

    def still_asks(self, choice: Wish, t: Transaction) -> bool:
        """Whether it stands and asks for just this."""
        return self.choice == choice and self.stands(t)


@dataclass(frozen=True, slots=True)
class Adjustment(Asked):
    """A wish to credit tokens to a member (``change`` above 0) or to take them away. It stands
    until it is settled: whoever approves is shown what it does to the balance by then."""

    member_id: UUID
    change: int

    @property
    def about(self) -> UUID:
        return self.member_id


async def unsettled(tx: ReadTx, slot: int, ids: Collection[UUID]) -> dict[UUID, Request]:
    """What was asked for some transactions of one slot, whether it still stands or not."""
    if not ids:
        return {}
    rows = await tx.all(_Q["unsettled"], {"slot": slot, "ids": list(ids)})
    return {row.transaction_id: Request(*row) for row in rows}


async def of_member(tx: ReadTx, slot: int, member_id: UUID) -> Adjustment | None:
    """The adjustment of a member's tokens that waits, if one does."""
    row = await tx.first(_Q["of_member"], {"slot": slot, "id": member_id})
    return None if row is None else Adjustment(*row)


async def adjustments(tx: ReadTx, namespace: str, limit: int) -> list[tuple[int, Adjustment]]:
    """The adjustments that wait in a programme, the oldest first, each with its slot."""
    rows = await tx.all(_Q["adjustments"], {"namespace": namespace, "limit": limit})
    return [(row.slot, Adjustment(*row[:-1])) for row in rows]


async def waiting(tx: ReadTx, found: Collection[Transaction]) -> dict[UUID, Request]:
    """What is asked for of transactions that come from a page, as far as it still stands."""
    where = {"slots": [t.slot for t in found], "ids": [t.transaction_id for t in found]}
    known = {t.transaction_id: t for t in found}
    asked = [Request(*row) for row in await tx.all(_Q["waiting"], where)]
    return {one.transaction_id: one for one in asked if one.stands(known[one.transaction_id])}


async def add(tx: Tx, t: Transaction, choice: Wish, reason: str | None, asked_by: str) -> None:
    """One more, about a transaction under lock."""
    await tx.run(
        _Q["add"],
        {
            "slot": t.slot,
            "id": t.transaction_id,
            "namespace": t.namespace,
            "choice": choice,
            "reason": reason,
            "asked_by": asked_by,
            "at": tx.at,
            "standing_at": t.updated_at,
        },
    )


async def add_adjustment(
    tx: Tx, slot: int, namespace: str, member_id: UUID, change: int, reason: str, asked_by: str
) -> None:
    """One more, about a member whose accounts are under lock."""
    await tx.run(
        _Q["add_adjustment"],
        {
            "slot": slot,
            "id": member_id,
            "namespace": namespace,
            "change": change,
            "reason": reason,
            "asked_by": asked_by,
            "at": tx.at,
        },
    )


async def settle(tx: Tx, slot: int, asked: Request | Adjustment, by: str, outcome: Outcome) -> bool:
    """Says how it ended; answers whether nobody had before."""
    where = {"slot": slot, "id": asked.about, "n": asked.n}
    return await tx.run(_Q["settle"], {**where, "at": tx.at, "by": by, "outcome": outcome}) > 0
