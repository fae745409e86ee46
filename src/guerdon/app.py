"""The composition root: builds the parts and joins them. It decides nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from guerdon import ids, metrics
from guerdon.access.keys import KeyRing
from guerdon.api import doors as api
from guerdon.config import OpenId
from guerdon.console import doors as console
from guerdon.console.issuer import Issuer
from guerdon.console.live import Feed
from guerdon.db import installation
from guerdon.db.pool import Database
from guerdon.delivery.bulk import Bulk
from guerdon.delivery.dispatcher import Dispatcher
from guerdon.delivery.exports import Exporting
from guerdon.delivery.hours import Hours
from guerdon.delivery.jobs import Jobs
from guerdon.delivery.sweeper import Sweeper
from guerdon.delivery.worker import Worker
from guerdon.errors import GuerdonError
from guerdon.outbox import store as outbox
from guerdon.outbox.places import Places
from guerdon.providers.client import ProviderClient
from guerdon.providers.egress import Network
from guerdon.redemption.intake import Intake
from guerdon.redemption.issuance import IssuanceDoor
from guerdon.redemption.lane import Lanes
from guerdon.redemption.news import Concluded, Heard
from guerdon.redemption.request import Accepted, Request, RequestVerb
from guerdon.redemption.settlement import Settlement, SettlementVerb
from guerdon.sandbox.built_in import BuiltIn
from guerdon.sealing import Sealer
from guerdon.web.door import Throttle
from guerdon.web.front import Front
from guerdon.web.parts import Parts
from guerdon.widget import doors as widget
from guerdon.widget.live import MemberFeed
from guerdon.widget.presence import Presence


@dataclass(frozen=True, slots=True)
class Running:
    """A Guerdon at work: its web application and the parts that tests and commands call.

    ``end_streams`` ends answers that would go on for ever: a server that stops waits for them."""

    web: Front
    parts: Parts
    process_id: UUID
    end_streams: Callable[[], None]


@asynccontextmanager
async def running(
    database: Database,
    sealer: Sealer,
    allowed: Sequence[Network],
    *,
    delivers: bool = True,
    metrics_token: str | None = None,
    base_path: str = "/",
    environment: str = "production",
    client: ProviderClient | None = None,
    openid: OpenId | None = None,
) -> AsyncIterator[Running]:
    """Starts everything on an open database; ends it in order: no new work, what is on the wire
    finishes, what was not sent goes back into the queue."""
    async with database.read() as tx:
        slots = await installation.slots(tx)
    process_id = ids.random_id()
    _watch_pool(database)
    lanes = Lanes(database, slots, _observe)
    client = client or ProviderClient(allowed)
    issuer = None if openid is None else Issuer(openid)
    feed, member_feed = Feed(database), MemberFeed(database)
    settlement = Settlement(lanes, slots, SettlementVerb(partial(_settled, member_feed)))
    places = Places()
    dispatcher = Dispatcher(database, sealer, client, settlement, places, process_id)
    worker = Worker(database, dispatcher, settlement, places, process_id)
    sweeper = Sweeper(database, settlement, dispatcher, client, places, process_id)
    jobs = _jobs(database, settlement, slots, process_id)
    announce = partial(_announce, dispatcher, worker if delivers else None, member_feed)
    verb = RequestVerb(process_id, places if delivers else None, announce)
    lanes.start()
    serving = (*jobs, Presence(database, member_feed, process_id))
    working = (*serving, worker, sweeper, Hours(database)) if delivers else serving
    loops = [asyncio.create_task(loop.run()) for loop in working]
    parts = Parts(
        database,
        slots,
        sealer,
        KeyRing(database),
        Throttle(),
        Intake(database, lanes, slots, verb),
        IssuanceDoor(lanes, slots),
        settlement,
        client,
        allowed,
        metrics_token,
        base_path.rstrip("/"),
    )
    built_in = BuiltIn(dispatcher.directory.provider, api.callbacks_alone(parts))
    client.built_in = built_in.port
    try:
        sites = (console.build(parts, feed, environment, issuer), widget.build(parts, member_feed))
        front = Front(sites, api.build(parts), parts.base_path)
        yield Running(front, parts, process_id, partial(_end_streams, feed, member_feed))
    finally:
        member_feed.end()
        await feed.close()
        for loop in working:
            loop.stop()
        await asyncio.gather(*loops)
        await dispatcher.close()
        await built_in.close()
        await lanes.close()
        # What the last batches accepted.
        await dispatcher.close()
        await client.close()
        if issuer is not None:
            await issuer.close()
        async with database.tx() as tx:
            await outbox.leave(tx, process_id)


def _jobs(
    database: Database, settlement: Settlement, slots: int, process_id: UUID
) -> tuple[Jobs, Jobs]:
    """What any process does in the background, whether it delivers or not."""
    bulk = Bulk(database, settlement, slots, process_id)
    return Jobs(database, bulk), Jobs(database, Exporting(database, process_id))


def _watch_pool(database: Database) -> None:
    stats = {"open": "pool_size", "idle": "pool_available", "waiting": "requests_waiting"}
    for state, name in stats.items():
        metrics.POOL.labels(state).set_function(partial(_pool_count, database, name))


def _pool_count(database: Database, name: str) -> float:
    return sum(pool.get_stats().get(name, 0) for pool in (database.pool, database.batches))


def _observe(verb: str, size: int) -> None:
    metrics.batch(verb).observe(size)


def _end_streams(feed: Feed, member_feed: MemberFeed) -> None:
    feed.end()
    member_feed.end()


def _announce(
    dispatcher: Dispatcher,
    worker: Worker | None,
    member_feed: MemberFeed,
    request: Request,
    result: Accepted | GuerdonError,
) -> None:
    """What follows an answer: the message departs from memory, or its queue is looked at."""
    if isinstance(result, GuerdonError):
        if not request.test:
            metrics.refused(request.namespace, result.code).inc()
        return
    if request.departure is not None:
        departure, request.departure = request.departure, None
        dispatcher.depart(departure)
    elif worker is not None and not result.replayed:
        worker.queued(result.transaction.provider_id, result.transaction.slot)
    if not result.replayed:
        if not request.test:
            metrics.accepted(request.namespace).inc()
        member_feed.wake(result.transaction.member_id)


def _settled(member_feed: MemberFeed, _heard: Heard, result: Concluded | GuerdonError) -> None:
    if isinstance(result, Concluded):
        member_feed.wake(result.transaction.member_id)
        if result.applied and not result.test:
            metrics.settled(str(result.transaction.status)).inc()
