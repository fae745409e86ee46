"""Options, versions and shares on a real PostgreSQL."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import psycopg
import pytest

from guerdon import ids
from guerdon.db.pool import Database, Tx
from guerdon.db.sql import Statement
from guerdon.errors import InvalidRequest, OptionNotFound, PreconditionFailed
from guerdon.options import definition, store
from guerdon.options.model import Option

SLOTS = 8
BODY: dict[str, Any] = {"type": "digital", "title": "Coffee", "price": 30}

_NAMESPACE = Statement("", "", b"INSERT INTO namespace (namespace) VALUES (%(namespace)s)")
_PROVIDER = Statement(
    "",
    "",
    b"INSERT INTO provider (provider_id, namespace, name, webhook_url, dialect, confirmation,"
    b" idempotent, bare4xx, timeout_seconds, max_in_flight) VALUES (%(id)s, %(namespace)s, 'p',"
    b" 'https://example.com', 'json', 'reply', false, 'hold', 15, 32)",
)


async def a_provider(tx: Tx, namespace: str = "1") -> UUID:
    provider_id = ids.random_id()
    await tx.run(_NAMESPACE, {"namespace": namespace})
    await tx.run(_PROVIDER, {"id": provider_id, "namespace": namespace})
    return provider_id


async def made(database: Database, **fields: Any) -> Option:
    async with database.tx() as tx:
        provider_id = await a_provider(tx)
        body = {**BODY, "providerId": str(provider_id), **fields}
        option = definition.new("1", ids.random_id(), tx.at, body)
        await store.create(tx, SLOTS, option, "key:test")
    return option


async def use(database: Database, option: Option, slot: int, times: int = 1) -> None:
    async with database.batch() as tx:
        await store.take(tx, slot, {(option.namespace, option.name): times})


async def spare(database: Database, option: Option, slot: int) -> int | None:
    async with database.batch() as tx:
        key = (option.namespace, option.name)
        return (await store.lock_shares(tx, slot, [key]))[key]


async def left(database: Database, option: Option) -> tuple[int, int | None]:
    async with database.read() as tx:
        standing = await store.get(tx, option.namespace, option.name)
        counted = (await store.usage(tx, [standing]))[option.namespace, option.name]
    return counted.used, counted.left


async def redeem_all(database: Database, option: Option, slot: int) -> int:
    """Takes one by one, as intake does, until even a refill finds nothing."""
    taken = 0
    while True:
        if not await spare(database, option, slot):
            async with database.tx() as tx:
                if not await store.refill(tx, option.namespace, option.name, slot):
                    return taken
        await use(database, option, slot)
        taken += 1


async def test_what_was_made_stands_and_is_kept(database: Database) -> None:
    option = await made(database, limits={"total": 10})
    key = (option.namespace, option.name)
    for _ in range(2):
        async with database.batch() as tx:
            assert await store.current(tx, [key, ("1", ids.random_id()), ("2", option.name)]) == {
                key: option
            }
    assert await left(database, option) == (0, 10)


async def test_a_name_is_taken_once_in_a_namespace(database: Database) -> None:
    option = await made(database)
    with pytest.raises(InvalidRequest) as refused:
        async with database.tx() as tx:
            await store.create(tx, SLOTS, option, "key:test")
    assert refused.value.facts["errors"] == [
        {"pointer": "/name", "detail": "is the name of another option"}
    ]
    async with database.tx() as tx:
        provider_id = await a_provider(tx, "2")
        body = {**BODY, "name": str(option.name), "providerId": str(provider_id)}
        other = definition.new("2", ids.random_id(), tx.at, body)
        await store.create(tx, SLOTS, other, "key:test")
        assert await store.providers_of(tx, option.name) == [
            ("1", option.provider_id),
            ("2", provider_id),
        ]


async def test_each_edit_is_a_version_and_old_ones_stay(database: Database) -> None:
    option = await made(database)
    async with database.tx() as tx:
        changed = await store.change(
            tx, "1", option.name, {"price": 40}, if_match=1, author="operator:ann"
        )
    assert (changed.version, changed.price) == (2, 40)
    with pytest.raises(PreconditionFailed) as refused:
        async with database.tx() as tx:
            await store.change(tx, "1", option.name, {"price": 50}, if_match=1, author="x")
    assert refused.value.facts == {"version": 2}
    async with database.read() as tx:
        assert (await store.get(tx, "1", option.name)).price == 40
        found = await store.at_versions(tx, [("1", option.name, 1), ("1", option.name, 2)])
        assert {key[2]: one.price for key, one in found.items()} == {1: 30, 2: 40}
        rows = await store.versions(tx, "1", option.name, below=None, limit=10)
        assert [(row.version, row.author) for row in rows] == [
            (2, "operator:ann"),
            (1, "key:test"),
        ]


async def test_a_provider_must_be_there(database: Database) -> None:
    option = await made(database)
    stranger = str(ids.random_id())
    patch = {"providerId": stranger}
    with pytest.raises(InvalidRequest) as refused:
        async with database.tx() as tx:
            await store.change(tx, "1", option.name, patch, if_match=None, author="x")
    errors: Any = refused.value.facts["errors"]
    assert [error["pointer"] for error in errors] == ["/providerId"]
    other = replace(option, name=ids.random_id(), provider_id=UUID(stranger))
    with pytest.raises(InvalidRequest):
        async with database.tx() as tx:
            await store.create(tx, SLOTS, other, "key:test")


async def test_archiving_keeps_the_option_and_may_be_repeated(database: Database) -> None:
    option = await made(database)
    for _ in range(2):
        async with database.tx() as tx:
            archived = await store.archive(tx, "1", option.name, if_match=None, author="x")
        assert (archived.archived, archived.version) == (True, 2)
    async with database.read() as tx:
        assert (await store.get(tx, "1", option.name)).archived
        assert await store.page(tx, "1", archived=False, limit=10, after=None) == []
        assert len(await store.page(tx, "1", archived=None, limit=10, after=None)) == 1


async def test_an_unknown_option_is_not_found(database: Database) -> None:
    async with database.tx() as tx:
        with pytest.raises(OptionNotFound):
            await store.get(tx, "1", ids.random_id())
        with pytest.raises(OptionNotFound):
            await store.change(tx, "1", ids.random_id(), {}, if_match=None, author="x")
        assert await store.refill(tx, "1", ids.random_id(), 0) == 0


async def test_pages_follow_the_order_people_gave(database: Database) -> None:
    async with database.tx() as tx:
        provider_id = await a_provider(tx)
        for order in (5, -1, 5, 0):
            body = {**BODY, "order": order, "providerId": str(provider_id)}
            option = definition.new("1", ids.random_id(), tx.at, body)
            await store.create(tx, SLOTS, option, "key:test")
    seen: list[Option] = []
    after: tuple[int, UUID] | None = None
    async with database.read() as tx:
        while page := await store.page(tx, "1", archived=False, limit=3, after=after):
            seen += page
            after = (page[-1].order, page[-1].name)
    assert [option.order for option in seen] == [-1, 0, 5, 5]
    assert len({option.name for option in seen}) == 4


async def test_without_a_total_nothing_runs_out(database: Database) -> None:
    option = await made(database)
    assert await spare(database, option, 3) is None
    await use(database, option, 3, 5)
    await use(database, option, 3, -2)
    assert await spare(database, option, 3) is None
    assert await left(database, option) == (3, None)


@pytest.mark.parametrize("total", [0, 1, 7, 8, 21])
async def test_one_slot_can_use_up_all_of_a_total(database: Database, total: int) -> None:
    option = await made(database, limits={"total": total})
    assert await redeem_all(database, option, 5) == total
    assert await left(database, option) == (total, 0)


async def test_what_comes_back_can_be_taken_again_anywhere(database: Database) -> None:
    option = await made(database, limits={"total": 3})
    assert await redeem_all(database, option, 0) == 3
    await use(database, option, 0, -2)
    assert await left(database, option) == (1, 2)
    assert await redeem_all(database, option, 6) == 2


async def test_a_share_cannot_go_below_nothing(database: Database) -> None:
    option = await made(database, limits={"total": 0})
    with pytest.raises(psycopg.errors.CheckViolation):
        await use(database, option, 0)
    assert await left(database, option) == (0, 0)


async def test_a_total_below_what_is_used_leaves_nothing_until_enough_came_back(
    database: Database,
) -> None:
    option = await made(database, limits={"total": 10})
    for slot in range(4):
        assert await spare(database, option, slot)
        await use(database, option, slot)
    async with database.tx() as tx:
        await store.change(
            tx, "1", option.name, {"limits": {"total": 2}}, if_match=None, author="x"
        )
    assert await left(database, option) == (4, 0)
    await use(database, option, 0, -1)
    await use(database, option, 1, -1)
    assert await left(database, option) == (2, 0)
    assert await redeem_all(database, option, 0) == 0
    await use(database, option, 2, -1)
    assert await redeem_all(database, option, 0) == 1


async def test_a_total_can_be_raised_set_and_lifted(database: Database) -> None:
    option = await made(database, limits={"total": 1})
    assert await redeem_all(database, option, 0) == 1
    for total, expected in ((4, 3), (None, None), (5, 4)):
        async with database.tx() as tx:
            await store.change(
                tx, "1", option.name, {"limits": {"total": total}}, if_match=None, author="x"
            )
        assert await left(database, option) == (1, expected)
    assert await redeem_all(database, option, 7) == 4


async def test_slots_racing_for_a_total_take_exactly_that_many(database: Database) -> None:
    option = await made(database, limits={"total": 25})
    key = (option.namespace, option.name)

    async def racer(slot: int) -> int:
        taken = 0
        while True:
            async with database.batch() as tx:
                found = (await store.lock_shares(tx, slot, [key]))[key]
                if found:
                    await store.take(tx, slot, {key: 1})
                    taken += 1
                    continue
            async with database.tx() as tx:
                if not await store.refill(tx, option.namespace, option.name, slot):
                    return taken

    assert sum(await asyncio.gather(*(racer(slot) for slot in range(SLOTS)))) == 25
    assert await left(database, option) == (25, 0)
