"""Work that goes on in the background: any process goes on where another was killed.

A job is a row with a lease. Whoever holds it works in bites, each of which keeps the lease and
commits what it did; a lease that ran out is anybody's.
"""

from typing import Protocol, TypeVar

from guerdon.db.pool import Database, Tx
from guerdon.db.rounds import Rounds

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


class Jobs(Rounds):
    """Looks once a second for a job of one kind, and works at it to its end."""

    def __init__(self, database: Database, work: Work[J]) -> None:
        super().__init__()
        self.of = work.kind
        self._database = database
        self._work = work

    async def round(self) -> None:
        """Job after job, while there is one."""
        while not self.stopping:
            async with self._database.tx() as tx:
                job = await self._work.claim(tx)
            if job is None:
                return
            while job is not None and not self.stopping:
                job = await self._work.bite(job)

    async def leave(self) -> None:
        """Others may go on with what is under way."""
        async with self._database.tx() as tx:
            await self._work.let_go(tx)
