"""What time alone brings about: leases that ran out, deadlines, enquiries, lapsed keys."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

import structlog

from guerdon import metrics
from guerdon.db.pool import Database, Row
from guerdon.db.rounds import Rounds
from guerdon.delivery.dispatcher import Dispatcher
from guerdon.delivery.enquiry import enquire
from guerdon.errors import GuerdonError, TransactionNotFound
from guerdon.outbox import schedule
from guerdon.outbox import store as outbox
from guerdon.outbox.places import Places
from guerdon.providers import outcomes
from guerdon.providers import store as providers
from guerdon.providers.client import ProviderClient
from guerdon.providers.model import Provider
from guerdon.providers.outcomes import Observation
from guerdon.redemption import forgetting
from guerdon.redemption.news import AttemptEnded, Heard, Told, Unsent
from guerdon.redemption.settlement import Settlement
from guerdon.transactions import store as transactions
from guerdon.transactions.exports import store as exports
from guerdon.transactions.retention import store as retention
from guerdon.transactions.states import News

_PRUNE_EVERY, _FORGET_EVERY = 600, 60
_BITE, _FORGOTTEN_AT_ONCE = 200, 500
_DAY_SECONDS = 86_400
_ASKED_AT_ONCE = 20
_log = structlog.get_logger("guerdon.sweeper")


class Sweeper(Rounds):
    """Looks once a second; every piece of news goes the way of all news."""

    of = "sweeping"

    def __init__(
        self,
        database: Database,
        settlement: Settlement,
        dispatcher: Dispatcher,
        client: ProviderClient,
        places: Places,
        process_id: UUID,
    ) -> None:
        super().__init__()
        self._database = database
        self._settlement = settlement
        self._dispatcher = dispatcher
        self._client = client
        self._places = places
        self._process_id = process_id
        self._rounds = 0
        self._more_to_forget = False
        # By transaction: enquiries under way. A round does not wait for them, or one provider that
        # hangs would hold up the heartbeat and everybody's leases and deadlines.
        self._asking: dict[UUID, asyncio.Task[None]] = {}
        self._asked_of: Counter[UUID] = Counter()

    async def leave(self) -> None:
        """Asks nobody any more."""
        # Nothing is lost: an enquiry is due until its answer is stored.
        for asking in self._asking.values():
            asking.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)

    async def round(self) -> None:
        """What is due is heard, in bites."""
        async with self._database.tx() as tx:
            self._places.processes = await outbox.beat(tx, self._process_id, delivers=True)
        await self._return_strays()
        async with self._database.read() as tx:
            lapsed = await outbox.lapsed(tx, _BITE)
            overdue = await transactions.overdue(tx, _BITE)
            stale = await outbox.stale(tx, _DAY_SECONDS, _BITE)
            to_ask = await transactions.to_ask(tx, _BITE)
            breakers = await providers.breakers(tx)
        for row in breakers:
            if row.test:
                continue
            name = str(row.provider_id)
            metrics.BREAKER_OPEN.labels(name).set(row.breaker == "open")
            metrics.PAUSED.labels(name).set(row.paused_because is not None)
        await self._hear(await self._lapse(lapsed))
        await self._hear([_deadline(row.transaction_id) for row in overdue])
        await self._hear([_waited(row.transaction_id) for row in stale])
        for row in to_ask:
            self._begin_asking(row)
        self._rounds += 1
        if self._more_to_forget or self._rounds % _FORGET_EVERY == 0:
            self._more_to_forget = await self._forget()
        if self._rounds % _PRUNE_EVERY == 0:
            async with self._database.tx() as tx:
                await transactions.prune(tx, _BITE * 10)
                await providers.prune_refused_callbacks(tx)
                await exports.prune(tx)

    async def _return_strays(self) -> None:
        """Before leases are looked at: these would lapse as unknown, and were never sent."""
        strays = list(self._places.strays)
        if strays:
            async with self._database.tx() as tx:
                await outbox.put_back_strays(tx, self._process_id, strays)
            del self._places.strays[: len(strays)]

    async def _forget(self) -> bool:
        """One bite of what is personal and has had its time, of each programme; whether there is
        more."""
        async with self._database.read() as tx:
            limited = await retention.limited(tx)
        more = False
        for namespace in limited:
            async with self._database.tx() as tx:
                more |= await forgetting.forget(tx, namespace, _FORGOTTEN_AT_ONCE)
        return more

    async def _hear(self, news: list[Heard]) -> None:
        """All at once, so that they share commits."""
        if news:
            await asyncio.gather(*(self._hear_one(heard) for heard in news))

    async def _hear_one(self, heard: Heard) -> None:
        with suppress(TransactionNotFound):  # wiped since it was looked at: a sandbox
            await self._settlement.hear(heard)

    async def _lapse(self, rows: Sequence[Row]) -> list[Heard]:
        """What became of leases that ran out. A provider that cannot be loaded holds up its own."""
        ended: list[Heard] = []
        for row in rows:
            try:
                provider = await self._dispatcher.directory.provider(row.provider_id)
            except GuerdonError as trouble:
                _log.error("provider not loaded", provider=str(row.provider_id), error=str(trouble))
            else:
                ended.append(_lapsed(row, provider))
        return ended

    def _begin_asking(self, row: Row) -> None:
        if row.transaction_id in self._asking or self._asked_of[row.provider_id] >= _ASKED_AT_ONCE:
            return
        self._asked_of[row.provider_id] += 1
        self._asking[row.transaction_id] = asyncio.create_task(self._asked(row))

    async def _asked(self, row: Row) -> None:
        try:
            await self._ask(row)
        except Exception:  # noqa: BLE001 - logged whole; it stays due
            _log.exception("enquiry failed", transaction=str(row.transaction_id))
        finally:
            self._asked_of[row.provider_id] -= 1
            del self._asking[row.transaction_id]

    async def _ask(self, row: Row) -> None:
        """Asks the provider's statusUrl about an unknown outcome, before anyone is bothered."""
        provider = await self._dispatcher.directory.provider(row.provider_id)
        told = await enquire(self._client, provider, row.transaction_id)
        if told is None:
            after = schedule.next_ask(row.asked + 1) if provider.status_url is not None else None
            async with self._database.tx() as tx:
                await transactions.asked(tx, row.slot, row.transaction_id, row.asked, after)
            return
        await self._settlement.hear(told)


def _lapsed(row: Row, provider: Provider) -> AttemptEnded:
    seen = Observation(trouble="lease-ran-out")
    return AttemptEnded(
        row.transaction_id,
        row.provider_id,
        row.attempts,
        row.lease_until,
        None,
        None,
        outcomes.classify(seen, provider.dialect, str(row.transaction_id)),
        provider.idempotent,
        provider.bare4xx,
        provider.confirmation,
        None,
        lapsed=True,
    )


def _waited(transaction_id: UUID) -> Unsent:
    return Unsent(transaction_id, "waited-a-day", "The message could not be sent for 24 hours.")


def _deadline(transaction_id: UUID) -> Told:
    return Told(
        transaction_id,
        News.DEADLINE,
        "system",
        "system",
        rule="no-confirmation",
        why="The deadline passed without a confirmation.",
    )
