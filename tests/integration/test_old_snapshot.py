"""A session that holds an old snapshot (a dump, a report, somebody's lunch) keeps PostgreSQL from
clearing away what was deleted. Queues of other projects slowed to a crawl over it."""

import json
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from tests.integration.programme import PROCESS, Programme, judged, request

from guerdon.db.pool import Database
from guerdon.db.sql import Queries, Statement
from guerdon.sealing import Sealer

Q = Queries("guerdon.outbox")
BATCH = 300


@pytest.fixture
async def programme(database: Database, sealer: Sealer) -> Programme:
    made = await Programme.open(database, sealer)
    await made.member("ann", 1_000_000)
    return made


@pytest.fixture
async def old_snapshot(database_url: str, programme: Programme) -> AsyncIterator[None]:
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        await connection.execute("SELECT count(*) FROM message")
        yield


async def pages(programme: Programme, statement: Statement, values: dict[str, Any]) -> int:
    """How many pages a statement looks at, in a batch of the hot path."""
    explain = Statement("", "", b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement.text)
    async with programme.database.batch() as tx:
        row = await tx.first(explain, values)
    assert row is not None
    plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
    return int(plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"])


async def through_the_queue(programme: Programme) -> None:
    """A batch is accepted, claimed, sent and settled."""
    works = [request("1", programme.option.name, "ann") for _ in range(BATCH)]
    accepted = [result.transaction.transaction_id for result in await programme.redeem_many(works)]
    claim = {"slot": programme.slot("ann"), "provider_id": programme.provider_id}
    async with programme.database.batch() as tx:
        rows = await tx.all(
            Q["claim"], claim | {"owner": PROCESS, "lease_seconds": 60, "limit": BATCH}
        )
    assert {row.transaction_id for row in rows} == set(accepted)
    answer = judged(status=200)
    await programme.hear_many([programme.ended(one, 1, answer) for one in accepted])


async def test_pages_read_while_an_old_snapshot_is_held(
    programme: Programme, old_snapshot: None
) -> None:
    """What every redemption runs, and what looks for lapsed leases, reads no more than before. A
    claim passes over what has gone, and pays a page for a score of messages at most."""
    slot = programme.slot("ann")
    claim = {"slot": slot, "provider_id": programme.provider_id, "owner": PROCESS}
    claim |= {"lease_seconds": 60, "limit": 32}
    seen: list[dict[str, int]] = []
    for _ in range(3):
        for _ in range(4):
            await through_the_queue(programme)
        one = [await programme.redeem("ann")]
        seen.append(
            {
                "lock": await pages(programme, Q["lock_messages"], {"slot": slot, "ids": one}),
                "lapsed": await pages(programme, Q["lapsed"], {"limit": 10}),
                "claim": await pages(programme, Q["claim"], claim),
                "waiting": await pages(programme, Q["waiting"], {}),
            }
        )
        await programme.hear(programme.ended(one[0], 1, judged(status=200)))
    first, last = seen[0], seen[-1]
    gone = 8 * BATCH
    assert last["lock"] <= first["lock"] + 2, seen
    assert last["lapsed"] <= first["lapsed"] + 2, seen
    assert last["claim"] <= first["claim"] + gone // 20, seen
    assert last["waiting"] <= first["waiting"] + gone // 20, seen
