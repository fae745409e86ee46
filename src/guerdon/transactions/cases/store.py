"""Cases: what people look at again, one a transaction, until somebody closes it.

A member says that a reward did not come, or news contradicts what was concluded. What is new opens
a closed case again; that a case is closed, by whom and how stands in the history as well.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from guerdon.db.pool import ReadTx, Row, Tx
from guerdon.db.sql import Queries
from guerdon.ids import FIRST_ID, LAST_ID
from guerdon.transactions.model import Transaction
from guerdon.transactions.retention import store as retention

_Q = Queries("guerdon.transactions.cases")

Choice = Literal["leave", "grant", "charge"]


@dataclass(frozen=True, slots=True)
class Case:
    """Why it is there, and how it was closed, if it was. ``message`` is the member's own, and goes
    with erasure."""

    transaction_id: UUID
    opened_at: datetime
    complained_at: datetime | None
    contradicted_at: datetime | None
    closed_at: datetime | None
    closed_by: str | None
    choice: Choice | None
    message: str | None = None


async def complain(tx: Tx, t: Transaction, message: str | None) -> bool:
    """A member says that it did not come; answers whether they had not said so before."""
    where = {"slot": t.slot, "id": t.transaction_id}
    new = await tx.run(_Q["complain"], {**where, "namespace": t.namespace, "at": tx.at})
    if new and message is not None:
        await tx.run(_Q["keep_words"], {**where, "content": message.encode()})
        await retention.written_to(tx, t)
    return new > 0


async def contradict(tx: Tx, slot: int, contradicted: Sequence[Transaction]) -> None:
    """News contradicted these."""
    if contradicted:
        await tx.execute(
            _Q["contradict"],
            {
                "slot": slot,
                "at": tx.at,
                "ids": [t.transaction_id for t in contradicted],
                "namespaces": [t.namespace for t in contradicted],
            },
        )


async def close(tx: Tx, t: Transaction, by: str, choice: Choice) -> bool:
    """Closes the case of a transaction; answers whether it was open."""
    where = {"slot": t.slot, "id": t.transaction_id}
    return await tx.run(_Q["close"], {**where, "at": tx.at, "by": by, "choice": choice}) > 0


async def of(tx: ReadTx, slot: int, ids: Collection[UUID]) -> dict[UUID, Case]:
    """The cases of some transactions of one slot, with what members wrote."""
    if not ids:
        return {}
    rows = await tx.all(_Q["cases_of"], {"slot": slot, "ids": list(ids)})
    return {row.transaction_id: _with_words(row) for row in rows}


def _with_words(row: Row) -> Case:
    words = None if row.content is None else bytes(row.content).decode()
    return replace(Case(*row[:-1]), message=words)


async def open_ones(
    tx: ReadTx, namespace: str, limit: int, *, above: UUID = FIRST_ID
) -> list[tuple[int, Case]]:
    """(slot, case) of what is open, the oldest redemption first."""
    where = {"namespace": namespace, "above": above, "limit": limit}
    return [(row.slot, Case(*row[1:])) for row in await tx.all(_Q["open"], where)]


async def closed_ones(
    tx: ReadTx, namespace: str, limit: int, *, below: UUID = LAST_ID
) -> list[tuple[int, Case]]:
    """(slot, case) of what is closed, the newest redemption first."""
    where = {"namespace": namespace, "below": below, "limit": limit}
    return [(row.slot, Case(*row[1:])) for row in await tx.all(_Q["closed"], where)]


async def count_open(tx: ReadTx, namespace: str, most: int) -> int:
    """How many are open; one more than ``most`` stands for more."""
    row = await tx.first(_Q["count_open"], {"namespace": namespace, "limit": most + 1})
    return 0 if row is None else int(row.found)
