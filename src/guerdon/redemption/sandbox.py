"""The sandbox of a test programme: time goes on when it is told to, and all is wiped at will.

Time goes on by moving due times, as the database's clock is everybody's: whatever waits for a
moment finds that it has come. Leases are not moved, because the processes that hold them live in
real time. Wiping removes members whole, so that what is left adds up at every commit.
"""

from dataclasses import dataclass
from datetime import datetime

from guerdon.access import sandbox as access
from guerdon.access import store as trail
from guerdon.access.embedding import By
from guerdon.db.pool import Tx
from guerdon.outbox import store as outbox
from guerdon.providers import store as providers
from guerdon.transactions.sandbox import store as transactions

LONGEST_ADVANCE_SECONDS = 366 * 86_400


@dataclass(frozen=True, slots=True)
class Moved:
    """How much came nearer."""

    messages: int
    transactions: int
    providers: int


@dataclass(frozen=True, slots=True)
class Wiped:
    """How much is gone. ``passed_over``: members who were being concluded at that moment."""

    members: int = 0
    transactions: int = 0
    passed_over: int = 0

    def __add__(self, other: "Wiped") -> "Wiped":
        return Wiped(
            self.members + other.members,
            self.transactions + other.transactions,
            self.passed_over + other.passed_over,
        )


async def advance(tx: Tx, namespace: str, seconds: int, by: By) -> Moved:
    """Lets time go on for one programme: ``LiveNamespace`` where it is no test one."""
    await access.lock(tx, namespace)
    # In the order in which everybody locks: transactions, then what is owed.
    moved = await transactions.advance(tx, namespace, seconds)
    owed_to = await providers.standing(tx, {namespace})
    messages = await outbox.advance(tx, owed_to.keys(), seconds)
    waiting = await providers.advance(tx, namespace, seconds)
    await access.note_advance(tx, namespace, seconds)
    await _audit(tx, namespace, "sandbox.advanced", {"seconds": seconds}, by)
    return Moved(messages, moved, waiting)


async def begin_wipe(tx: Tx, namespace: str) -> datetime:
    """``LiveNamespace`` where the programme is no test one; else when this wipe began."""
    await access.lock(tx, namespace)
    return tx.at


async def wipe(tx: Tx, namespace: str, slot: int, at_most: int) -> Wiped:
    """Removes some members of one slot, whole. The database refuses it for a live programme."""
    gone = await access.wipe(tx, namespace, slot, at_most)
    return Wiped(gone.members, gone.transactions, gone.passed_over)


async def end_wipe(tx: Tx, namespace: str, began: datetime, wiped: Wiped, by: By) -> None:
    """Every slot was gone through; what belongs to no slot goes too."""
    await access.lock(tx, namespace)
    await transactions.remove_jobs(tx, namespace)
    await access.note_wipe(tx, namespace, began)
    detail: dict[str, object] = {"members": wiped.members, "transactions": wiped.transactions}
    await _audit(tx, namespace, "sandbox.wiped", detail, by)


async def _audit(tx: Tx, namespace: str, action: str, detail: dict[str, object], by: By) -> None:
    await trail.audit(
        tx,
        namespace=namespace,
        actor=by.actor,
        action=action,
        target=namespace,
        detail=detail,
        address=by.address,
    )
