"""Lanes of group commit: what arrives while a commit is on its way shares the next one.

A lane belongs to a slot, so two lanes never want the same member. A few drivers serve all lanes:
an idle one flushes what arrives at once, so nobody waits when there is no load; when all are busy,
what queues up makes the next batch larger. No timers.

A batch that fails is driven again or cut in two, so that one bad request never fails its
neighbours. A COMMIT whose reply was lost is driven again with the same rows: the lock on the rows
waits for the lost one, and the keys then say whether it happened.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from guerdon import clock
from guerdon.db.pool import Database, Tx
from guerdon.errors import GuerdonError, TooManyRequests, Unavailable

LARGEST_BATCH = 300
# Measured on two cores: two keep PostgreSQL and Python busy; more only make smaller batches.
DRIVERS = 2
# Who would wait longer than this is told so at once; those who wait already are served.
WAIT_BUDGET_SECONDS = 2.0
_DRIVES_OF_A_LOST_BATCH = 3

W = TypeVar("W", contravariant=True)
R = TypeVar("R")
_log = structlog.get_logger("guerdon.lane")


class Verb(Protocol[W, R]):
    """Something done to many at once, inside one ``Tx``."""

    name: str
    sheds: bool

    async def drive(self, tx: Tx, slot: int, works: Sequence[W]) -> list[R | GuerdonError]:
        """Decides and writes; answers a result or a refusal for each work, in order."""
        ...

    def committed(self, works: Sequence[W], results: Sequence[R | GuerdonError]) -> None:
        """What must follow a commit, whoever still listens. May not raise."""
        ...

    def abandoned(self, works: Sequence[W]) -> None:
        """The works will not be driven again: gives back what they took."""
        ...


class _Waiting(Generic[W, R]):
    __slots__ = ("answer", "since", "work")

    def __init__(self, work: W, answer: asyncio.Future[R], since: float) -> None:
        self.work = work
        self.answer = answer
        self.since = since


Queue = deque[_Waiting[Any, Any]]


class Lanes:
    """All lanes of this process. Verbs are added before :meth:`start`."""

    def __init__(self, database: Database, slots: int, observe: Callable[[str, int], None]) -> None:
        """``observe(verb name, size)`` is told of every batch."""
        self._database = database
        self._observe = observe
        self._queues: list[dict[str, Queue]] = [{} for _ in range(slots)]
        self._verbs: dict[str, Verb[Any, Any]] = {}
        self._busy: set[int] = set()
        self._ready: deque[int] = deque()
        self._wake = asyncio.Semaphore(0)
        self._drivers: list[asyncio.Task[None]] = []
        self._closed = False

    def start(self) -> None:
        """Starts the drivers on the running loop."""
        self._drivers = [
            asyncio.create_task(self._serve(), name=f"lane driver {number}")
            for number in range(DRIVERS)
        ]

    async def close(self) -> None:
        """Lets what waits finish, then ends the drivers."""
        self._closed = True
        for _ in self._drivers:
            self._wake.release()
        await asyncio.gather(*self._drivers)

    async def submit(self, verb: Verb[W, R], slot: int, work: W) -> R:
        """Has ``work`` done with the next batch; answers its result or raises its refusal."""
        if self._closed:
            raise Unavailable("Guerdon is shutting down. Send it again.", retryAfter=1)
        self._verbs[verb.name] = verb
        queue = self._queues[slot].setdefault(verb.name, deque())
        now = clock.monotonic()
        if verb.sheds and queue and now - queue[0].since > WAIT_BUDGET_SECONDS:
            raise TooManyRequests("More arrives than can be committed. Try again.", retryAfter=1)
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        queue.append(_Waiting(work, answer, now))
        self._announce(slot)
        return await answer

    def _announce(self, slot: int) -> None:
        if slot not in self._busy:
            self._busy.add(slot)
            self._ready.append(slot)
            self._wake.release()

    async def _serve(self) -> None:
        while True:
            await self._wake.acquire()
            if not self._ready:
                return
            slot = self._ready.popleft()
            name, batch = self._take(slot)
            await self._drive(self._verbs[name], slot, batch)
            self._busy.discard(slot)
            if any(self._queues[slot].values()):
                self._announce(slot)

    def _take(self, slot: int) -> tuple[str, list[_Waiting[Any, Any]]]:
        """The verb whose oldest work has waited longest, and a batch of its works."""
        queues = self._queues[slot]
        name = min((n for n in queues if queues[n]), key=lambda n: queues[n][0].since)
        queue = queues[name]
        batch = [queue.popleft() for _ in range(min(LARGEST_BATCH, len(queue)))]
        return name, batch

    async def _drive(
        self, verb: Verb[Any, Any], slot: int, batch: list[_Waiting[Any, Any]]
    ) -> None:
        works = [waiting.work for waiting in batch]
        try:
            results = await self._commit(verb, slot, works)
        except psycopg.OperationalError as trouble:
            verb.abandoned(works)
            _log.warning("batch not stored", verb=verb.name, size=len(works), error=str(trouble))
            refusal = Unavailable(
                "The database could not be reached or could not store this. Nothing is known to "
                "have happened; send it again with the same key.",
                retryAfter=1,
            )
            _answer(batch, [refusal] * len(batch))
        except Exception as trouble:  # noqa: BLE001 - one poisoned work must not fail its neighbours
            verb.abandoned(works)
            if len(batch) == 1:
                _answer(batch, [trouble])
                return
            _log.warning("batch cut in two", verb=verb.name, size=len(works), error=repr(trouble))
            middle = len(batch) // 2
            await self._drive(verb, slot, batch[:middle])
            await self._drive(verb, slot, batch[middle:])
        else:
            self._observe(verb.name, len(works))
            verb.committed(works, results)
            _answer(batch, results)

    async def _commit(self, verb: Verb[Any, Any], slot: int, works: list[Any]) -> list[Any]:
        for drive in range(1, _DRIVES_OF_A_LOST_BATCH + 1):
            try:
                async with self._database.batch() as tx:
                    results = await verb.drive(tx, slot, works)
            except PoolTimeout:
                raise
            except psycopg.OperationalError as trouble:
                if drive == _DRIVES_OF_A_LOST_BATCH:
                    raise
                _log.warning("batch driven again", verb=verb.name, error=str(trouble))
            else:
                return results
        raise AssertionError("the last drive returns or raises")


def _answer(batch: Sequence[_Waiting[Any, Any]], results: Sequence[object]) -> None:
    for waiting, result in zip(batch, results, strict=True):
        if waiting.answer.done():  # whoever asked has gone; it happened all the same
            continue
        if isinstance(result, BaseException):
            waiting.answer.set_exception(result)
        else:
            waiting.answer.set_result(result)
