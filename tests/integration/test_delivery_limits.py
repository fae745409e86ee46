"""What keeps one provider from harming another, and what holds when processes come and go."""

import asyncio
from contextlib import AsyncExitStack
from datetime import datetime
from uuid import UUID

import psycopg
import pytest
from tests.conftest import ALL_SCOPES, LOOPBACK, make_key, served
from tests.faults import provider as faults
from tests.faults.provider import FaultProvider, Received, reply, says, serving
from tests.faults.redeeming import GRANTED, PRICE, Redeeming, at_work, eventually, statement
from tests.integration.programme import SLOTS, request

from guerdon import app, clock, ids, metrics
from guerdon.db.migrate import SERVICE_ROLE
from guerdon.db.pool import Database
from guerdon.delivery.dispatcher import Dispatcher
from guerdon.errors import TransactionNotFound, Unavailable
from guerdon.outbox import store as outbox
from guerdon.outbox.message import Departure
from guerdon.outbox.places import Places
from guerdon.providers.client import ProviderClient
from guerdon.redemption.news import Unsent
from guerdon.sealing import Sealer
from guerdon.transactions import store as transactions

HELD = (GRANTED, GRANTED - PRICE)
CAPTURED = (GRANTED - PRICE, GRANTED - PRICE)


async def test_a_provider_that_hangs_holds_up_nobody_else(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    """Its own limit bounds what waits for it; the others settle while it still hangs."""
    answers = asyncio.Event()
    provider.answers(faults.waits(answers, reply(200)))
    slow = await redeeming.option(await redeeming.provider(provider), price=1)
    async with serving() as other:
        quick = await redeeming.option(await redeeming.provider(other), price=1)
        hanging = await asyncio.gather(*(redeeming.redeem(slow) for _ in range(100)))
        await provider.until(32)
        for transaction_id in [await redeeming.redeem(quick) for _ in range(20)]:
            await redeeming.until(transaction_id, "success")
        assert len(provider.received) == 32
    answers.set()
    for transaction_id in hanging:
        await redeeming.until(transaction_id, "success", 1)
        assert provider.count(transaction_id) == 1
    assert await redeeming.owed() == 0


_BACKLOG = statement("""
    INSERT INTO message (slot, transaction_id, provider_id, state, attempts, due_at, created_at)
    SELECT n %% %(slots)s, gen_random_uuid(), %(provider_id)s, 'queued', 1,
        now() + interval '1 hour', now() - interval '1 hour'
    FROM generate_series(1, %(rows)s) AS n
""")


async def test_a_hundred_thousand_that_wait_for_a_dead_provider_hold_up_nobody_else(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    rows, dead = 100_000, await redeeming.provider(provider)
    async with redeeming.database.tx() as tx:
        await tx.execute(_BACKLOG, {"slots": SLOTS, "provider_id": dead, "rows": rows})
    async with serving() as other:
        option = await redeeming.option(await redeeming.provider(other), price=1)
        for transaction_id in [await redeeming.redeem(option) for _ in range(20)]:
            await redeeming.until(transaction_id, "success")

    async def told() -> bool:
        return metrics.REGISTRY.get_sample_value("guerdon_queue_depth", {"provider": dead}) == rows

    await eventually(told)
    age = metrics.REGISTRY.get_sample_value("guerdon_queue_oldest_seconds", {"provider": dead})
    assert age is not None
    assert age >= 3600
    assert provider.received == []


async def test_a_rate_is_kept_to(redeeming: Redeeming, provider: FaultProvider) -> None:
    arrivals: list[float] = []

    def choose(_: Received) -> faults.Behaviour:
        arrivals.append(clock.monotonic())
        return reply(200)

    provider.choose = choose
    option = await redeeming.option(await redeeming.provider(provider, ratePerSecond=4), price=1)
    made = await asyncio.gather(*(redeeming.redeem(option) for _ in range(12)))
    for transaction_id in made:
        await redeeming.until(transaction_id, "success")
    # A second's worth may go at once, and eight more take two seconds: no sooner, whenever.
    assert arrivals[-1] - arrivals[0] > 1.5


async def test_no_connection_is_held_while_a_provider_thinks(
    database: Database, database_url: str, sealer: Sealer, provider: FaultProvider
) -> None:
    narrow = Database(database_url, role=SERVICE_ROLE, min_size=1, max_size=1)
    await narrow.open()
    answers = asyncio.Event()
    provider.answers(faults.waits(answers, reply(200)))
    try:
        async with at_work(narrow, sealer) as redeeming, serving() as other:
            await redeeming.member("alice", GRANTED)
            slow, quick = await redeeming.offer(provider), await redeeming.offer(other)
            hanging = await asyncio.gather(*(redeeming.redeem(slow) for _ in range(3)))
            await provider.until(3)
            await redeeming.until(await redeeming.redeem(quick), "success")
            await redeeming.member("bob", GRANTED)
            answers.set()
            for transaction_id in hanging:
                await redeeming.until(transaction_id, "success")
    finally:
        await narrow.close()


async def test_processes_share_the_limit(
    database: Database, sealer: Sealer, provider: FaultProvider
) -> None:
    answers = asyncio.Event()
    provider.answers(faults.waits(answers, reply(200)))
    async with at_work(database, sealer) as one, at_work(database, sealer) as two:

        async def known() -> bool:
            row = await one.row(
                "SELECT count(*) AS known FROM process"
                " WHERE beat_at > (SELECT max(started_at) FROM process)"
            )
            return bool(row.known == 2)

        await eventually(known)
        await one.member("alice", GRANTED)
        option = await one.option(await one.provider(provider, maxInFlight=4), price=1)
        made = [await process.redeem(option) for _ in range(10) for process in (one, two)]
        await provider.until(4)
        await one.sends_nothing(provider)
        assert len(provider.received) == 4
        answers.set()
        for transaction_id in made:
            await one.until(transaction_id, "success", 1)
            assert provider.count(transaction_id) == 1


# Leases ----------------------------------------------------------------------------------------


async def _lease_runs_out(redeeming: Redeeming) -> None:
    """As if the process had died: nobody comes back with the result."""
    moved = await redeeming.change(
        "UPDATE message SET lease_until = clock_timestamp() WHERE state = 'sending'"
    )
    assert moved == 1


async def test_a_lease_that_ran_out_is_an_unknown_and_the_late_reply_is_heard(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    answers = asyncio.Event()
    provider.answers(faults.waits(answers, says("success")))
    transaction_id = await redeeming.redeem(await redeeming.offer(provider))
    await provider.until(1)
    await _lease_runs_out(redeeming)
    shown = await redeeming.until(transaction_id, "recoverable-failure", 1)
    assert (shown["attempts"][0]["rule"], shown["attempts"][0]["verdict"]) == ("lease-ran-out", "U")
    assert (await redeeming.owed(), await redeeming.tokens()) == (0, HELD)
    answers.set()
    await redeeming.until(transaction_id, "success", 1)
    assert await redeeming.tokens() == CAPTURED
    assert provider.count(transaction_id) == 1


async def test_a_lease_that_ran_out_is_sent_again_to_an_idempotent_provider(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    answers = asyncio.Event()
    provider.answers(faults.waits(answers, says("failure")), says("success"))
    transaction_id = await redeeming.redeem(await redeeming.offer(provider, idempotent=True))
    await provider.until(1)
    await _lease_runs_out(redeeming)
    await redeeming.until(transaction_id, "pending", 1)
    await redeeming.time_passes(transaction_id)
    await redeeming.until(transaction_id, "success", 2)
    first, second = provider.of(transaction_id)
    assert first.body == second.body
    answers.set()

    async def heard() -> bool:
        return bool((await redeeming.transaction(transaction_id))["conflict"])

    await eventually(heard)
    assert (await redeeming.owed(), await redeeming.tokens()) == (0, CAPTURED)


async def test_a_late_reply_cancels_the_attempt_that_was_to_follow(
    redeeming: Redeeming, provider: FaultProvider
) -> None:
    answers = asyncio.Event()
    provider.answers(faults.waits(answers, says("failure")), faults.gives(says("success")))
    transaction_id = await redeeming.redeem(await redeeming.offer(provider, idempotent=True))
    await provider.until(1)
    await _lease_runs_out(redeeming)
    await redeeming.until(transaction_id, "pending", 1)
    await redeeming.change("UPDATE message SET due_at = now() + interval '1 hour'")
    answers.set()
    await redeeming.until(transaction_id, "failure")
    assert await redeeming.owed() == 0
    assert provider.count(transaction_id) == 1


# The end of a process --------------------------------------------------------------------------


@pytest.mark.parametrize(("closing", "lease_seconds"), [(True, 20), (False, 10)])
async def test_what_was_leased_and_not_sent_goes_back_into_the_queue(
    database: Database,
    sealer: Sealer,
    provider: FaultProvider,
    closing: bool,
    lease_seconds: int,
) -> None:
    """Because the process ends, or because the lease would not outlive the attempt's 15 seconds."""
    key = await make_key(database, "1", ALL_SCOPES)
    async with (
        app.running(database, sealer, LOOPBACK, delivers=False) as running,
        served(running, key) as api,
    ):
        redeeming = await Redeeming.open(api, database)
        transaction_id = UUID(await redeeming.redeem(await redeeming.offer(provider)))
        client, places = ProviderClient(LOOPBACK), Places()
        owner = ids.random_id()
        settlement = running.parts.settlement
        dispatcher = Dispatcher(database, sealer, client, settlement, places, owner)
        ended = asyncio.Event()
        dispatcher.freed = lambda _: ended.set()
        departure = await _claimed(redeeming, places, owner, transaction_id, lease_seconds)
        dispatcher.depart(departure)
        if closing:
            await dispatcher.close()
        await ended.wait()
        await client.close()
        row = await redeeming.row("SELECT state, attempts, lease_owner FROM message")
        assert (row.state, row.attempts, row.lease_owner) == ("queued", 0, None)
        assert places.in_flight(departure.provider_id) == 0
    assert provider.connections == 0
    async with at_work(database, sealer) as another:
        await another.until(str(transaction_id), "success", 1)
    assert provider.count(str(transaction_id)) == 1


async def _claimed(
    redeeming: Redeeming, places: Places, owner: UUID, transaction_id: UUID, seconds: int
) -> Departure:
    slot = ids.bucket_in(transaction_id) % SLOTS
    provider_id = (await redeeming.row("SELECT provider_id FROM provider")).provider_id
    async with redeeming.database.tx() as tx:
        claimed = await outbox.claim(
            tx, slot, provider_id, owner=owner, lease_seconds=seconds, limit=10
        )
        assert [row.transaction_id for row in claimed] == [transaction_id]
        body = (await transactions.bodies_of(tx, slot, [transaction_id]))[transaction_id]
    assert places.take(provider_id, 1, None)
    ends = clock.monotonic() + seconds
    return Departure(slot, transaction_id, "1", provider_id, 1, body, ends, None)


async def test_what_is_accepted_while_it_ends_goes_back_into_the_queue(
    database: Database, sealer: Sealer, provider: FaultProvider
) -> None:
    """Its commit comes after the dispatcher has ended: nothing may be left leased to nobody."""
    key = await make_key(database, "1", ALL_SCOPES)
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(app.running(database, sealer, LOOPBACK))
        async with served(running, key) as api:
            redeeming = await Redeeming.open(api, database)
            option = UUID(await redeeming.offer(provider))
        async with database.tx() as tx:
            await tx.execute(statement("LOCK TABLE message IN SHARE MODE"))
            asking = asyncio.create_task(running.parts.intake.redeem(request("1", option, "alice")))
            ending = asyncio.create_task(stack.aclose())

            async def ended() -> bool:
                try:
                    await running.parts.settlement.hear(Unsent(ids.random_id(), "waited-a-day", ""))
                except TransactionNotFound:
                    return False
                except Unavailable:
                    return True
                return False

            await eventually(ended)
        accepted = await asking
        await ending
    async with database.read() as read:
        row = await read.first(statement("SELECT state, transaction_id FROM message"))
    assert row is not None
    assert (row.state, row.transaction_id) == ("queued", accepted.transaction.transaction_id)
    assert provider.connections == 0


async def test_a_database_that_is_away_before_a_message_is_sent_is_waited_for(
    redeeming: Redeeming, database_url: str, provider: FaultProvider
) -> None:
    """Its secrets cannot be read for longer than a statement waits. Nothing is sent by then, so
    nothing is unknown."""
    option = await redeeming.offer(provider)
    async with (
        await psycopg.AsyncConnection.connect(database_url, autocommit=True) as watching,
        await psycopg.AsyncConnection.connect(database_url) as keeping,
    ):
        await keeping.execute("LOCK TABLE provider_secret IN ACCESS EXCLUSIVE MODE")
        transaction_id = await redeeming.redeem(option)
        waited: set[datetime] = set()

        async def given_up_once() -> bool:
            """A second read waits, so the first has failed."""
            found = await watching.execute(
                "SELECT query_start FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            )
            waited.update(row[0] for row in await found.fetchall())
            return len(waited) >= 2

        await eventually(given_up_once)
        assert provider.connections == 0
    await redeeming.until(transaction_id, "success", 1)
    assert provider.count(transaction_id) == 1


async def test_an_attempt_on_the_wire_comes_to_its_end_before_the_process_does(
    database: Database, sealer: Sealer, provider: FaultProvider
) -> None:
    answers = asyncio.Event()
    provider.answers(faults.waits(answers, reply(200)))
    async with AsyncExitStack() as stack:
        redeeming = await stack.enter_async_context(at_work(database, sealer))
        await redeeming.member("alice", GRANTED)
        await redeeming.redeem(await redeeming.offer(provider))
        await provider.until(1)
        ending = asyncio.create_task(stack.aclose())
        answers.set()
        await ending
        row = await redeeming.row("SELECT status FROM transaction")
        assert row.status == "success"
        assert (await redeeming.row("SELECT count(*) AS live FROM process")).live == 0
