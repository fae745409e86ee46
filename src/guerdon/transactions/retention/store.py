"""How long what is personal about closed transactions is kept, and what is to be removed now.

A walk goes through a programme's transactions by their IDs, which are led by time, and never goes
back: what it may not remove yet it puts down, with the moment to look again. So the work is bounded
by what is new and what waits, and not by what there is.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from guerdon import ids
from guerdon.db.pool import ReadTx, Row, Tx
from guerdon.db.sql import Queries
from guerdon.transactions.model import Transaction

_Q = Queries("guerdon.transactions.retention")
_OPEN_AGAIN_IN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Days:
    """How many days after closing it goes, and how many where people looked into it: a case was
    opened, or news contradicted what was concluded."""

    personal: int
    disputed: int

    def due(self, closed_at: datetime, *, disputed: bool) -> datetime:
        """When it goes."""
        return closed_at + timedelta(days=self.disputed if disputed else self.personal)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a programme has set, and how far it was done. ``days`` ``None``: kept until erased."""

    days: Days | None
    walked_to: UUID
    removed: int
    told: int
    told_at: datetime | None


NOTHING = Terms(None, ids.FIRST_ID, 0, 0, None)


async def terms(tx: ReadTx, namespace: str) -> Terms:
    """What a programme has set."""
    row = await tx.first(_Q["terms"], {"namespace": namespace})
    return NOTHING if row is None else _terms(row)


async def set_days(tx: Tx, namespace: str, days: Days | None) -> None:
    """Sets it, or keeps everything from now on. What is gone stays gone."""
    await tx.run(
        _Q["set_days"],
        {
            "namespace": namespace,
            "personal_days": None if days is None else days.personal,
            "disputed_days": None if days is None else days.disputed,
        },
    )


async def limited(tx: ReadTx) -> list[str]:
    """The programmes that keep it for a limited time."""
    return [row.namespace for row in await tx.all(_Q["limited"])]


async def take(tx: Tx, namespace: str) -> Terms | None:
    """The terms under lock; ``None`` where another process has them, or nothing is limited."""
    row = await tx.first(_Q["take"], {"namespace": namespace})
    return None if row is None else _terms(row)


async def walk(tx: ReadTx, namespace: str, above: UUID, below: UUID, limit: int) -> list[Row]:
    """(slot, transaction_id, closed_at, disputed) of the next transactions by age."""
    span = {"namespace": namespace, "above": above, "below": below, "limit": limit}
    return await tx.all(_Q["walk"], span)


async def come_back(tx: ReadTx, namespace: str, limit: int) -> list[Row]:
    """(slot, transaction_id, closed_at, disputed) of those to be looked at again now."""
    return await tx.all(_Q["come_back"], {"namespace": namespace, "limit": limit})


async def remove(tx: Tx, rows: Collection[Row]) -> int:
    """Removes what is personal about them; answers from how many there was something to remove."""
    if not rows:
        return 0
    found = await tx.first(_Q["remove"], _keys(rows))
    await tx.run(_Q["settle"], _keys(rows))
    return 0 if found is None else int(found.transactions)


async def later(tx: Tx, namespace: str, rows: Sequence[Row], days: Days) -> None:
    """Puts them down for when they are due; what is open still, for tomorrow."""
    if not rows:
        return
    moments = [
        tx.at + _OPEN_AGAIN_IN
        if row.closed_at is None
        else days.due(row.closed_at, disputed=row.disputed)
        for row in rows
    ]
    await tx.run(_Q["later"], {**_keys(rows), "namespace": namespace, "look_ats": moments})


async def note_done(tx: Tx, namespace: str, walked_to: UUID, removed: int) -> None:
    """How far it was done."""
    done = {"namespace": namespace, "walked_to": walked_to, "removed": removed}
    await tx.run(_Q["note_done"], done)


async def note_told(tx: Tx, namespace: str) -> None:
    """The audit trail knows how many there were."""
    await tx.run(_Q["note_told"], {"namespace": namespace})


async def written_to(tx: Tx, t: Transaction) -> None:
    """Something personal was written to a transaction: it is looked at again."""
    where = {"namespace": t.namespace, "slot": t.slot, "id": t.transaction_id}
    await tx.run(_Q["written_to"], where)


def _terms(row: Row) -> Terms:
    days = None if row.personal_days is None else Days(row.personal_days, row.disputed_days)
    return Terms(days, row.walked_to, row.removed, row.told, row.told_at)


def _keys(rows: Collection[Row]) -> dict[str, object]:
    return {"slots": [row.slot for row in rows], "ids": [row.transaction_id for row in rows]}
