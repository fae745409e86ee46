"""Exports that are kept: written step by step, stopped, withdrawn, expired."""

import asyncio

import pytest
from tests.conftest import Api
from tests.faults.redeeming import eventually
from tests.integration.api_parts import furnished
from tests.integration.export_parts import asked, begun, content, stands
from tests.integration.hour_parts import opened

from guerdon import clock, ids
from guerdon.access import store as access
from guerdon.app import Running
from guerdon.db.pool import Database
from guerdon.delivery.exports import Exporting
from guerdon.errors import InvalidRequest
from guerdon.redemption.exports import writing
from guerdon.transactions.exports import store
from guerdon.transactions.exports.model import Export

ENDED = "UPDATE transaction_export SET ended_at = now() - %(ago)s::interval RETURNING export_id"
LAPSED = "UPDATE transaction_export SET lease_until = now() RETURNING export_id"


@pytest.fixture
async def namespace(database: Database) -> str:
    """A programme, and nobody who works at its exports: tests do it themselves."""
    async with database.tx() as tx:
        await access.ensure_namespace(tx, "1")
    return "1"


async def claimed(database: Database, work: Exporting) -> Export | None:
    async with database.tx() as tx:
        return await work.claim(tx)


async def finished(database: Database, work: Exporting, job: Export | None) -> None:
    while job is not None:
        job = await work.bite(job)


async def made(database: Database, count: int) -> list[str]:
    """So many transactions; their IDs as a file has them, newest first."""
    found = await opened(database, clock.now(), count)
    return sorted((str(t.transaction_id) for t in found), reverse=True)


async def test_another_goes_on_where_one_was_killed(database: Database, namespace: str) -> None:
    expected = await made(database, 2_500)
    export = await begun(database)
    dead, next_one = ids.random_id(), Exporting(database, ids.random_id())
    killed = Exporting(database, dead)
    job = await claimed(database, killed)
    assert job is not None
    after_one = await killed.bite(job)
    assert after_one is not None
    # A second step was read, and its process is killed before it is kept.
    async with database.read() as tx:
        lost = await writing.step(tx, after_one)
    assert await claimed(database, next_one) is None
    await asked(database, LAPSED)
    again = await claimed(database, next_one)
    assert again is not None
    assert (again.steps, again.written) == (1, 1000)
    await finished(database, next_one, again)
    # It was only slow, and comes too late.
    async with database.tx() as tx:
        assert await store.advance(tx, after_one, dead, lost) is None
    assert (await content(database, export)).split() == ["id", *expected]
    now = await stands(database, export.export_id)
    assert (now.state, now.written, now.progress) == ("finished", 2_500, 1.0)
    assert now.size == len(await content(database, export))


async def test_a_process_that_ends_leaves_its_export_to_the_next(
    database: Database, namespace: str
) -> None:
    await made(database, 1_200)
    await begun(database)
    leaving, next_one = (Exporting(database, ids.random_id()) for _ in range(2))
    job = await claimed(database, leaving)
    assert job is not None
    await leaving.bite(job)
    async with database.tx() as tx:
        await leaving.let_go(tx)
    again = await claimed(database, next_one)
    assert again is not None
    assert again.written == 1000
    assert 0 < again.progress < 1


async def test_what_is_made_after_it_was_begun_is_not_in_it(
    database: Database, namespace: str
) -> None:
    expected = await made(database, 3)
    export = await begun(database)
    await opened(database, clock.now().replace(year=clock.now().year + 1))
    work = Exporting(database, ids.random_id())
    await finished(database, work, await claimed(database, work))
    assert (await content(database, export)).split() == ["id", *expected]


async def test_an_empty_list_is_a_file_with_a_head(database: Database, namespace: str) -> None:
    export = await begun(database)
    work = Exporting(database, ids.random_id())
    await finished(database, work, await claimed(database, work))
    assert await content(database, export) == "id\r\n"
    assert (await stands(database, export.export_id)).has_file


async def test_a_stopped_one_keeps_nothing_and_goes_no_further(
    database: Database, namespace: str
) -> None:
    await made(database, 1_200)
    export = await begun(database)
    work = Exporting(database, ids.random_id())
    job = await claimed(database, work)
    assert job is not None
    job = await work.bite(job)
    assert job is not None
    async with database.tx() as tx:
        assert await store.stop(tx, export, "operator:dana@example.com")
        assert not await store.stop(tx, export, "operator:eve@example.com")
    assert await work.bite(job) is None
    assert await claimed(database, work) is None
    now = await stands(database, export.export_id)
    assert (now.state, now.stopped_by) == ("stopped", "operator:dana@example.com")
    assert await content(database, export) == ""


async def test_one_that_cannot_be_written_does_not_hold_up_the_others(
    database: Database, namespace: str
) -> None:
    await made(database, 2)
    poisoned, fine = await begun(database), await begun(database)
    await asked(
        database,
        """UPDATE transaction_export SET plan = jsonb_set(plan, '{columns}', '["gone"]')
           WHERE export_id = %(id)s RETURNING 1""",
        id=poisoned.export_id,
    )
    work = Exporting(database, ids.random_id())
    await finished(database, work, await claimed(database, work))
    now = await stands(database, poisoned.export_id)
    assert (now.state, now.trouble) == ("failed", "It could not be written: KeyError.")
    await finished(database, work, await claimed(database, work))
    assert (await stands(database, fine.export_id)).has_file


async def test_only_a_few_of_a_programme_are_written_at_a_time(
    database: Database, namespace: str
) -> None:
    exports = [await begun(database) for _ in range(store.MOST_UNDER_WAY)]
    with pytest.raises(InvalidRequest, match="Wait for one"):
        await begun(database)
    async with database.tx() as tx:
        await store.stop(tx, exports[0], "operator:dana@example.com")
    await begun(database)


async def test_it_goes_after_seven_days(database: Database, namespace: str) -> None:
    await made(database, 2)
    work = Exporting(database, ids.random_id())
    export = await begun(database)
    await finished(database, work, await claimed(database, work))
    parts = "SELECT 1 FROM transaction_export_part WHERE export_id = %(id)s"
    for ago, left in (("6 days 23 hours", 1), ("7 days", 0)):
        await asked(database, ENDED, ago=ago)
        async with database.tx() as tx:
            await store.prune(tx)
        assert len(await asked(database, parts, id=export.export_id)) == left
    assert await asked(database, "SELECT 1 FROM transaction_export") == []


async def test_one_that_waits_to_be_written_does_not_go(database: Database, namespace: str) -> None:
    export = await begun(database)
    await asked(
        database, "UPDATE transaction_export SET started_at = now() - interval '9 days' RETURNING 1"
    )
    async with database.tx() as tx:
        await store.prune(tx)
    assert (await stands(database, export.export_id)).state == "under way"


async def test_erasing_a_member_takes_files_with_personal_data_along(
    guerdon: Running, api: Api, database: Database
) -> None:
    async with furnished(api) as shop:
        await shop.member("ann", 1000, email="ann@example.com")
        await shop.redeem("ann", until="success")
        await shop.member("bob")
    personal, plain = await begun(database, "id", "personal"), await begun(database, "id")

    async def ended() -> bool:
        return all([(await stands(database, one.export_id)).has_file for one in (personal, plain)])

    await eventually(ended)
    assert "ann@example.com" in await content(database, personal)
    assert (await api.call("DELETE", "/v1/members/bob")).status == 204
    assert (await stands(database, personal.export_id)).state == "withdrawn"
    assert await content(database, personal) == ""
    assert (await stands(database, plain.export_id)).has_file
    (said,) = await asked(
        database, "SELECT actor, detail FROM audit WHERE action = 'exports.withdrawn'"
    )
    assert (said.actor, said.detail) == ("system", {"files": 1})


async def test_what_was_read_before_an_erasure_is_not_kept_after_it(
    database: Database, namespace: str
) -> None:
    await made(database, 3)
    export = await begun(database, "id", "personal")
    owner = ids.random_id()
    job = await claimed(database, Exporting(database, owner))
    assert job is not None
    async with database.read() as tx:
        step = await writing.step(tx, job)
    async with database.tx() as tx:
        assert await store.withdraw(tx, "1") == 1
    async with database.tx() as tx:
        assert await store.advance(tx, job, owner, step) is None
    assert await content(database, export) == ""


async def test_one_that_is_begun_during_an_erasure_waits_for_its_end(
    database: Database, namespace: str
) -> None:
    async def waits() -> bool:
        found = await asked(
            database, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        )
        return len(found) == 1

    async with database.tx() as tx:
        assert await store.withdraw(tx, "1") == 0
        beginning = asyncio.create_task(begun(database, "id", "personal"))
        await eventually(waits)
        assert not beginning.done()
    assert (await beginning).state == "under way"
