"""Says every few seconds how many members of each programme have the widget in view here."""

import asyncio
from uuid import UUID

import psycopg
import structlog

from guerdon.db.pool import Database
from guerdon.errors import GuerdonError
from guerdon.members.present import store
from guerdon.widget.live import MemberFeed

_SAYS_EVERY_SECONDS = 5.0
_log = structlog.get_logger("guerdon.presence")


class Presence:
    """The loop. A process that serves no widget writes nothing."""

    def __init__(self, database: Database, feed: MemberFeed, process_id: UUID) -> None:
        self._database = database
        self._feed = feed
        self._process_id = process_id
        self._stop = asyncio.Event()
        self._said = False

    def stop(self) -> None:
        """Ends :meth:`run` once it has said that nobody is in view here any more."""
        self._stop.set()

    async def run(self) -> None:
        """Goes on until stopped. A database that is away is told later."""
        while True:
            try:
                await self.say()
            except (psycopg.OperationalError, GuerdonError) as trouble:
                _log.warning("cannot say who has the widget in view", error=str(trouble))
            except Exception:  # noqa: BLE001 - logged whole; the loop must outlive it
                _log.exception("round failed")
            if self._stop.is_set():
                return
            try:
                await asyncio.wait_for(self._stop.wait(), _SAYS_EVERY_SECONDS)
            except TimeoutError:
                continue

    async def say(self) -> None:
        """Once, if there is somebody, or was when it last said so."""
        members = {} if self._stop.is_set() else self._feed.in_view()
        if not members and not self._said:
            return
        async with self._database.tx() as tx:
            await store.say(tx, self._process_id, members)
        self._said = bool(members)
