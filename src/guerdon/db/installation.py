"""What is true of the whole installation."""

from guerdon.db.pool import ReadTx
from guerdon.db.sql import Queries

_Q = Queries("guerdon.db")


async def slots(tx: ReadTx) -> int:
    """The number of slots: a power of two, fixed when the database was made."""
    row = await tx.first(_Q["slots"])
    assert row is not None, "the migration writes this row"
    return int(row.slots)
