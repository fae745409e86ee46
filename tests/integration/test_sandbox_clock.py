"""A test programme's clock is advanced: what waits finds its time has come, and nobody else's."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from tests.conftest import ALL_SCOPES, Api, make_key
from tests.faults import provider as faults
from tests.faults.provider import FaultProvider, reply
from tests.faults.redeeming import GRANTED, Redeeming, eventually
from tests.integration.api_parts import pointers, refused
from tests.integration.programme import Programme, judged

from guerdon.access.embedding import By
from guerdon.db.pool import Database
from guerdon.errors import LiveNamespace
from guerdon.providers import store as providers
from guerdon.redemption import sandbox
from guerdon.sealing import Sealer

BY = By("operator:ann", "192.0.2.1")
HOUR, DAY = 3600, 86_400


@pytest.fixture
async def trying(api: Api, database: Database) -> Redeeming:
    """Member ``alice`` of a test namespace."""
    there = api.with_key(await make_key(database, "try", ALL_SCOPES, test=True))
    return await Redeeming.open(there, database)


async def advance(trying: Redeeming, seconds: int) -> dict[str, int]:
    moved = trying.api.call("POST", "/v1/sandbox/advance", {"seconds": seconds})
    return dict(await trying.said(moved, 200))


async def test_a_retry_is_made_and_a_slowdown_ends(
    trying: Redeeming, provider: FaultProvider
) -> None:
    provider.answers(reply(429, None, "Retry-After: 7200"), reply(200))
    transaction_id = await trying.redeem(await trying.offer(provider))
    await trying.until(transaction_id, "pending", 1)

    async def slowed() -> bool:
        return (await trying.row("SELECT slow_until FROM provider_health")).slow_until is not None

    await eventually(slowed)
    moved = await advance(trying, HOUR)
    assert moved == {"seconds": HOUR, "messages": 1, "transactions": 0, "providers": 1}
    assert len((await trying.transaction(transaction_id))["attempts"]) == 1
    await advance(trying, 2 * HOUR)
    await trying.until(transaction_id, "success", 2)


async def test_what_could_not_be_sent_for_a_day_is_given_up(
    trying: Redeeming, provider: FaultProvider
) -> None:
    provider.answers(reply(425))
    provider_id = await trying.provider(provider)
    transaction_id = await trying.redeem(await trying.option(provider_id))
    await trying.until(transaction_id, "pending", 1)
    paused = trying.api.call("PATCH", f"/v1/providers/{provider_id}", {"paused": True})
    await trying.said(paused, 200)
    await advance(trying, DAY + HOUR)
    await trying.until(transaction_id, "failure", 1)
    assert await trying.tokens() == (GRANTED, GRANTED)


async def test_a_deadline_passes_and_an_enquiry_is_made(
    trying: Redeeming, provider: FaultProvider
) -> None:
    provider.answers(reply(202), faults.closes, faults.says("success", 200))
    known = {"statusUrl": provider.url.replace("/hook", "/state")}
    provider_id = await trying.provider(provider, **known)
    postponed = await trying.redeem(await trying.option(provider_id, postponedDeadlineHours=48))
    await trying.until(postponed, "postponed", 1)
    assert (await advance(trying, DAY))["transactions"] == 1
    assert (await trying.transaction(postponed))["status"] == "postponed"
    unknown = await trying.redeem(await trying.option(provider_id))
    seen = await trying.until(unknown, "recoverable-failure", 1)
    assert seen["openReason"] == "asking"
    assert (await advance(trying, DAY))["transactions"] == 2
    await trying.until(postponed, "recoverable-failure", 1)

    async def asked() -> bool:
        return any(one.method == "GET" for one in provider.received)

    await eventually(asked)


async def test_how_far_is_bounded(trying: Redeeming) -> None:
    for seconds in (0, -1, 366 * DAY + 1, 1.5, "60", None):
        answer = await trying.api.call("POST", "/v1/sandbox/advance", {"seconds": seconds})
        assert pointers(refused(answer, 422, "invalid-request")) == {"/seconds"}
    assert (await advance(trying, 366 * DAY))["messages"] == 0


async def waits(superuser: str, sealer: Sealer, programme: Programme) -> dict[str, Any]:
    """Everything of a programme that waits for a moment, and its leases."""
    async with await psycopg.AsyncConnection.connect(superuser, row_factory=dict_row) as connection:
        cursor = await connection.execute(
            """
            SELECT max(t.due_at) AS deadline, max(t.next_ask_at) AS enquiry,
                max(m.due_at) FILTER (WHERE m.state = 'queued') AS retry,
                max(m.created_at) FILTER (WHERE m.state = 'queued') AS since,
                max(m.lease_until) AS lease, max(h.probe_at) AS probe, max(h.slow_until) AS slow,
                max(s.valid_until) AS secret
            FROM provider p JOIN provider_health h USING (provider_id)
            JOIN provider_secret s USING (provider_id) JOIN transaction t USING (provider_id)
            LEFT JOIN message m ON m.transaction_id = t.transaction_id
            WHERE p.namespace = %s
            """,
            (programme.namespace,),
        )
        found = await cursor.fetchone()
    assert found is not None
    assert None not in found.values()
    return found


async def waiting(database: Database, sealer: Sealer, namespace: str, test: bool) -> Programme:
    """A programme in which everything waits that can."""
    known = {"status_url": "https://example.com/state"}
    programme = await Programme.open(database, sealer, namespace, test=test, **known)
    await programme.member("ann", 500)
    option = await programme.another_option(postponedDeadlineHours=48)
    for answer in (202, 500, 425):
        transaction_id = await programme.redeem("ann", option)
        n = await programme.claim(transaction_id)
        await programme.hear(programme.ended(transaction_id, n, judged(status=answer)))
    await programme.claim(await programme.redeem("ann"))
    async with database.tx() as tx:
        await providers.open_breaker(tx, programme.provider_id)
        await providers.slow_down(tx, programme.provider_id, 60)
        await providers.rotate(tx, sealer, programme.provider_id, "signingSecret", HOUR)
    return programme


async def test_all_that_waits_in_one_programme_moves_and_nothing_else(
    database: Database, database_url: str, sealer: Sealer
) -> None:
    live = await waiting(database, sealer, "1", test=False)
    there = await waiting(database, sealer, "try", test=True)
    before = [await waits(database_url, sealer, one) for one in (live, there)]
    async with database.tx() as tx:
        moved = await sandbox.advance(tx, "try", 90, BY)
    assert (moved.messages, moved.transactions, moved.providers) == (2, 2, 1)
    after = [await waits(database_url, sealer, one) for one in (live, there)]
    assert after[0] == before[0]
    assert after[1].pop("lease") == before[1].pop("lease"), "who holds a lease lives in real time"
    assert {name: before[1][name] - at for name, at in after[1].items()} == dict.fromkeys(
        before[1], timedelta(seconds=90)
    )
    with pytest.raises(LiveNamespace):
        async with database.tx() as tx:
            await sandbox.advance(tx, "1", 90, BY)
    with psycopg.connect(database_url) as connection:
        noted = connection.execute(
            "SELECT namespace, actor, action, target, detail, address FROM audit"
        ).fetchall()
        total = connection.execute("SELECT namespace, advanced_seconds FROM namespace ORDER BY 1")
        assert total.fetchall() == [("1", 0), ("try", 90)]
    line = ("try", BY.actor, "sandbox.advanced", "try", {"seconds": 90}, BY.address)
    assert noted == [line]
