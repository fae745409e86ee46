"""Writes exports that are too long to stream, step by step."""

from uuid import UUID

import psycopg
import structlog

from guerdon.db.pool import Database, Tx
from guerdon.errors import GuerdonError
from guerdon.redemption.exports import writing
from guerdon.transactions.exports import store
from guerdon.transactions.exports.model import Export

_log = structlog.get_logger("guerdon.exports")


class Exporting:
    """The work on one export."""

    kind = "export"

    def __init__(self, database: Database, process_id: UUID) -> None:
        self._database = database
        self._process_id = process_id

    async def claim(self, tx: Tx) -> Export | None:
        """An export that nobody writes, leased."""
        export = await store.claim(tx, self._process_id)
        if export is not None:
            _log.info("export", export=str(export.export_id), steps=export.steps)
        return export

    async def bite(self, job: Export) -> Export | None:
        """One step. Its snapshot ends before it is kept: an erasure that came in between has ended
        the export, and nothing is kept."""
        try:
            async with self._database.read() as tx:
                step = await writing.step(tx, job)
        except (psycopg.OperationalError, GuerdonError):
            raise
        except Exception as trouble:  # noqa: BLE001 - one poisoned export must not stop the others
            _log.exception("export failed", export=str(job.export_id))
            async with self._database.tx() as tx:
                why = f"It could not be written: {type(trouble).__name__}."
                await store.fail(tx, job, self._process_id, why)
            return None
        async with self._database.tx() as tx:
            return await store.advance(tx, job, self._process_id, step)

    async def let_go(self, tx: Tx) -> None:
        """Leaves what is under way to others."""
        await store.let_go(tx, self._process_id)
