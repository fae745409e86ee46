"""What was sent, answered and said about the transactions of a page, to be searched for a text."""

from collections.abc import Sequence
from uuid import UUID

from guerdon.db.pool import ReadTx, Row
from guerdon.db.sql import Queries
from guerdon.transactions.model import Transaction

_Q = Queries("guerdon.transactions.payloads")


async def holding(tx: ReadTx, found: Sequence[Transaction], text: str) -> list[tuple[UUID, str]]:
    """The requests and the events' payloads that have a text in them, whatever its case, as they
    are stored: what is personal in them is not masked."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    rows = await tx.all(_Q["holding"], {**_keys(found), "pattern": f"%{escaped}%"})
    return [(row.transaction_id, row.text) for row in rows]


async def replies(tx: ReadTx, found: Sequence[Transaction]) -> list[Row]:
    """(transaction_id, part, content) of every reply, sealed."""
    return await tx.all(_Q["replies"], _keys(found))


def _keys(found: Sequence[Transaction]) -> dict[str, object]:
    return {"slots": [t.slot for t in found], "ids": [t.transaction_id for t in found]}
