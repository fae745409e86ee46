"""The rows of a list: transactions with what else is shown beside them, read for a page at once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from guerdon.db.pool import ReadTx
from guerdon.db.pool import Row as StoredRow
from guerdon.members import store as members
from guerdon.transactions.desk import store as desk
from guerdon.transactions.lists import pages as lists
from guerdon.transactions.model import Transaction

# The columns that an attempt is read for.
OF_ATTEMPTS = frozenset({"http", "latency"})


@dataclass(frozen=True, slots=True)
class Row:
    """A transaction in a list, with its member's userId, who looks after it, how its newest attempt
    ended, the newest note, and what was sent about the member; these only where a column shows
    them."""

    t: Transaction
    user_id: str
    assignee: str | None = None
    attempt: StoredRow | None = None
    note: str | None = None
    email: str | None = None
    address: str | None = None

    @property
    def to_decide(self) -> bool:
        return decidable(self.t)


def decidable(t: Transaction) -> bool:
    """Whether an operator may confirm or cancel it as it stands."""
    return t.status in ("postponed", "recoverable-failure")


async def read(tx: ReadTx, found: Sequence[Transaction], columns: Collection[str]) -> list[Row]:
    """The rows of some transactions, for these columns."""
    keys = [(t.slot, t.transaction_id) for t in found]
    names = await members.user_ids(tx, {(t.slot, t.member_id) for t in found})
    assigned = await desk.assignees(tx, keys)
    attempts = {} if OF_ATTEMPTS.isdisjoint(columns) else await lists.last_attempts(tx, keys)
    notes = await desk.last_notes(tx, keys) if "note" in columns else {}
    sent = await lists.sent_about(tx, keys) if "personal" in columns else {}
    return [
        Row(
            t,
            names.get(t.member_id, ""),
            assigned.get(t.transaction_id),
            attempts.get(t.transaction_id),
            notes.get(t.transaction_id),
            *sent.get(t.transaction_id, (None, None)),
        )
        for t in found
    ]
