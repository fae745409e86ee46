"""Claims what waits: fairly between providers, within their limits, and not while they are down.

What is due is counted at most once a second (or when the next message is due); between the counts a
freed place leads straight to a claim. The wake-ups are in-process events: no polling on the way.
"""

import asyncio
from collections import defaultdict
from uuid import UUID

import psycopg
import structlog

from guerdon import clock, metrics
from guerdon.db.pool import Database, Row
from guerdon.delivery.dispatcher import Dispatcher
from guerdon.outbox import store as outbox
from guerdon.outbox.message import LEASE_MARGIN_SECONDS, Departure
from guerdon.outbox.places import Places
from guerdon.providers import store as providers
from guerdon.redemption.news import Unsent
from guerdon.redemption.settlement import Settlement
from guerdon.transactions import store as transactions
from guerdon.transactions.states import OPEN, Status

_LONGEST_WAIT_SECONDS = 1.0
_LARGEST_CLAIM = 100
# What a message may be sent in; one that an operator has sent again, in any open status.
_UNDECIDED = (Status.PENDING,)
_log = structlog.get_logger("guerdon.worker")


class Worker:
    """The loop that claims queued messages and has them depart."""

    def __init__(
        self,
        database: Database,
        dispatcher: Dispatcher,
        settlement: Settlement,
        places: Places,
        process_id: UUID,
    ) -> None:
        self._database = database
        self._dispatcher = dispatcher
        self._settlement = settlement
        self._places = places
        self._process_id = process_id
        self._due: dict[UUID, dict[int, int]] = defaultdict(dict)
        self._wake = asyncio.Event()
        # Providers that the gauges know, to be set back to zero.
        self._shown: set[UUID] = set()
        # Claims whose COMMIT got no answer: slot and transactions.
        self._unanswered: list[tuple[int, list[UUID]]] = []
        self._next_count = 0.0
        self._stopping = False
        dispatcher.freed = self._freed

    def queued(self, provider_id: UUID, slot: int) -> None:
        """A message was born queued here."""
        waiting = self._due[provider_id]
        waiting[slot] = waiting.get(slot, 0) + 1
        self._wake.set()

    def _freed(self, provider_id: UUID) -> None:
        if self._due.get(provider_id):
            self._wake.set()

    def stop(self) -> None:
        """Ends :meth:`run` after its round."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Works until stopped. A database that is away is waited for."""
        while not self._stopping:
            self._wake.clear()
            try:
                await self._round()
            except psycopg.OperationalError as trouble:
                _log.warning("cannot claim", error=str(trouble))
                await asyncio.sleep(_LONGEST_WAIT_SECONDS)
            except Exception:  # noqa: BLE001 - logged whole; the loop must outlive one bad row
                _log.exception("round failed")
                await asyncio.sleep(_LONGEST_WAIT_SECONDS)
            wait = max(0.0, self._next_count - clock.monotonic())
            try:
                await asyncio.wait_for(self._wake.wait(), wait)
            except TimeoutError:
                continue

    async def _round(self) -> None:
        await self._put_back_unanswered()
        if clock.monotonic() >= self._next_count:
            await self._count()
        waiting = [provider_id for provider_id, slots in self._due.items() if slots]
        if not waiting:
            return
        async with self._database.read() as tx:
            standing = await providers.sending(tx, waiting)
        for provider in standing:
            if provider.paused or provider.slow:
                self._due[provider.provider_id].clear()
            elif provider.breaker == "open":
                await self._probe(provider)
            else:
                await self._claim(provider, _LARGEST_CLAIM)

    async def _put_back_unanswered(self) -> None:
        """What was claimed by a COMMIT without an answer was not sent: it goes back first."""
        while self._unanswered:
            slot, ids = self._unanswered[-1]
            async with self._database.tx() as tx:
                # The lock waits for a COMMIT that is still on its way.
                await outbox.lock(tx, slot, ids)
                await outbox.put_back(tx, slot, ids, self._process_id)
            self._unanswered.pop()

    async def _count(self) -> None:
        async with self._database.read() as tx:
            rows = await outbox.waiting(tx)
            tests = await providers.of_tests(tx)
        self._due.clear()
        depth: dict[UUID, int] = defaultdict(int)
        age: dict[UUID, float] = defaultdict(float)
        wait = _LONGEST_WAIT_SECONDS
        # What has waited longest comes first: it is claimed first, and it is a breaker's probe.
        for row in sorted(rows, key=lambda row: row.first_due):
            depth[row.provider_id] += row.queued
            age[row.provider_id] = max(age[row.provider_id], row.oldest_age)
            if row.due:
                self._due[row.provider_id][row.slot] = row.due
            elif row.due_in is not None:
                wait = min(wait, max(0.02, row.due_in))
        self._shown |= depth.keys() - tests
        for provider_id in self._shown:
            metrics.QUEUE_DEPTH.labels(str(provider_id)).set(depth[provider_id])
            metrics.QUEUE_AGE.labels(str(provider_id)).set(age[provider_id])
        self._next_count = clock.monotonic() + wait

    async def _probe(self, provider: Row) -> None:
        """While a breaker is open nothing goes but the probe, when it is due."""
        if not provider.probe_due:
            self._due[provider.provider_id].clear()
            return
        async with self._database.tx() as tx:
            mine = await providers.take_probe(tx, provider.provider_id)
        if mine:
            await self._claim(provider, 1)
        self._due[provider.provider_id].clear()

    async def _claim(self, provider: Row, most: int) -> None:
        """Takes places first, then as many messages; the places left over are given back."""
        slots = self._due[provider.provider_id]
        wanted = min(most, sum(slots.values()))
        taken = 0
        while taken < wanted and self._places.take(
            provider.provider_id, provider.max_in_flight, provider.rate_per_second
        ):
            taken += 1
        used = 0
        try:
            for slot in list(slots):
                if used == taken:
                    break
                used += await self._claim_slot(provider, slot, taken - used)
        finally:
            for _ in range(taken - used):
                self._places.give_back(provider.provider_id)

    async def _claim_slot(self, provider: Row, slot: int, limit: int) -> int:
        seconds = provider.timeout_seconds + LEASE_MARGIN_SECONDS
        lease_ends = clock.monotonic() + seconds
        ids: list[UUID] = []
        try:
            async with self._database.batch() as tx:
                rows = await outbox.claim(
                    tx,
                    slot,
                    provider.provider_id,
                    owner=self._process_id,
                    lease_seconds=seconds,
                    limit=limit,
                )
                ids = [row.transaction_id for row in rows]
                bodies, standing = await tx.together(
                    transactions.bodies_of(tx, slot, ids),
                    transactions.standing_of(tx, slot, ids),
                )
                again = {row.transaction_id for row in rows if row.resent and provider.idempotent}
                over = [
                    i for i in ids if standing[i][0] not in (OPEN if i in again else _UNDECIDED)
                ]
                unsure = [i for i in ids if standing[i] == (Status.PENDING, True)]
                if provider.idempotent:
                    unsure = []
                await outbox.settle(tx, slot, over)
                if unsure:
                    await outbox.put_back(tx, slot, unsure, self._process_id)
        except psycopg.OperationalError:
            self._unanswered.append((slot, ids))
            raise
        kept_back = {*over, *unsure}
        departing = [row for row in rows if row.transaction_id not in kept_back]
        for row in departing:
            self._dispatcher.depart(
                Departure(
                    slot,
                    row.transaction_id,
                    provider.namespace,
                    row.provider_id,
                    row.attempts,
                    bodies[row.transaction_id],
                    lease_ends,
                    None,
                    resent=row.resent,
                )
            )
        left = self._due[provider.provider_id].get(slot, 0) - len(rows)
        if len(rows) < limit or left <= 0:
            self._due[provider.provider_id].pop(slot, None)
        else:
            self._due[provider.provider_id][slot] = left
        for transaction_id in unsure:
            await self._settlement.hear(_not_again(transaction_id))
        return len(departing)


def _not_again(transaction_id: UUID) -> Unsent:
    return Unsent(
        transaction_id,
        "not-idempotent",
        "An earlier attempt has an unknown outcome, and the provider is no longer set to tell "
        "repeated messages apart: it is not sent again.",
    )
