"""Many decisions at once in the database: frozen, resumed, stopped, and never decided twice."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest
from tests.conftest import Api
from tests.faults.provider import FaultProvider, reply
from tests.faults.redeeming import Redeeming, eventually
from tests.integration.programme import faults

from guerdon import ids
from guerdon.access.embedding import By
from guerdon.access.rules import store as rules
from guerdon.app import Running
from guerdon.db.pool import Database, Row
from guerdon.redemption import bulk
from guerdon.transactions.bulk import store
from guerdon.transactions.bulk.store import Ended, Job
from guerdon.transactions.lists import pages as lists
from guerdon.transactions.lists.pages import Wanted
from guerdon.transactions.model import Transaction

DANA = "operator:dana@example.com"


@dataclass
class Desk:
    """Postponed transactions of alice, and jobs that decide them."""

    redeeming: Redeeming
    database: Database
    running: Running
    option: str

    async def postponed(self, count: int) -> list[str]:
        await self.redeeming.member("bob", count * 200)
        made = [await self.redeeming.redeem(self.option, "bob") for _ in range(count)]
        for one in made:
            await self.redeeming.until(one, "postponed")
        return made

    async def frozen(self, verb: str) -> Job:
        async with self.database.tx() as tx:
            found = await lists.page(tx, Wanted("1"), store.MOST, oldest_first=True)
            job_id = await store.freeze(tx, "1", verb, {"view": "all"}, DANA, found)
            job = await store.job(tx, "1", job_id)
        assert job is not None
        return job

    async def start(self, job: Job, *, worker: UUID | None = None) -> Job:
        """Begins it; with a ``worker`` it is leased to that one before anybody else may look."""
        async with self.database.tx() as tx:
            assert await store.start(tx, job, DANA, "127.0.0.1", "they said so")
            if worker is not None:
                claimed = await store.claim(tx, worker)
                assert claimed is not None
                return claimed
        return job

    async def ended(self, job: Job) -> list[Row]:
        async def over() -> bool:
            async with self.database.read() as tx:
                now = await store.job(tx, "1", job.job_id)
            return now is not None and now.ended_at is not None

        await eventually(over)
        async with self.database.read() as tx:
            return await store.items(tx, job.job_id)

    async def transactions(self, ids_of: Sequence[str]) -> dict[str, Transaction]:
        async with self.database.read() as tx:
            slots = self.running.parts.slots
            keys = [(ids.bucket_in(UUID(one)) % slots, UUID(one)) for one in ids_of]
            return {str(t.transaction_id): t for t in await lists.by_ids(tx, keys)}

    async def decided(self, identifier: str) -> list[Any]:
        full = await self.redeeming.transaction(identifier)
        return [e for e in full["events"] if e["type"].startswith("operator.")]


@pytest.fixture
async def desk(
    guerdon: Running, database: Database, redeeming: Redeeming, provider: FaultProvider
) -> Desk:
    provider.answers(reply(201))
    return Desk(redeeming, database, guerdon, await redeeming.offer(provider))


async def test_each_row_has_its_own_outcome(desk: Desk, api: Api) -> None:
    made = await desk.postponed(5)
    job = await desk.frozen("cancel")
    assert (await api.call("POST", f"/v1/transactions/{made[1]}/confirm", {})).status == 200
    await desk.start(job)
    rows = await desk.ended(job)
    assert [row.outcome for row in rows] == ["done", "skipped", "done", "done", "done"]
    assert rows[1].sentence == "Already Success."
    assert rows[0].sentence == "Failure: 200 tokens returned."
    (said,) = await desk.decided(made[0])
    assert (said["actor"], said["payload"]["reason"]) == (DANA, "they said so")
    assert await desk.redeeming.tokens("bob") == (800, 800)
    assert await faults(desk.database) == []


async def test_what_changed_since_it_was_selected_is_left_to_a_person(desk: Desk) -> None:
    made = await desk.postponed(2)
    job = await desk.frozen("confirm")
    (t,) = (await desk.transactions(made[:1])).values()
    await desk.redeeming.change(
        "UPDATE bulk_item SET events = events - 1 WHERE transaction_id = %(p0)s", t.transaction_id
    )
    await desk.start(job)
    rows = await desk.ended(job)
    assert [row.outcome for row in rows] == ["skipped", "done"]
    assert "it is Postponed now" in rows[0].sentence
    await desk.redeeming.until(made[0], "postponed")


async def test_another_goes_on_where_one_was_killed(desk: Desk) -> None:
    """Decided and not written down; begun and not decided; not begun."""
    made = await desk.postponed(6)
    dead = ids.random_id()
    job = await desk.start(await desk.frozen("cancel"), worker=dead)
    async with desk.database.tx() as tx:
        begun, _ = await store.begin(tx, job.job_id, dead, 4)
    for row in begun[:2]:
        assert (await bulk.decide(desk.running.parts.settlement, job, row)).outcome == "done"
    async with desk.database.read() as tx:
        waiting = await store.items(tx, job.job_id, outcome="")
    assert len(waiting) == 6, "nobody else works at it while the lease stands"
    await desk.redeeming.change("UPDATE bulk_job SET lease_until = now()")
    rows = await desk.ended(job)
    assert [row.outcome for row in rows] == ["done"] * 6
    for one in made:
        assert len(await desk.decided(one)) == 1
    # The dead one was only asleep: it finds nothing of its own, and what it says changes nothing.
    async with desk.database.tx() as tx:
        assert await store.begin(tx, job.job_id, dead, 4) == ([], None)
        await store.record(tx, job.job_id, [Ended(begun[0].n, "failed", "late")])
        assert (await store.items(tx, job.job_id))[0].outcome == "done"
    late = await bulk.decide(desk.running.parts.settlement, job, begun[3])
    assert late.outcome == "failed"
    assert await desk.redeeming.tokens("bob") == (1200, 1200)
    assert await faults(desk.database) == []


async def test_stopped_rows_are_left_and_begun_ones_are_found_out(desk: Desk) -> None:
    await desk.postponed(5)
    dead = ids.random_id()
    job = await desk.start(await desk.frozen("confirm"), worker=dead)
    async with desk.database.tx() as tx:
        begun, _ = await store.begin(tx, job.job_id, dead, 2)
    await bulk.decide(desk.running.parts.settlement, job, begun[0])
    async with desk.database.tx() as tx:
        assert await store.stop(tx, job, "operator:lee@example.com")
        assert not await store.stop(tx, job, DANA)
    await desk.redeeming.change("UPDATE bulk_job SET lease_until = now()")
    rows = await desk.ended(job)
    assert [row.outcome for row in rows] == ["done"] + ["skipped"] * 4
    assert {row.sentence for row in rows[1:]} == {"Stopped by lee@example.com before its turn."}
    assert await faults(desk.database) == []


async def test_two_people_begin_it_once(desk: Desk) -> None:
    await desk.postponed(1)
    job = await desk.frozen("confirm")

    async def start() -> bool:
        async with desk.database.tx() as tx:
            return await store.start(tx, job, DANA, None, None)

    assert sorted(await asyncio.gather(start(), start())) == [False, True]


async def test_what_takes_a_second_person_is_left_out(desk: Desk) -> None:
    made = await desk.postponed(2)
    job = await desk.frozen("confirm")
    async with desk.database.tx() as tx:
        await rules.ask_second_person(tx, "1", 200, By("operator:root@x", None))
    await desk.start(job)
    rows = await desk.ended(job)
    assert [row.outcome for row in rows] == ["skipped"] * 2
    assert {row.sentence for row in rows} == {
        "From 200 tokens on a second person decides, one by one."
    }
    # Whoever leaves that out is refused where it would be carried out.
    begun = store.Begun(1, UUID(made[0]), 4, rows[0].at)
    late = await bulk.decide(desk.running.parts.settlement, replace(job, actor=DANA), begun)
    assert (late.outcome, "another operator must approve" in late.sentence) == ("failed", True)
    await desk.redeeming.until(made[0], "postponed")
