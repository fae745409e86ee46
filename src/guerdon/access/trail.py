"""The audit trail for people: who did what to what, newest first, by key, with bounded cost."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from guerdon.db.pool import ReadTx, Row
from guerdon.db.sql import Queries

_Q = Queries("guerdon.access")
LOOKED_AT = 50_000
_DECISIONS_LOOKED_AT = 10_000


@dataclass(frozen=True, slots=True)
class Sought:
    """Which lines are asked for: from ``since``, before ``until``, below a line; ``action`` may be
    the beginning of one. Of the lines of that time the newest ``looked_at`` are looked at."""

    namespace: str
    since: datetime
    until: datetime
    actor: str | None = None
    action: str | None = None
    target: str | None = None
    below: tuple[datetime, UUID] | None = None
    looked_at: int = LOOKED_AT

    @property
    def filtered(self) -> bool:
        """Whether lines of the time may be left out."""
        return bool(self.actor or self.action or self.target)


async def page(tx: ReadTx, sought: Sought, limit: int) -> list[Row]:
    """(audit_id, at, actor, action, target, detail, address), newest first."""
    return await tx.all(_Q["audit_page"], _question(sought, limit))


async def stream(tx: ReadTx, sought: Sought, most: int) -> AsyncIterator[Sequence[Row]]:
    """The same in groups, in constant memory."""
    async for rows in tx.stream(_Q["audit_page"], _question(sought, most)):
        yield rows


async def reach(tx: ReadTx, sought: Sought) -> Row | None:
    """(at, audit_id) of the last line that was looked at, where there may be more behind it."""
    row = await tx.first(_Q["audit_reach"], _question(sought, 1))
    return row if row is not None and row.looked_at >= sought.looked_at else None


async def longest_wait(
    tx: ReadTx, namespace: str, since: datetime
) -> tuple[timedelta, datetime | None] | None:
    """How long the one waited that waited longest, from its redemption to a person's decision; and
    since when, where there were too many lines to look at all of them."""
    where = {"namespace": namespace, "since": since, "looked_at": _DECISIONS_LOOKED_AT}
    row = await tx.first(_Q["longest_wait"], where)
    if row is None or row.waited is None:
        return None
    return row.waited, row.since if row.looked_at == _DECISIONS_LOOKED_AT else None


def _question(sought: Sought, limit: int) -> dict[str, object]:
    begins = None
    if sought.action is not None:
        begins = sought.action.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    below = sought.below or (None, None)
    return {
        "namespace": sought.namespace,
        "since": sought.since,
        "until": sought.until,
        "actor": sought.actor,
        "action": begins,
        "target": sought.target,
        "below_at": below[0],
        "below_id": below[1],
        "looked_at": sought.looked_at,
        "limit": limit,
    }
