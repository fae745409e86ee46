"""What operators note about a member: it stays as it was written, until the member is erased."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from guerdon.db.pool import ReadTx, Tx
from guerdon.db.sql import Queries
from guerdon.members.model import Member

_Q = Queries("guerdon.members.notes")
_ALL = 32_767


@dataclass(frozen=True, slots=True)
class Note:
    """One note."""

    n: int
    author: str
    at: datetime
    text: str


async def add(tx: Tx, member: Member, author: str, text: str) -> int:
    """Writes a note about a member under lock; answers its number."""
    note = {"slot": member.slot, "id": member.member_id, "author": author, "at": tx.at}
    row = await tx.first(_Q["add"], {**note, "text": text})
    assert row is not None, "an INSERT of one row returns it"
    return int(row.n)


async def newest(
    tx: ReadTx, slot: int, member_id: UUID, limit: int, below: int | None = None
) -> list[Note]:
    """The newest notes of a member, or those before a number."""
    span = {"slot": slot, "id": member_id, "limit": limit, "below": below or _ALL}
    return [Note(*row) for row in await tx.all(_Q["newest"], span)]


async def remove(tx: Tx, slot: int, member_id: UUID) -> None:
    """Removes every note of a member: they are being erased."""
    await tx.run(_Q["remove"], {"slot": slot, "id": member_id})
