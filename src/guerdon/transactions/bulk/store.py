"""Many decisions at once, as rows: a frozen selection, who began it, and what became of each.

A job is worked at by whoever holds its lease. A row is first marked as begun, then decided, then
given its outcome, each in a ``Tx`` of its own: a process that was killed in between leaves rows
that are begun and have no outcome, and the next one finds out what became of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from guerdon import ids
from guerdon.db.pool import ReadTx, Row, Tx
from guerdon.db.sql import Queries
from guerdon.transactions.model import Transaction

_Q = Queries("guerdon.transactions.bulk")
MOST = 1000
LEASE_SECONDS = 30

Outcome = Literal["done", "skipped", "failed"]


@dataclass(frozen=True, slots=True)
class Job:
    """Many decisions. ``asked`` is the selection in words of the list's address; ``actor`` is who
    began it, and decides."""

    job_id: UUID
    namespace: str
    verb: str
    asked: dict[str, str]
    frozen_by: str
    frozen_at: datetime
    actor: str | None
    address: str | None
    reason: str | None
    started_at: datetime | None
    stopped_by: str | None
    stopped_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Begun:
    """A row whose turn it is. ``events`` is how many its transaction had when it was selected."""

    n: int
    transaction_id: UUID
    events: int
    begun_at: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a row, in words."""

    n: int
    outcome: Outcome
    sentence: str


async def freeze(
    tx: Tx,
    namespace: str,
    verb: str,
    asked: dict[str, str],
    actor: str,
    selected: Sequence[Transaction],
) -> UUID:
    """Keeps a selection as it stands; answers its ID. Old ones that nobody began go."""
    job_id = ids.random_id()
    await tx.run(_Q["prune"])
    await tx.run(
        _Q["add_job"],
        {
            "job_id": job_id,
            "namespace": namespace,
            "verb": verb,
            "asked": msgspec.json.encode(asked).decode(),
            "frozen_by": actor,
            "frozen_at": tx.at,
        },
    )
    await tx.run(
        _Q["add_items"],
        {
            "job_id": job_id,
            "ns": list(range(1, len(selected) + 1)),
            "ids": [t.transaction_id for t in selected],
            "events": [t.events for t in selected],
        },
    )
    return job_id


async def job(tx: ReadTx, namespace: str, job_id: UUID) -> Job | None:
    """One job of a namespace."""
    row = await tx.first(_Q["job"], {"job_id": job_id, "namespace": namespace})
    return None if row is None else Job(*row)


async def jobs(tx: ReadTx, namespace: str, limit: int) -> list[Job]:
    """The newest jobs that were begun."""
    rows = await tx.all(_Q["jobs"], {"namespace": namespace, "limit": limit})
    return [Job(*row) for row in rows]


async def items(
    tx: ReadTx, job_id: UUID, *, outcome: str | None = None, after: int = 0, limit: int = MOST
) -> list[Row]:
    """(n, transaction_id, events, outcome, sentence, at) of rows; an empty outcome is none yet."""
    where = {"job_id": job_id, "outcome": outcome, "after": after, "limit": limit}
    return await tx.all(_Q["items"], where)


async def counts(tx: ReadTx, job_id: UUID) -> dict[str, int]:
    """How many rows have which outcome; the empty one is none yet."""
    return {row.outcome: row.found for row in await tx.all(_Q["counts"], {"job_id": job_id})}


async def start(tx: Tx, job: Job, actor: str, address: str | None, reason: str | None) -> bool:
    """Begins it; answers whether nobody had before."""
    where = {"job_id": job.job_id, "namespace": job.namespace}
    given = {**where, "actor": actor, "address": address, "reason": reason}
    return await tx.run(_Q["start"], given) > 0


async def stop(tx: Tx, job: Job, actor: str) -> bool:
    """Lets no further row begin; answers whether it was under way until now."""
    where = {"job_id": job.job_id, "namespace": job.namespace, "actor": actor}
    return await tx.run(_Q["stop"], where) > 0


async def claim(tx: Tx, owner: UUID) -> Job | None:
    """A job to work at, leased."""
    row = await tx.first(_Q["claim"], {"owner": owner, "seconds": LEASE_SECONDS})
    return None if row is None else Job(*row)


async def begin(tx: Tx, job_id: UUID, owner: UUID, limit: int) -> tuple[list[Begun], str | None]:
    """The next rows and who stopped the job, if anybody; no rows where it is no longer ours."""
    lease = {"job_id": job_id, "owner": owner, "seconds": LEASE_SECONDS}
    kept = await tx.first(_Q["keep"], lease)
    if kept is None:
        return [], None
    stopped = kept.stopped_by is not None
    rows = await tx.all(_Q["begin_items"], {"job_id": job_id, "stopped": stopped, "limit": limit})
    if not rows:
        if stopped:
            sentence = f"Stopped by {kept.stopped_by.removeprefix('operator:')} before its turn."
            await tx.run(_Q["leave_rest"], {"job_id": job_id, "sentence": sentence})
        await tx.run(_Q["finish"], {"job_id": job_id, "owner": owner})
    return sorted((Begun(*row) for row in rows), key=lambda one: one.n), kept.stopped_by


async def record(tx: Tx, job_id: UUID, ended: Sequence[Ended]) -> None:
    """Writes what became of rows; the first to know is believed."""
    await tx.run(
        _Q["record"],
        {
            "job_id": job_id,
            "ns": [one.n for one in ended],
            "outcomes": [one.outcome for one in ended],
            "sentences": [one.sentence for one in ended],
        },
    )


async def let_go(tx: Tx, owner: UUID) -> None:
    """Leaves what is under way to others."""
    await tx.run(_Q["let_go"], {"owner": owner})
