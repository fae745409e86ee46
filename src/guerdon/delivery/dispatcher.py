"""One message on its way, in one straight line: load, sign, send, conclude.

A departure is leased already; no byte is written unless the lease outlives the attempt's deadline,
and no database connection is held while the provider thinks.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

import psycopg
import structlog

from guerdon import clock, metrics
from guerdon.db.pool import Database
from guerdon.delivery.directory import Directory
from guerdon.delivery.health import Health
from guerdon.errors import TransactionNotFound, Unavailable
from guerdon.outbox import store as outbox
from guerdon.outbox.message import Departure
from guerdon.outbox.places import Places
from guerdon.providers import envelope, outcomes
from guerdon.providers.client import ProviderClient
from guerdon.providers.model import Provider
from guerdon.providers.outcomes import Judgement, Observation
from guerdon.redemption.inquiry import reply_context
from guerdon.redemption.news import AttemptEnded, Concluded
from guerdon.redemption.settlement import Settlement
from guerdon.sealing import Sealer

_SHORTEST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 5.0
_T = TypeVar("_T")
_log = structlog.get_logger("guerdon.delivery")


class Dispatcher:
    """Starts attempts and sees them to their end. ``freed`` is told when a place is free again."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        client: ProviderClient,
        settlement: Settlement,
        places: Places,
        process_id: UUID,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._client = client
        self._settlement = settlement
        self._places = places
        self._process_id = process_id
        self.directory = Directory(database, sealer)
        self._health = Health(database, self.directory)
        self._under_way: set[asyncio.Task[None]] = set()
        self._closing = False
        self.freed: Callable[[UUID], None] = lambda _: None

    def depart(self, departure: Departure) -> None:
        """Starts the attempt, at once; its place on the wire was taken before."""
        task = asyncio.create_task(self._attempt(departure))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def close(self) -> None:
        """Lets attempts on the wire come to their end; what has not begun goes back.

        To be called again once nothing more can depart: what departs meanwhile goes back too.
        """
        self._closing = True
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def _attempt(self, departure: Departure) -> None:
        try:
            await self._deliver(departure)
        except TransactionNotFound:
            _log.info("wiped while under way", transaction=str(departure.transaction_id))
        except Exception:  # noqa: BLE001 - logged whole; the lease then runs out
            # The lease runs out and the sweeper concludes; here only the cause can be told.
            _log.exception("attempt failed", transaction=str(departure.transaction_id))
        finally:
            self._places.give_back(departure.provider_id)
            self.freed(departure.provider_id)

    async def _deliver(self, departure: Departure) -> None:
        provider = await self._while_leased(
            departure, lambda: self.directory.provider(departure.provider_id)
        )
        outlives = departure.lease_ends > clock.monotonic() + provider.timeout_seconds
        if self._closing or not outlives:
            await self._while_leased(departure, lambda: self._put_back(departure))
            return
        identifier = str(departure.transaction_id)
        request = envelope.post(provider, identifier, departure.body)
        started_at, started = clock.now(), clock.monotonic()
        if departure.accepted is not None and not provider.test:
            metrics.TO_POST.observe(started - departure.accepted)
        seen = await self._client.send(request)
        duration_ms = round((clock.monotonic() - started) * 1000)
        judgement = outcomes.classify(seen, provider.dialect, identifier)
        ended = AttemptEnded(
            departure.transaction_id,
            provider.provider_id,
            departure.attempt,
            started_at,
            duration_ms,
            seen.status,
            judgement,
            provider.idempotent,
            provider.bare4xx,
            provider.confirmation,
            self._sealed(departure, seen),
            resent=departure.resent,
        )
        concluded = await self._conclude(departure, ended)
        self._tell(departure, provider, seen, judgement, duration_ms, concluded)
        await self._health.note(provider, seen, judgement)

    def _sealed(self, departure: Departure, seen: Observation) -> bytes | None:
        if not seen.body:
            return None
        context = reply_context(departure.transaction_id, departure.attempt)
        return self._sealer.seal(seen.body, context)

    async def _while_leased(self, departure: Departure, work: Callable[[], Awaitable[_T]]) -> _T:
        """Waits for a database that is away as long as the lease lasts: nothing is sent yet."""
        pause = _SHORTEST_PAUSE_SECONDS
        while True:
            try:
                return await work()
            except psycopg.OperationalError:
                if clock.monotonic() + pause > departure.lease_ends:
                    raise
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _conclude(self, departure: Departure, ended: AttemptEnded) -> Concluded:
        """Stores the result, however long the database takes to come back: only we know it.

        A process that is to end waits no longer than the lease; then the outcome is unknown.
        """
        pause = _SHORTEST_PAUSE_SECONDS
        while True:
            try:
                return await self._settlement.hear(ended)
            except Unavailable:
                if self._closing and clock.monotonic() > departure.lease_ends:
                    raise
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _put_back(self, departure: Departure) -> None:
        if clock.monotonic() > departure.lease_ends:
            return  # it may be leased anew by now, and on the wire
        async with self._database.tx() as tx:
            await outbox.put_back(tx, departure.slot, [departure.transaction_id], self._process_id)

    def _tell(
        self,
        departure: Departure,
        provider: Provider,
        seen: Observation,
        judgement: Judgement,
        duration_ms: int,
        concluded: Concluded,
    ) -> None:
        closed = concluded.transaction.closed_at
        if not provider.test:
            metrics.attempts(provider.name, judgement.evidence).inc()
            if departure.accepted is not None and concluded.applied and closed is not None:
                metrics.TO_SETTLED.observe(clock.monotonic() - departure.accepted)
        _log.info(
            "attempt",
            transaction=str(departure.transaction_id),
            namespace=departure.namespace,
            provider=provider.name,
            attempt=departure.attempt,
            http_status=seen.status,
            duration_ms=duration_ms,
            evidence=judgement.evidence,
            rule=judgement.rule,
            detail=seen.detail or None,
            status=str(concluded.transaction.status),
            retries=concluded.retries,
        )
