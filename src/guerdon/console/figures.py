"""The few numbers on every page, asked for at most every two seconds however many people look; and
how many there are of each status in a span of time."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from guerdon import clock, ids
from guerdon.console.asked import SLOW_SECONDS
from guerdon.db.pool import Database, ReadTx
from guerdon.transactions.cases import store as cases
from guerdon.transactions.hours import store as hours
from guerdon.transactions.hours.store import HOUR
from guerdon.transactions.lists import pages as lists
from guerdon.transactions.states import Status

_KEPT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of the views; one above the bound stands for more."""

    to_decide: int
    pending_long: int
    cases: int


def shown(count: int) -> str:
    """A count as people read it: exact, but one above a bound stands for more."""
    bounds = (lists.COUNTED, lists.OPEN_COUNTED)
    return f"{count - 1:,}+" if count - 1 in bounds else f"{count:,}"


class Figures:
    """Counts by namespace, kept for a moment."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: dict[str, tuple[float, Counts]] = {}

    async def counts(self, namespace: str, since: float | None = None) -> Counts:
        """The counts, at most two seconds old, or not older than a moment of the monotonic clock:
        who hears of a change is told counts that know of it."""
        now = clock.monotonic()
        known = self._kept.get(namespace)
        if known is not None and known[0] > (now - _KEPT_SECONDS if since is None else since):
            return known[1]
        async with self._database.read() as tx:
            counted = await _count(tx, namespace)
        self._kept[namespace] = (now, counted)
        return counted

    def forget(self, namespace: str) -> None:
        """Something was decided here: the next page counts anew."""
        self._kept.pop(namespace, None)


async def _count(tx: ReadTx, namespace: str) -> Counts:
    long_ago = ids.first_id_at(clock.now() - timedelta(seconds=SLOW_SECONDS))
    return Counts(
        await lists.count_to_decide(tx, namespace),
        await lists.count_pending(tx, namespace, long_ago),
        await cases.count_open(tx, namespace, lists.COUNTED),
    )


async def by_status(
    tx: ReadTx, namespace: str, start: datetime, end: datetime = hours.LAST_HOUR
) -> dict[str, str]:
    """How many there are of each status, as people read it. Whole hours are known; parts of hours
    at the ends, and hours that were not counted yet, are counted so far and no further."""
    whole = await hours.whole_from(tx, namespace)
    first = start if hours.hour_of(start) == start else hours.hour_of(start) + HOUR
    last = hours.hour_of(end)
    if whole is None or first < whole or first >= last:
        parts = [(start, end)]
        known: Counter[str] = Counter()
    else:
        parts = [(one, other) for one, other in ((start, first), (last, end)) if one < other]
        rows = await hours.bars(tx, namespace, first, last, (last - first).total_seconds())
        known = Counter({row.status: row.found for row in rows})
    shown_by_status = {}
    for status in map(str, Status):
        counted = [
            await lists.count_status(
                tx, namespace, status, ids.first_id_at(one), ids.first_id_at(other)
            )
            for one, other in parts
        ]
        more = "+" if any(count > lists.COUNTED for count in counted) else ""
        found = known[status] + sum(min(count, lists.COUNTED) for count in counted)
        shown_by_status[status] = f"{found:,}{more}"
    return shown_by_status
