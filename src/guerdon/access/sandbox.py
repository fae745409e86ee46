"""Test namespaces: locked, wiped, their time noted. Live ones are refused, here and below."""

from datetime import datetime

from guerdon.db.pool import Row, Tx
from guerdon.db.sql import Queries
from guerdon.errors import LiveNamespace

_Q = Queries("guerdon.access")


async def lock(tx: Tx, namespace: str) -> None:
    """One at a time moves its clock. ``LiveNamespace`` where it is no test one."""
    if await tx.first(_Q["sandbox"], {"namespace": namespace}) is None:
        raise LiveNamespace(f"The namespace {namespace} is live: it has no sandbox.")


async def wipe(tx: Tx, namespace: str, slot: int, at_most: int) -> Row:
    """Removes members of one slot, whole: (members, transactions, passed_over)."""
    await tx.first(_Q["patience"])
    row = await tx.first(_Q["wipe"], {"namespace": namespace, "slot": slot, "at_most": at_most})
    assert row is not None, "a function answers"
    return row


async def note_wipe(tx: Tx, namespace: str, began: datetime) -> None:
    """A whole wipe that began then has ended."""
    await tx.run(_Q["note_wipe"], {"namespace": namespace, "at": began})


async def note_advance(tx: Tx, namespace: str, seconds: int) -> None:
    """Its time went on."""
    await tx.run(_Q["note_advance"], {"namespace": namespace, "seconds": seconds})
