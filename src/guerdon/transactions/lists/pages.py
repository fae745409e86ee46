"""Lists of transactions for people: pages by key, counts that stop, figures, the live feed.

Nothing here skips rows or counts without a bound: a page begins at an ID, and an ID is a time.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from guerdon.db.pool import ReadTx, Row
from guerdon.db.sql import Queries
from guerdon.transactions.model import Transaction
from guerdon.transactions.store import from_row

_Q = Queries("guerdon.transactions.lists")
COUNTED = 10_000
# What is open is counted exactly, as far as an index alone says it within what a page may take.
OPEN_COUNTED = 200_000
FIRST_ID, LAST_ID = UUID(int=0), UUID(int=(1 << 128) - 1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which transactions a list shows; ``None`` = any. IDs above and below are exclusive.

    ``results``: how the newest finished attempt ended, by rule, HTTP status or class (``5xx``).
    ``closers``: who ended it, by kind or by whole name. ``contradicted``: only those with
    contradicting news. ``unasked``: without those whose provider is being asked for the truth.
    """

    namespace: str
    statuses: tuple[str, ...] | None = None
    option_names: tuple[UUID, ...] | None = None
    member_ids: tuple[UUID, ...] | None = None
    refused_member_ids: tuple[UUID, ...] | None = None
    types: tuple[str, ...] | None = None
    ids: tuple[UUID, ...] | None = None
    lowest: int | None = None
    highest: int | None = None
    results: tuple[str, ...] | None = None
    closers: tuple[str, ...] | None = None
    contradicted: bool = False
    unasked: bool = False
    above: UUID = FIRST_ID
    below: UUID = LAST_ID

    def matches(self, t: Transaction, attempt: Row | None) -> bool:
        """Whether a transaction belongs to the list: the same question as the SQL asks."""
        return (
            t.namespace == self.namespace
            and self.above < t.transaction_id < self.below
            and (self.statuses is None or t.status in self.statuses)
            and (self.option_names is None or t.option_name in self.option_names)
            and (self.member_ids is None or t.member_id in self.member_ids)
            and (self.refused_member_ids is None or t.member_id not in self.refused_member_ids)
            and (self.types is None or t.type in self.types)
            and (self.ids is None or t.transaction_id in self.ids)
            and (self.lowest is None or t.price >= self.lowest)
            and (self.highest is None or t.price <= self.highest)
            and (self.results is None or not _ends(attempt).isdisjoint(self.results))
            and (self.closers is None or not _names(t.closed_by).isdisjoint(self.closers))
            and (not self.contradicted or t.conflict)
            and (not self.unasked or t.open_reason != "asking")
        )

    def between(self, above: UUID | None, below: UUID | None) -> "Wanted":
        """The same list, begun or ended at other IDs."""
        return replace(
            self,
            above=self.above if above is None else max(self.above, above),
            below=self.below if below is None else min(self.below, below),
        )


def _ends(attempt: Row | None) -> set[str]:
    """What an attempt's end is called."""
    if attempt is None:
        return set()
    status = attempt.http_status
    return {attempt.rule} | (set() if status is None else {str(status), f"{status // 100}xx"})


def _names(closed_by: str | None) -> set[str]:
    return set() if closed_by is None else {closed_by, closed_by.partition(":")[0]}


async def bounded(tx: ReadTx, seconds: float) -> None:
    """Lets no later question of this ``tx`` take longer: it is then a ``QueryCanceled``."""
    await tx.first(_Q["bounded"], {"milliseconds": max(1, round(seconds * 1000))})


async def page(
    tx: ReadTx, wanted: Wanted, limit: int, *, oldest_first: bool = False
) -> list[Transaction]:
    """Up to ``limit`` transactions from one end of the list."""
    statement = _Q["oldest" if oldest_first else "newest"]
    rows = await tx.all(statement, _question(wanted, limit))
    return [from_row(row) for row in rows]


async def reach(tx: ReadTx, wanted: Wanted, looked_at: int, *, oldest_first: bool) -> UUID | None:
    """The last ID of the next so many transactions of the namespace that a list would look at."""
    statement = _Q["reach_oldest" if oldest_first else "reach_newest"]
    where = {"namespace": wanted.namespace, "above": wanted.above, "below": wanted.below}
    row = await tx.first(statement, {**where, "limit": looked_at})
    return None if row is None else row.transaction_id


async def stream(
    tx: ReadTx, wanted: Wanted, most: int, *, size: int
) -> AsyncIterator[list[Transaction]]:
    """Up to ``most`` transactions of a list, newest first, in groups, in constant memory."""
    async for rows in tx.stream(_Q["newest"], _question(wanted, most), size=size):
        yield [from_row(row) for row in rows]


def _question(wanted: Wanted, limit: int) -> dict[str, object]:
    return {
        "namespace": wanted.namespace,
        "statuses": _listed(wanted.statuses),
        "option_names": _listed(wanted.option_names),
        "member_ids": _listed(wanted.member_ids),
        "refused_member_ids": _listed(wanted.refused_member_ids),
        "types": _listed(wanted.types),
        "results": _listed(wanted.results),
        "closers": _listed(wanted.closers),
        "ids": _listed(wanted.ids),
        "lowest": wanted.lowest,
        "highest": wanted.highest,
        "contradicted": wanted.contradicted,
        "unasked": wanted.unasked,
        "above": wanted.above,
        "below": wanted.below,
        "limit": limit,
    }


def _listed(values: Collection[object] | None) -> list[object] | None:
    return None if values is None else list(values)


async def count(tx: ReadTx, wanted: Wanted) -> int:
    """How many a list has; one more than ``COUNTED`` stands for more."""
    row = await tx.first(_Q["count"], _question(wanted, COUNTED + 1))
    return 0 if row is None else int(row.found)


async def size(tx: ReadTx, wanted: Wanted, most: int) -> Row:
    """(found, events): how many a list has, counted to ``most``, and how many events these have."""
    row = await tx.first(_Q["size"], _question(wanted, most))
    assert row is not None, "an aggregate has one row"
    return row


async def count_to_decide(tx: ReadTx, namespace: str) -> int:
    """How many wait for a person; one more than ``OPEN_COUNTED`` stands for more."""
    return await _count(tx, "count_to_decide", {"namespace": namespace}, OPEN_COUNTED)


async def count_pending(tx: ReadTx, namespace: str, below: UUID) -> int:
    """How many are pending and older than an ID; one more than ``OPEN_COUNTED`` stands for more."""
    where = {"namespace": namespace, "status": "pending", "from": FIRST_ID, "below": below}
    return await _count(tx, "count_status", where, OPEN_COUNTED)


async def count_status(
    tx: ReadTx, namespace: str, status: str, start: UUID, below: UUID = LAST_ID
) -> int:
    """How many have a status in a span of IDs; one more than ``COUNTED`` stands for more."""
    where = {"namespace": namespace, "status": status, "from": start, "below": below}
    return await _count(tx, "count_status", where, COUNTED)


async def _count(tx: ReadTx, name: str, where: dict[str, object], most: int) -> int:
    row = await tx.first(_Q[name], {**where, "limit": most + 1})
    return 0 if row is None else int(row.found)


async def histogram(
    tx: ReadTx, wanted: Wanted, start: datetime, seconds: float, limit: int
) -> list[Row]:
    """(bar, status, found, looked_at, first) of a list, among the newest ``limit`` transactions
    between its ends."""
    question = _question(wanted, limit) | {"start": start, "seconds": seconds}
    return await tx.all(_Q["histogram"], question)


async def waiting(tx: ReadTx, namespace: str) -> list[Row]:
    """(status, found, oldest, held) of what waits for a person."""
    return await tx.all(_Q["waiting"], {"namespace": namespace, "limit": COUNTED})


async def changed_since(tx: ReadTx, seconds: float, limit: int) -> dict[tuple[int, UUID], int]:
    """Transactions with events of the last seconds, by (slot, ID): how many events each has."""
    rows = await tx.all(_Q["changed_since"], {"seconds": seconds, "limit": limit})
    return {(row.slot, row.transaction_id): row.events for row in rows}


async def by_ids(tx: ReadTx, wanted: Sequence[tuple[int, UUID]]) -> list[Transaction]:
    """Transactions as they stand, given as (slot, ID)."""
    rows = await tx.all(_Q["by_ids"], _keys(wanted))
    return [from_row(row) for row in rows]


async def last_attempts(tx: ReadTx, wanted: Sequence[tuple[int, UUID]]) -> dict[UUID, Row]:
    """(transaction_id, http_status, duration_ms, rule) of the newest finished attempts."""
    if not wanted:
        return {}
    rows = await tx.all(_Q["last_attempts"], _keys(wanted))
    return {row.transaction_id: row for row in rows}


async def sent_about(
    tx: ReadTx, wanted: Sequence[tuple[int, UUID]]
) -> dict[UUID, tuple[str | None, str | None]]:
    """Email and address as they were sent, as far as they are kept, by transaction."""
    if not wanted:
        return {}
    rows = await tx.all(_Q["sent_about"], _keys(wanted))
    return {row.transaction_id: (row.email, row.address) for row in rows}


def _keys(wanted: Sequence[tuple[int, UUID]]) -> dict[str, object]:
    return {"slots": [slot for slot, _ in wanted], "ids": [one for _, one in wanted]}


async def health(tx: ReadTx, namespace: str, start: UUID, limit: int) -> dict[UUID, Row]:
    """(found, good, p95, last_bad) of each provider's newest attempts since an ID."""
    where = {"namespace": namespace, "from": start, "limit": limit}
    return {row.provider_id: row for row in await tx.all(_Q["health"], where)}


async def troubles(
    tx: ReadTx, namespace: str, provider_id: UUID, start: UUID, limit: int, *, most: int
) -> list[Row]:
    """(transaction_id, option_title, started_at, http_status, rule, sentence): the newest attempts
    at a provider that were not answered well, since an ID."""
    where = {"namespace": namespace, "provider_id": provider_id, "from": start}
    return await tx.all(_Q["troubles"], {**where, "limit": limit, "shown": most})


async def option_health(
    tx: ReadTx, namespace: str, start: UUID, limit: int, *, most: int
) -> list[Row]:
    """(option_name, title, found, good, p95, rules, last_bad, last_sentence, last_at) of the newest
    attempts for each option since an ID, those in most trouble first."""
    where = {"namespace": namespace, "from": start, "limit": limit, "shown": most}
    return await tx.all(_Q["option_health"], where)


async def option_days(
    tx: ReadTx, namespace: str, start: UUID, now: datetime, limit: int
) -> dict[UUID, list[Row]]:
    """(age, found, good, closed, open) of each option, by age in days, among the newest
    transactions since an ID."""
    where = {"namespace": namespace, "from": start, "now": now, "limit": limit}
    found: dict[UUID, list[Row]] = {}
    for row in await tx.all(_Q["option_days"], where):
        found.setdefault(row.option_name, []).append(row)
    return found


async def option_speeds(tx: ReadTx, namespace: str, start: UUID, limit: int) -> dict[UUID, float]:
    """Within how many milliseconds 95 % of the newest attempts for each option were answered."""
    where = {"namespace": namespace, "from": start, "limit": limit}
    return {row.option_name: row.p95 for row in await tx.all(_Q["option_speeds"], where)}
