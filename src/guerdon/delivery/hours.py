"""Keeps the figures by hour: folds in what changed, and counts hours against the transactions."""

import asyncio

import psycopg
import structlog

from guerdon import clock
from guerdon.db.pool import Database
from guerdon.errors import GuerdonError
from guerdon.transactions.hours import store as hours
from guerdon.transactions.hours.store import Turn

_ROUND_SECONDS = 1.0
_FOLDED_AT_ONCE = 5000
_COUNTED_AT_ONCE = 20_000
# Of each second, while a programme's hours are not whole: the rest is for what people wait for.
_COUNTING_SECONDS = 0.2
_LOOK_FOR_NEW_EVERY = 10
_CHECK_EVERY = 10
_log = structlog.get_logger("guerdon.hours")


class Hours:
    """Looks once a second. It loses nothing when it ends at any point: each step is a commit."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stop = asyncio.Event()
        self._rounds = 0

    def stop(self) -> None:
        """Ends :meth:`run` after its step."""
        self._stop.set()

    async def run(self) -> None:
        """Goes on until stopped. A database that is away is waited for."""
        while not self._stop.is_set():
            try:
                await self._round()
            except (psycopg.OperationalError, GuerdonError) as trouble:
                _log.warning("cannot keep the hours", error=str(trouble))
            except Exception:  # noqa: BLE001 - logged whole; the loop must outlive one bad row
                _log.exception("round failed")
            try:
                await asyncio.wait_for(self._stop.wait(), _ROUND_SECONDS)
            except TimeoutError:
                continue

    async def _round(self) -> None:
        while not self._stop.is_set():
            async with self._database.tx() as tx:
                if await hours.fold(tx, _FOLDED_AT_ONCE) < _FOLDED_AT_ONCE:
                    break
        if self._rounds % _LOOK_FOR_NEW_EVERY == 0:
            async with self._database.tx() as tx:
                await hours.begin_counting(tx)
        checks = self._rounds % _CHECK_EVERY == 0
        self._rounds += 1
        until = clock.monotonic() + _COUNTING_SECONDS
        while not self._stop.is_set() and clock.monotonic() < until:
            async with self._database.tx() as tx:
                turn = await hours.count_on(tx, _COUNTED_AT_ONCE, checks=checks)
            if turn is None:
                return
            _tell(turn)
            if turn.round:
                return


def _tell(turn: Turn) -> None:
    facts = {
        "namespace": turn.namespace,
        "since": turn.start.isoformat(),
        "looked_at": turn.counted,
    }
    if not turn.round:
        _log.info("hours counted", **facts)
    elif turn.differed:
        _log.warning("hours corrected", **facts, differed=len(turn.differed))
