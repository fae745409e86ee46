"""One member's transactions, and the cases they open about them: "I did not get it"."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from guerdon.db.pool import ReadTx, Tx
from guerdon.db.sql import Queries
from guerdon.ids import LAST_ID
from guerdon.transactions.model import Transaction
from guerdon.transactions.store import from_row

_Q = Queries("guerdon.transactions.histories")


@dataclass(frozen=True, slots=True)
class Case:
    """A member says that a reward did not come. ``message`` is theirs, and goes with erasure."""

    transaction_id: UUID
    opened_at: datetime
    message: str | None


async def page(
    tx: ReadTx,
    slot: int,
    member_id: UUID,
    limit: int,
    *,
    below: UUID = LAST_ID,
    open_only: bool = False,
) -> list[Transaction]:
    """Up to ``limit`` of a member's transactions before an ID, newest first."""
    where = {"slot": slot, "member_id": member_id, "below": below, "open": open_only}
    rows = await tx.all(_Q["of_member"], {**where, "limit": limit})
    return [from_row(row) for row in rows]


async def nth_use(
    tx: ReadTx, slot: int, member_id: UUID, option_name: UUID, n: int
) -> datetime | None:
    """When the member's n-th newest use of an option was, counted from 1; failures are none."""
    row = await tx.first(
        _Q["nth_use"],
        {"slot": slot, "member_id": member_id, "option_name": option_name, "skipped": n - 1},
    )
    return None if row is None else row.created_at


async def open_case(tx: Tx, t: Transaction, message: str | None) -> bool:
    """Opens the case of a transaction; answers whether there was none yet."""
    where = {"slot": t.slot, "id": t.transaction_id}
    opened = await tx.run(_Q["open_case"], {**where, "namespace": t.namespace, "at": tx.at})
    if opened and message is not None:
        await tx.run(_Q["keep_words"], {**where, "content": message.encode()})
    return opened > 0


async def cases(tx: ReadTx, slot: int, ids: Collection[UUID]) -> dict[UUID, Case]:
    """The cases of some transactions of one slot."""
    if not ids:
        return {}
    rows = await tx.all(_Q["cases_of"], {"slot": slot, "ids": list(ids)})
    return {
        row.transaction_id: Case(
            row.transaction_id,
            row.opened_at,
            None if row.content is None else bytes(row.content).decode(),
        )
        for row in rows
    }
