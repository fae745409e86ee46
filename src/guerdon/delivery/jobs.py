"""Work that goes on in the background: any process goes on where another was killed.

A job is a row with a lease. Whoever holds it works in bites, each of which keeps the lease and
commits what it did; a lease that ran out is anybody's.
"""

import asyncio
from typing import Protocol, TypeVar

import psycopg
import structlog

from guerdon.db.pool import Database, Tx
from guerdon.errors import GuerdonError

_LOOKS_EVERY_SECONDS = 1.0
_log = structlog.get_logger("guerdon.jobs")
J = TypeVar("J")


class Work(Protocol[J]):
    """One kind of job. ``kind`` names it in the log."""

    kind: str

    async def claim(self, tx: Tx) -> J | None:
        """A job that nobody works at, leased."""

    async def bite(self, job: J) -> J | None:
        """Some of it; answers the job as it stands then, or ``None`` once nothing is left."""

    async def let_go(self, tx: Tx) -> None:
        """Leaves what is under way to others."""


class Jobs:
    """Looks once a second for a job of one kind, and works at it to its end."""

    def __init__(self, database: Database, work: Work[J]) -> None:
        self._database = database
        self._work = work
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Ends :meth:`run` after the bite that is on its way."""
        self._stop.set()

    async def run(self) -> None:
        """Works until stopped. A database that is away is waited for."""
        while not self._stop.is_set():
            try:
                await self._round()
            except (psycopg.OperationalError, GuerdonError) as trouble:
                _log.warning("cannot work", kind=self._work.kind, error=str(trouble))
            except Exception:  # noqa: BLE001 - logged whole; the loop must outlive one bad row
                _log.exception("round failed", kind=self._work.kind)
            try:
                await asyncio.wait_for(self._stop.wait(), _LOOKS_EVERY_SECONDS)
            except TimeoutError:
                continue

    async def _round(self) -> None:
        while not self._stop.is_set():
            async with self._database.tx() as tx:
                job = await self._work.claim(tx)
            if job is None:
                return
            while job is not None and not self._stop.is_set():
                job = await self._work.bite(job)
        async with self._database.tx() as tx:
            await self._work.let_go(tx)
