"""Keeps the figures by hour: folds in what changed, and counts hours against the transactions."""

import structlog

from guerdon import clock
from guerdon.db.pool import Database
from guerdon.db.rounds import Rounds
from guerdon.transactions.hours import store as hours
from guerdon.transactions.hours.store import Turn

_FOLDED_AT_ONCE = 5000
_COUNTED_AT_ONCE = 20_000
# Of each second, while a programme's hours are not whole: the rest is for what people wait for.
_COUNTING_SECONDS = 0.2
_LOOK_FOR_NEW_EVERY = 10
_CHECK_EVERY = 10
_log = structlog.get_logger("guerdon.hours")


class Hours(Rounds):
    """Looks once a second; each step is a commit."""

    of = "hours"

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self._rounds = 0

    async def round(self) -> None:
        """Folds in what changed, then counts for a while."""
        while not self.stopping:
            async with self._database.tx() as tx:
                if await hours.fold(tx, _FOLDED_AT_ONCE) < _FOLDED_AT_ONCE:
                    break
        if self._rounds % _LOOK_FOR_NEW_EVERY == 0:
            async with self._database.tx() as tx:
                await hours.begin_counting(tx)
        checks = self._rounds % _CHECK_EVERY == 0
        self._rounds += 1
        until = clock.monotonic() + _COUNTING_SECONDS
        while not self.stopping and clock.monotonic() < until:
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
