"""Carries out many decisions at once: any process goes on where another was killed."""

import asyncio
from uuid import UUID

import psycopg
import structlog

from guerdon import ids
from guerdon.access.rules import store as rules
from guerdon.db.pool import Database
from guerdon.errors import GuerdonError, Unavailable
from guerdon.redemption import bulk
from guerdon.redemption.settlement import Settlement
from guerdon.transactions.bulk import store
from guerdon.transactions.bulk.store import Begun, Ended, Job
from guerdon.transactions.lists import pages as lists
from guerdon.transactions.model import Transaction

_LOOKS_EVERY_SECONDS = 1.0
_BITE = 25
_log = structlog.get_logger("guerdon.bulk")


class BulkRunner:
    """Looks once a second for a job that nobody works at, and works at it to its end."""

    def __init__(
        self, database: Database, settlement: Settlement, slots: int, process_id: UUID
    ) -> None:
        self._database = database
        self._settlement = settlement
        self._slots = slots
        self._process_id = process_id
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Ends :meth:`run` after the rows that are on their way."""
        self._stop.set()

    async def run(self) -> None:
        """Works until stopped. A database that is away is waited for."""
        while not self._stop.is_set():
            try:
                await self._round()
            except (psycopg.OperationalError, GuerdonError) as trouble:
                _log.warning("cannot decide", error=str(trouble))
            except Exception:  # noqa: BLE001 - logged whole; the loop must outlive one bad row
                _log.exception("round failed")
            try:
                await asyncio.wait_for(self._stop.wait(), _LOOKS_EVERY_SECONDS)
            except TimeoutError:
                continue

    async def _round(self) -> None:
        while not self._stop.is_set():
            async with self._database.tx() as tx:
                job = await store.claim(tx, self._process_id)
            if job is None:
                return
            _log.info("bulk job", job=str(job.job_id), verb=job.verb)
            while not self._stop.is_set() and await self._bite(job):
                pass
        async with self._database.tx() as tx:
            await store.let_go(tx, self._process_id)

    async def _bite(self, job: Job) -> bool:
        """Some rows; answers whether there may be more."""
        async with self._database.tx() as tx:
            rows, stopped_by = await store.begin(tx, job.job_id, self._process_id, _BITE)
        if not rows:
            return False
        found = await self._find(job, rows)
        async with self._database.read() as tx:
            limits = await rules.second_person_from(tx, {job.namespace})
        limit = limits.get(job.namespace)
        ended = await asyncio.gather(
            *(self._end(job, row, found.get(row.transaction_id), stopped_by, limit) for row in rows)
        )
        async with self._database.tx() as tx:
            await store.record(tx, job.job_id, ended)
        return True

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
