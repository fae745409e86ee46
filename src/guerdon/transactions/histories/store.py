"""One member's transactions."""

from datetime import datetime
from uuid import UUID

from guerdon.db.pool import ReadTx
from guerdon.db.sql import Queries
from guerdon.ids import LAST_ID
from guerdon.transactions.model import Transaction
from guerdon.transactions.store import from_row

_Q = Queries("guerdon.transactions.histories")


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
