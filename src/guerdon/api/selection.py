"""Which transactions a list is about, and that list as CSV: for the API and for the command."""

from collections.abc import AsyncIterator
from uuid import UUID

from guerdon import ids, spreadsheet
from guerdon.clock import rfc3339
from guerdon.db.pool import Database, ReadTx
from guerdon.members import store as members
from guerdon.redemption import inquiry
from guerdon.transactions.model import Transaction
from guerdon.transactions.states import Status
from guerdon.transactions.store import Filter
from guerdon.web import lists

FILTERS = ("status", "option", "userId", "createdFrom", "createdTo", "q")
_CSV_HEADER = [
    "id",
    "option",
    "title",
    "type",
    "status",
    "userId",
    "price",
    "createdAt",
    "updatedAt",
    "closedAt",
    "events",
]


async def chosen(
    tx: ReadTx, slots: int, namespace: str, query: lists.Query, below: str | None = None
) -> Filter | None:
    """What a query asks for, from the ID ``below`` on; ``None`` where nothing can match.

    Raises ``InvalidRequest``.
    """
    statuses = tuple(query.get("status", ()))
    for status in statuses:
        if status not in set(Status):
            raise lists.invalid("status", f"must be one of {', '.join(Status)}")
    names = tuple(
        lists.uuid_or(lists.invalid("option", "must be an option's name"), text)
        for text in query.get("option", ())
    )
    first, last = _span(query)
    if below is not None:
        wrong = lists.invalid("cursor", "is none of ours")
        last = min(last, lists.uuid_or(wrong, below))
    users = list(query.get("userId", ()))
    title, asked = None, lists.single(query, "q")
    if asked is not None:
        prefix = _id_prefix(asked)
        # A userId may look like the beginning of an ID; then the member is meant.
        if await _member(tx, slots, namespace, asked) is not None:
            if users and asked not in users:
                return None
            users = [asked]
        elif prefix is not None:
            first, last = max(first, prefix[0]), min(last, prefix[1])
        else:
            escaped = asked.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            title = f"%{escaped}%"
    member_ids = None
    if users:
        found = [await _member(tx, slots, namespace, u) for u in users]
        member_ids = tuple(member_id for member_id in found if member_id is not None)
        if not member_ids:
            return None
    return Filter(namespace, statuses or None, names or None, member_ids, title, first, last)


async def csv_lines(database: Database, wanted: Filter | None) -> AsyncIterator[str]:
    """The list as CSV in one snapshot, streamed; cells that a spreadsheet would run are harmless.

    The first piece is the header, every other one a group of transactions.
    """
    yield spreadsheet.lines([_CSV_HEADER])
    if wanted is None:
        return
    async with database.read() as tx, database.read() as names:
        async for group in inquiry.stream(tx, names, wanted):
            yield spreadsheet.lines(_csv_row(t, user_id) for t, user_id in group)


def _span(query: lists.Query) -> tuple[UUID, UUID]:
    since, until = lists.moment(query, "createdFrom"), lists.moment(query, "createdTo")
    return (
        ids.FIRST_ID if since is None else ids.first_id_at(since),
        ids.LAST_ID if until is None else ids.first_id_at(until),
    )


def _id_prefix(text: str) -> tuple[UUID, UUID] | None:
    digits = text.replace("-", "").lower()
    if not 6 <= len(digits) <= 32 or any(digit not in "0123456789abcdef" for digit in digits):
        return None
    last = int(digits.ljust(32, "f"), 16)
    # The upper end is exclusive; past the largest ID there is nothing to exclude.
    return UUID(digits.ljust(32, "0")), UUID(int=min(last + 1, ids.LAST_ID.int))


async def _member(tx: ReadTx, slots: int, namespace: str, user_id: str) -> UUID | None:
    slot = ids.bucket_of(namespace, user_id) % slots
    found = await members.find(tx, slot, [(namespace, user_id)])
    return found[namespace, user_id].member_id if found else None


def _csv_row(t: Transaction, user_id: str) -> list[spreadsheet.Cell]:
    return [
        str(t.transaction_id),
        str(t.option_name),
        t.option_title,
        t.type,
        str(t.status),
        user_id,
        t.price,
        rfc3339(t.created_at),
        rfc3339(t.updated_at),
        None if t.closed_at is None else rfc3339(t.closed_at),
        t.events,
    ]
