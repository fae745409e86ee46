"""The few numbers on every page, asked for at most every two seconds however many people look."""

from dataclasses import dataclass
from datetime import timedelta

from guerdon import clock, ids
from guerdon.console.asked import SLOW_SECONDS
from guerdon.db.pool import Database, ReadTx
from guerdon.transactions.cases import store as cases
from guerdon.transactions.lists import pages as lists

_KEPT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of the views; one above the bound stands for more."""

    to_decide: int
    pending_long: int
    cases: int


def shown(count: int) -> str:
    """A count as people read it: exact up to the bound."""
    return f"{lists.COUNTED:,}+" if count > lists.COUNTED else f"{count:,}"


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
        await lists.count_status(tx, namespace, "pending", lists.FIRST_ID, long_ago),
        await cases.count_open(tx, namespace, lists.COUNTED),
    )
