"""What operators put beside a transaction: notes that stay as they were written, and who looks
after it. Neither is part of its history on the wire."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from guerdon.db.pool import ReadTx, Tx
from guerdon.db.sql import Queries
from guerdon.errors import TransactionNotFound
from guerdon.transactions.model import Transaction
from guerdon.transactions.retention import store as retention

_Q = Queries("guerdon.transactions.desk")
MOST_ASSIGNED = 1000


@dataclass(frozen=True, slots=True)
class Note:
    """One note. ``text`` is ``None`` once the member was erased."""

    n: int
    author: str
    at: datetime
    text: str | None


async def add_note(tx: Tx, t: Transaction, author: str, text: str) -> int:
    """Writes a note; answers its number."""
    where = {"slot": t.slot, "id": t.transaction_id}
    if await tx.first(_Q["hold"], where) is None:  # wiped since it was read: a sandbox
        raise TransactionNotFound(f"There is no transaction {t.transaction_id}.")
    row = await tx.first(_Q["add_note"], {**where, "author": author, "at": tx.at})
    assert row is not None, "an INSERT of one row returns it"
    await tx.run(_Q["keep_text"], {**where, "n": row.n, "content": text.encode()})
    await retention.written_to(tx, t)
    return int(row.n)


async def notes(tx: ReadTx, slot: int, transaction_id: UUID) -> list[Note]:
    """The notes of a transaction in their order."""
    rows = await tx.all(_Q["notes_of"], {"slot": slot, "id": transaction_id})
    return [
        Note(
            row.n,
            row.author,
            row.at,
            None if row.content is None else bytes(row.content).decode(),
        )
        for row in rows
    ]


async def hand_over(tx: Tx, t: Transaction, seen: str | None, assignee: str | None) -> bool:
    """Gives it from whom it was seen with to somebody, or to nobody; answers whether it was still
    with them."""
    where = {"slot": t.slot, "id": t.transaction_id, "seen": seen}
    if assignee is None:
        return await tx.run(_Q["unassign"], where) > 0
    given = {**where, "namespace": t.namespace, "assignee": assignee, "at": tx.at}
    return await tx.run(_Q["assign"], given) > 0


async def assignees(tx: ReadTx, wanted: Collection[tuple[int, UUID]]) -> dict[UUID, str]:
    """Who looks after transactions, given as (slot, ID); nobody is left out."""
    if not wanted:
        return {}
    rows = await tx.all(_Q["assignees"], _keys(wanted))
    return {row.transaction_id: row.assignee for row in rows}


async def last_notes(tx: ReadTx, wanted: Collection[tuple[int, UUID]]) -> dict[UUID, str]:
    """What the newest notes of transactions say, given as (slot, ID)."""
    if not wanted:
        return {}
    rows = await tx.all(_Q["last_notes"], _keys(wanted))
    return {row.transaction_id: bytes(row.content).decode() for row in rows}


def _keys(wanted: Collection[tuple[int, UUID]]) -> dict[str, object]:
    return {"slots": [slot for slot, _ in wanted], "ids": [one for _, one in wanted]}


async def assigned_to(tx: ReadTx, namespace: str, people: Sequence[str]) -> list[UUID]:
    """What people look after: the newest ``MOST_ASSIGNED``."""
    where = {"namespace": namespace, "assignees": list(people), "limit": MOST_ASSIGNED}
    return [row.transaction_id for row in await tx.all(_Q["assigned_to"], where)]
