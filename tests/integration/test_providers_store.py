"""Providers on a real PostgreSQL: settings, secrets, pauses and the breaker."""

import asyncio
from uuid import UUID

import pytest

from guerdon.db.pool import Database
from guerdon.db.sql import Statement
from guerdon.errors import InvalidRequest, PreconditionFailed
from guerdon.providers import store
from guerdon.providers.model import Provider, Settings, Standing
from guerdon.sealing import Sealer

SEALER = Sealer(bytes(range(32)))
HEADER = "Bearer do-not-store-me"

_NAMESPACE = Statement(
    "", "", b"INSERT INTO namespace (namespace) VALUES (%(namespace)s) ON CONFLICT DO NOTHING"
)
_PROBE_DUE = Statement("", "", b"UPDATE provider_health SET probe_at = now()")
_STORED = Statement(
    "",
    "",
    b"SELECT string_agg(t, ' ') AS text FROM (SELECT p::text AS t FROM provider p"
    b" UNION ALL SELECT encode(authorization_sealed, 'escape') FROM provider"
    b" UNION ALL SELECT encode(sealed, 'escape') FROM provider_secret) AS all_of_it",
)


def settings(name: str = "Cinema", **fields: object) -> Settings:
    return Settings(name=name, webhook_url="https://example.com/hook", **fields)  # type: ignore[arg-type]


async def make(database: Database, given: Settings, namespace: str = "1") -> UUID:
    async with database.tx() as tx:
        await tx.run(_NAMESPACE, {"namespace": namespace})
        provider_id, _ = await store.create(tx, SEALER, namespace, given)
    return provider_id


async def load(database: Database, provider_id: UUID) -> Provider:
    async with database.read() as tx:
        provider = await store.load(tx, SEALER, provider_id)
    assert provider is not None
    return provider


async def standing(database: Database, provider_id: UUID) -> Standing:
    async with database.batch() as tx:
        return (await store.standing(tx, ["1"]))[provider_id]


async def test_secrets_open_again_and_do_not_stand_in_the_database(database: Database) -> None:
    async with database.tx() as tx:
        await tx.run(_NAMESPACE, {"namespace": "1"})
        given = settings(authorization_header=HEADER)
        provider_id, secrets = await store.create(tx, SEALER, "1", given)
    provider = await load(database, provider_id)
    assert provider.authorization == HEADER
    assert provider.secrets == {kind: (secret,) for kind, secret in secrets.items()}
    assert all(secret.startswith("whsec_") for secret in secrets.values())
    async with database.read() as tx:
        stored = await tx.first(_STORED)
    assert stored is not None
    for secret in (HEADER, *secrets.values()):
        assert secret not in stored.text


async def test_a_rotated_secret_stays_valid_for_its_overlap_only(database: Database) -> None:
    provider_id = await make(database, settings())
    old = (await load(database, provider_id)).secrets["signingSecret"]
    async with database.tx() as tx:
        new, until = await store.rotate(tx, SEALER, provider_id, "signingSecret", 3600)
        assert until > tx.at
    assert (await load(database, provider_id)).secrets["signingSecret"] == (new, *old)
    async with database.tx() as tx:
        newest, _ = await store.rotate(tx, SEALER, provider_id, "signingSecret", 0)
    assert (await load(database, provider_id)).secrets["signingSecret"] == (newest, *old)


async def test_names_are_unique_in_a_namespace(database: Database) -> None:
    await make(database, settings())
    await make(database, settings(), "2")
    with pytest.raises(InvalidRequest):
        await make(database, settings())


async def test_a_change_keeps_what_it_does_not_name_and_guards_its_version(
    database: Database,
) -> None:
    provider_id = await make(database, settings(authorization_header=HEADER))
    before = await load(database, provider_id)
    async with database.tx() as tx:
        await store.change(tx, SEALER, before, settings(timeout_seconds=5))
    after = await load(database, provider_id)
    assert (after.version, after.timeout_seconds, after.authorization) == (2, 5, HEADER)
    with pytest.raises(PreconditionFailed):
        async with database.tx() as tx:
            await store.change(tx, SEALER, before, settings())
    async with database.tx() as tx:
        await store.change(tx, SEALER, after, settings(authorization_header=None))
    assert (await load(database, provider_id)).authorization is None


async def test_pauses_of_people_and_machines_block(database: Database) -> None:
    provider_id = await make(database, settings())
    assert (await standing(database, provider_id)).blocked is None
    async with database.tx() as tx:
        assert await store.pause_by_machine(tx, provider_id, "It answered 401.")
        assert not await store.pause_by_machine(tx, provider_id, "It answered 403.")
    found = await standing(database, provider_id)
    assert found.blocked is not None
    assert found.retry_after > 0
    assert (await load(database, provider_id)).paused_because == "It answered 401."
    async with database.tx() as tx:
        await store.clear_health(tx, provider_id)
        provider = await store.load(tx, SEALER, provider_id)
        assert provider is not None
        await store.change(tx, SEALER, provider, settings(paused=True))
    assert (await standing(database, provider_id)).blocked is not None


async def test_404s_are_counted_in_a_row(database: Database) -> None:
    provider_id = await make(database, settings())
    async with database.tx() as tx:
        assert [await store.note_not_found(tx, provider_id) for _ in range(3)] == [1, 2, 3]
        await store.note_found(tx, provider_id)
        assert await store.note_not_found(tx, provider_id) == 1


async def test_an_open_breaker_blocks_until_its_probe_and_one_process_takes_it(
    database: Database,
) -> None:
    provider_id = await make(database, settings())

    async def opens() -> bool:
        async with database.tx() as tx:
            return await store.open_breaker(tx, provider_id)

    async def probes() -> bool:
        async with database.tx() as tx:
            return await store.take_probe(tx, provider_id)

    assert sorted(await asyncio.gather(*(opens() for _ in range(3)))) == [False, False, True]
    found = await standing(database, provider_id)
    assert found.blocked is not None
    assert 1 <= found.retry_after <= 5
    assert not await probes()
    async with database.tx() as tx:
        await tx.run(_PROBE_DUE)
    found = await standing(database, provider_id)
    assert (found.blocked, found.waits) == (None, True)
    assert sorted(await asyncio.gather(*(probes() for _ in range(4)))) == [False] * 3 + [True]
    assert (await standing(database, provider_id)).retry_after <= 10
    async with database.tx() as tx:
        assert await store.close_breaker(tx, provider_id)
        assert not await store.close_breaker(tx, provider_id)
    found = await standing(database, provider_id)
    assert (found.blocked, found.waits) == (None, False)


async def test_pages_go_by_name(database: Database) -> None:
    for name in ("c", "a", "b"):
        await make(database, settings(name))
    await make(database, settings("d"), "2")
    async with database.read() as tx:
        first = await store.page(tx, SEALER, "1", "", 2)
        rest = await store.page(tx, SEALER, "1", first[-1].name, 2)
    assert [provider.name for provider in (*first, *rest)] == ["a", "b", "c"]
