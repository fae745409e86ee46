"""What one operator asked for and another must approve, as rows; at most one a transaction."""

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
class Request:
    """Somebody's wish that another person decides about. It stands only while its transaction was
    not touched since: what was decided upon is then no longer what is there."""

    transaction_id: UUID
    n: int
    choice: Wish
    reason: str | None
    asked_by: str
    asked_at: datetime
    standing_at: datetime

    def stands(self, t: Transaction) -> bool:
        """Whether it still is about the transaction as it is."""
        return self.standing_at == t.updated_at


async def unsettled(tx: ReadTx, slot: int, ids: Collection[UUID]) -> dict[UUID, Request]:
    """What was asked for some transactions of one slot, whether it still stands or not."""
    if not ids:
        return {}
    rows = await tx.all(_Q["unsettled"], {"slot": slot, "ids": list(ids)})
    return {row.transaction_id: Request(*row) for row in rows}


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


async def settle(tx: Tx, slot: int, request: Request, by: str, outcome: Outcome) -> bool:
    """Says how it ended; answers whether nobody had before."""
    where = {"slot": slot, "id": request.transaction_id, "n": request.n}
    return await tx.run(_Q["settle"], {**where, "at": tx.at, "by": by, "outcome": outcome}) > 0
