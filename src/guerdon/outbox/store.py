"""Debts to providers in the database. Sets in, sets out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from guerdon.db.pool import ReadTx, Row, Tx
from guerdon.db.sql import Queries
from guerdon.outbox.message import Departure, Message

_Q = Queries("guerdon.outbox")


@dataclass(frozen=True, slots=True)
class Owed:
    """A new debt. ``lease_until`` set: born sending, leased to this process; else born queued."""

    transaction_id: UUID
    provider_id: UUID
    lease_until: datetime | None


async def enqueue(tx: Tx, slot: int, at: datetime, owner: UUID, owed: Sequence[Owed]) -> None:
    """Writes debts in the ``Tx`` of the facts they announce: both commit, or neither."""
    await tx.execute(
        _Q["add_messages"],
        {
            "slot": slot,
            "at": at,
            "owner": owner,
            "ids": [debt.transaction_id for debt in owed],
            "provider_ids": [debt.provider_id for debt in owed],
            "states": ["queued" if debt.lease_until is None else "sending" for debt in owed],
            "attempts": [0 if debt.lease_until is None else 1 for debt in owed],
            "leases": [debt.lease_until for debt in owed],
        },
    )


async def enqueue_again(
    tx: Tx, slot: int, transaction_id: UUID, provider_id: UUID, attempts: int
) -> None:
    """Owes a settled message once more, queued; so many attempts were made before."""
    where = {"slot": slot, "id": transaction_id, "provider_id": provider_id}
    await tx.execute(_Q["add_again"], {**where, "attempts": attempts, "at": tx.at})


async def lock(tx: Tx, slot: int, ids: Collection[UUID]) -> dict[UUID, Message]:
    """Locks debts, by transaction; what is settled or acknowledged has none."""
    rows = await tx.all(_Q["lock_messages"], {"slot": slot, "ids": list(ids)})
    return {row.transaction_id: Message(*row) for row in rows}


async def settle(tx: Tx, slot: int, ids: Collection[UUID]) -> None:
    """Removes debts: nothing more is to be sent."""
    if ids:
        await tx.execute(_Q["remove_messages"], {"slot": slot, "ids": list(ids)})


async def requeue(tx: Tx, slot: int, messages: Sequence[Message]) -> None:
    """Puts locked messages back to wait until their ``due_at``."""
    if messages:
        await tx.execute(
            _Q["requeue_messages"],
            {
                "slot": slot,
                "ids": [message.transaction_id for message in messages],
                "due_ats": [message.due_at for message in messages],
                "tries_n": [message.tries_n for message in messages],
                "tries_u": [message.tries_u for message in messages],
            },
        )


async def claim(
    tx: Tx, slot: int, provider_id: UUID, *, owner: UUID, lease_seconds: float, limit: int
) -> list[Row]:
    """Leases up to ``limit`` due messages of one provider.

    Rows are (slot, transaction_id, provider_id, attempts, resent).
    """
    return await tx.all(
        _Q["claim"],
        {
            "slot": slot,
            "provider_id": provider_id,
            "owner": owner,
            "lease_seconds": lease_seconds,
            "limit": limit,
        },
    )


async def waiting(tx: ReadTx) -> list[Row]:
    """The queues: (provider_id, slot, due, queued, first_due, due_in, oldest_age in seconds)."""
    return await tx.all(_Q["waiting"])


async def owed(tx: ReadTx, provider_ids: Collection[UUID], limit: int) -> dict[UUID, Row]:
    """(sending, queued, oldest) of providers that are owed anything; counted up to ``limit``."""
    where = {"provider_ids": list(provider_ids), "limit": limit}
    return {row.provider_id: row for row in await tx.all(_Q["owed"], where)}


async def put_back(tx: Tx, slot: int, ids: Collection[UUID], owner: UUID) -> int:
    """Returns leased messages of which surely no byte was sent; answers how many."""
    return await tx.run(_Q["put_back"], {"slot": slot, "ids": list(ids), "owner": owner})


async def put_back_strays(tx: Tx, owner: UUID, strays: Sequence[Departure]) -> None:
    """Returns what ``owner`` leased at birth and surely did not send, if it is stored at all."""
    for slot in sorted({stray.slot for stray in strays}):
        ours = [stray for stray in strays if stray.slot == slot]
        await tx.run(
            _Q["put_back_strays"],
            {
                "slot": slot,
                "ids": [stray.transaction_id for stray in ours],
                "leases": [stray.leased_until for stray in ours],
                "owner": owner,
            },
        )


async def lapsed(tx: ReadTx, limit: int) -> list[Row]:
    """Leases that ran out: (slot, transaction_id, provider_id, attempts, lease_until)."""
    return await tx.all(_Q["lapsed"], {"limit": limit})


async def stale(tx: ReadTx, seconds: float, limit: int) -> list[Row]:
    """Messages that have waited unsent for longer than ``seconds``: (slot, transaction_id)."""
    return await tx.all(_Q["stale"], {"seconds": seconds, "limit": limit})


async def debt(tx: ReadTx, slot: int, transaction_id: UUID) -> Message | None:
    """What one transaction still owes, as it stands."""
    row = await tx.first(_Q["debt"], {"slot": slot, "id": transaction_id})
    return None if row is None else Message(*row)


async def advance(tx: Tx, provider_ids: Collection[UUID], seconds: int) -> int:
    """Lets time go on for what is owed to some providers; answers for how many messages."""
    where = {"provider_ids": list(provider_ids), "seconds": seconds}
    return await tx.run(_Q["advance"], where)


async def beat(tx: Tx, process_id: UUID, *, delivers: bool) -> int:
    """Says that this process is alive; answers how many delivering processes are."""
    await tx.run(_Q["beat"], {"process_id": process_id, "delivers": delivers})
    return max(1, await live(tx))


async def live(tx: ReadTx) -> int:
    """How many delivering processes have said lately that they are alive."""
    row = await tx.first(_Q["live_processes"])
    return 0 if row is None else int(row.live)


async def leave(tx: Tx, process_id: UUID) -> None:
    """Takes this process off the list."""
    await tx.run(_Q["leave"], {"process_id": process_id})
