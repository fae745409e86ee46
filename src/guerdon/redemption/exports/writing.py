"""Writes an export: at once, from one snapshot, or step by step, each step in one of its own."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from guerdon import ids
from guerdon.db.pool import ReadTx
from guerdon.redemption import rows
from guerdon.redemption.exports.sheet import Entry, Sheet
from guerdon.transactions.exports import store
from guerdon.transactions.exports.model import Export, Plan
from guerdon.transactions.exports.store import Step
from guerdon.transactions.lists import pages as lists
from guerdon.transactions.lists.pages import Wanted
from guerdon.transactions.model import Transaction

# More rows than this are not streamed.
MOST_STREAMED = 100_000
# So many transactions are read at once: a history has several rows.
_AT_ONCE = {"transaction": 1000, "event": 100}
# What a step looks through for them, where the filters let few through.
_LOOKED_AT = 20_000
_PATIENCE_SECONDS = 20.0


async def frozen(tx: ReadTx, wanted: Wanted, now: datetime) -> Wanted:
    """The list with both its ends as they are now."""
    oldest = await lists.reach(tx, wanted, 1, oldest_first=True)
    above = None if oldest is None else UUID(int=oldest.int - 1)
    return wanted.between(above, ids.first_id_at(now + timedelta(milliseconds=1)))


async def rows_of(tx: ReadTx, plan: Plan) -> int:
    """How many rows the file will have; one more than ``MOST_STREAMED`` stands for more."""
    size = await lists.size(tx, plan.wanted, MOST_STREAMED + 1)
    return min(int(size.events if plan.rows == "event" else size.found), MOST_STREAMED + 1)


async def stream(tx: ReadTx, plan: Plan) -> AsyncIterator[tuple[bytes, int]]:
    """The whole file from one snapshot, in constant memory: pieces, and how many rows each has."""
    sheet = Sheet(plan)
    yield sheet.head(), 0
    async for found in lists.stream(tx, plan.wanted, MOST_STREAMED, size=_AT_ONCE[plan.rows]):
        entries = await _entries(tx, plan, found)
        yield sheet.lines(entries), len(entries)


async def step(tx: ReadTx, export: Export) -> Step:
    """What comes next in a file."""
    plan, sheet = export.plan, Sheet(export.plan)
    head = b"" if export.steps else sheet.head()
    rest = plan.wanted.between(None, export.walked_to)
    await lists.bounded(tx, _PATIENCE_SECONDS)
    edge = await lists.reach(tx, rest, _LOOKED_AT, oldest_first=False)
    if edge is None:
        return Step(head, 0, None)
    most = _AT_ONCE[plan.rows]
    # The edge is looked at as well.
    part = replace(rest, above=max(rest.above, UUID(int=edge.int - 1)))
    found = await lists.page(tx, part, most)
    entries = await _entries(tx, plan, found)
    reached = found[-1].transaction_id if len(found) == most else edge
    return Step(head + sheet.lines(entries), len(entries), reached)


async def _entries(tx: ReadTx, plan: Plan, found: Sequence[Transaction]) -> list[Entry]:
    read = await rows.read(tx, found, plan.columns)
    if plan.rows == "transaction":
        return [Entry(row) for row in read]
    histories = await store.events(tx, found)
    return [Entry(row, event) for row in read for event in histories[row.t.transaction_id]]
