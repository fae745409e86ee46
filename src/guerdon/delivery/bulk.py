"""Carries out many decisions at once."""

import asyncio
from uuid import UUID

import psycopg
import structlog

from guerdon import ids
from guerdon.access.rules import store as rules
from guerdon.db.pool import Database, Tx
from guerdon.errors import Unavailable
from guerdon.redemption import bulk
from guerdon.redemption.settlement import Settlement
from guerdon.transactions.bulk import store
from guerdon.transactions.bulk.store import Begun, Ended, Job
from guerdon.transactions.lists import pages as lists
from guerdon.transactions.model import Transaction

_BITE = 25
_log = structlog.get_logger("guerdon.bulk")


class Bulk:
    """The work on one job of many decisions."""

    kind = "bulk"

    def __init__(
        self, database: Database, settlement: Settlement, slots: int, process_id: UUID
    ) -> None:
        self._database = database
        self._settlement = settlement
        self._slots = slots
        self._process_id = process_id

    async def claim(self, tx: Tx) -> Job | None:
        """A job that nobody works at, leased."""
        job = await store.claim(tx, self._process_id)
        if job is not None:
            _log.info("bulk job", job=str(job.job_id), verb=job.verb)
        return job

    async def let_go(self, tx: Tx) -> None:
        """Leaves what is under way to others."""
        await store.let_go(tx, self._process_id)

    async def bite(self, job: Job) -> Job | None:
        """Some rows; answers the job where there may be more."""
        async with self._database.tx() as tx:
            rows, stopped_by = await store.begin(tx, job.job_id, self._process_id, _BITE)
        if not rows:
            return None
        found = await self._find(job, rows)
        async with self._database.read() as tx:
            limits = await rules.second_person_from(tx, {job.namespace})
        limit = limits.get(job.namespace)
        ended = await asyncio.gather(
            *(self._end(job, row, found.get(row.transaction_id), stopped_by, limit) for row in rows)
        )
        async with self._database.tx() as tx:
            await store.record(tx, job.job_id, ended)
        return job

    async def _find(self, job: Job, rows: list[Begun]) -> dict[UUID, Transaction]:
        wanted = [
            (ids.bucket_in(row.transaction_id) % self._slots, row.transaction_id) for row in rows
        ]
        async with self._database.read() as tx:
            found = await lists.by_ids(tx, wanted)
        return {t.transaction_id: t for t in found if t.namespace == job.namespace}

    async def _end(
        self,
        job: Job,
        row: Begun,
        t: Transaction | None,
        stopped_by: str | None,
        second_person_from: int | None,
    ) -> Ended:
        done = bulk.done_before(job, row, t)
        if done is not None:
            return done
        why = bulk.why_not(t, row.events, second_person_from)
        if why is not None:
            return Ended(row.n, "skipped", why)
        if stopped_by is not None:
            who = stopped_by.removeprefix("operator:")
            return Ended(row.n, "skipped", f"Stopped by {who} before its turn.")
        try:
            ended = await bulk.decide(self._settlement, job, row)
        except (Unavailable, psycopg.OperationalError):
            raise
        except Exception as trouble:  # noqa: BLE001 - one poisoned row must not stop its neighbours
            _log.exception("row failed", job=str(job.job_id), transaction=str(row.transaction_id))
            return Ended(row.n, "failed", f"It could not be decided: {type(trouble).__name__}.")
        if ended.outcome == "failed":
            # Another process may have been at the same row when its lease ran out.
            again = await self._find(job, [row])
            return bulk.done_before(job, row, again.get(row.transaction_id)) or ended
        return ended
