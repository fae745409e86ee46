"""Providers in the database."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import msgspec
import psycopg

from guerdon import ids
from guerdon.db.pool import ReadTx, Row, Tx
from guerdon.db.sql import Queries
from guerdon.errors import InvalidRequest, NotFound, PreconditionFailed
from guerdon.providers import signing
from guerdon.providers.conformance import store as conformance
from guerdon.providers.model import (
    SECRET_KINDS,
    Provider,
    SecretKind,
    Settings,
    Standing,
)
from guerdon.sealing import Sealer

_Q = Queries("guerdon.providers")
_PAUSED_RETRY_SECONDS = 60


async def standing(tx: ReadTx, namespaces: Collection[str]) -> dict[UUID, Standing]:
    """Where every provider of these namespaces stands now, on the database's clock."""
    rows = await tx.all(_Q["standing"], {"namespaces": list(namespaces)})
    return {row.provider_id: _standing(row) for row in rows}


def _standing(row: Row) -> Standing:
    blocked, retry_after, waits = None, 0, bool(row.slow)
    if row.paused or row.paused_because is not None:
        blocked, retry_after = "The provider of this option is paused.", _PAUSED_RETRY_SECONDS
    elif row.breaker == "open":
        waits = True
        if row.probe_in > 0:
            blocked = "The provider of this option is not reachable at present."
            retry_after = max(1, row.probe_in)
    return Standing(
        row.provider_id,
        row.namespace,
        blocked,
        retry_after,
        waits,
        row.timeout_seconds,
        row.max_in_flight,
        row.rate_per_second,
        row.has_status_url,
        row.test,
        row.idempotent,
    )


async def load(tx: ReadTx, sealer: Sealer, provider_id: UUID) -> Provider | None:
    """One provider with its secrets in the clear."""
    row = await tx.first(_Q["load"], {"provider_id": provider_id})
    if row is None:
        return None
    secrets = await tx.all(_Q["secrets"], {"provider_id": provider_id})
    found: dict[SecretKind, tuple[str, ...]] = dict.fromkeys(SECRET_KINDS, ())
    for secret in secrets:
        plain = sealer.open(secret.sealed, f"secret {secret.secret_id}").decode()
        kind: SecretKind = secret.kind
        found[kind] = (*found[kind], plain)
    return _provider(sealer, row, found)


def _provider(sealer: Sealer, row: Row, secrets: dict[SecretKind, tuple[str, ...]]) -> Provider:
    values = row._asdict()
    sealed = values.pop("authorization_sealed")
    context = f"authorization {row.provider_id}"
    authorization = None if sealed is None else sealer.open(sealed, context).decode()
    return Provider(**values, authorization=authorization, secrets=secrets)


async def page(
    tx: ReadTx, sealer: Sealer, namespace: str, after: str, limit: int
) -> list[Provider]:
    """Providers of a namespace by name, without their secrets."""
    rows = await tx.all(_Q["list"], {"namespace": namespace, "after": after, "limit": limit})
    return [_provider(sealer, row, {}) for row in rows]


async def own(tx: ReadTx, sealer: Sealer, namespace: str, provider_id: UUID) -> Provider:
    """One provider of a namespace; ``NotFound`` for any other."""
    provider = await load(tx, sealer, provider_id)
    if provider is None or provider.namespace != namespace:
        raise NotFound("There is no such provider.")
    return provider


async def named(tx: ReadTx, name: str) -> list[UUID]:
    """The IDs of the providers of this name, in whatever namespace."""
    return [row.provider_id for row in await tx.all(_Q["named"], {"name": name})]


async def names(tx: ReadTx, namespace: str) -> dict[UUID, str]:
    """What the providers of a namespace are called, by ID."""
    rows = await tx.all(_Q["names"], {"namespace": namespace})
    return {row.provider_id: row.name for row in rows}


async def create(
    tx: Tx, sealer: Sealer, namespace: str, settings: Settings, *, test: bool = False
) -> tuple[UUID, dict[SecretKind, str]]:
    """Stores a provider with fresh secrets; answers its ID and the secrets, this once.

    ``test`` is what its namespace is, live or test; the database refuses another word.
    """
    provider_id = ids.random_id()
    given = settings.authorization_header
    authorization = given if isinstance(given, str) else None
    try:
        columns = _columns(sealer, provider_id, settings, authorization, namespace)
        await tx.run(_Q["add"], columns | {"test": test})
    except psycopg.errors.UniqueViolation as taken:
        raise _name_taken(settings.name) from taken
    await tx.run(_Q["add_health"], {"provider_id": provider_id})
    secrets: dict[SecretKind, str] = {}
    for kind in SECRET_KINDS:
        secrets[kind] = await _add_secret(tx, sealer, provider_id, kind)
    return provider_id, secrets


def _name_taken(name: str) -> InvalidRequest:
    return InvalidRequest(
        f"There is a provider named {name!r} already.",
        errors=[{"pointer": "/name", "detail": "must be unique"}],
    )


def _columns(
    sealer: Sealer,
    provider_id: UUID,
    settings: Settings,
    authorization: str | None,
    namespace: str,
) -> dict[str, object]:
    columns: dict[str, object] = msgspec.structs.asdict(settings)
    del columns["authorization_header"]
    columns |= {"provider_id": provider_id, "namespace": namespace}
    columns["authorization_sealed"] = (
        None
        if authorization is None
        else sealer.seal(authorization.encode(), f"authorization {provider_id}")
    )
    return columns


async def _add_secret(tx: Tx, sealer: Sealer, provider_id: UUID, kind: SecretKind) -> str:
    secret, secret_id = signing.new_secret(), ids.random_id()
    await tx.run(
        _Q["add_secret"],
        {
            "secret_id": secret_id,
            "provider_id": provider_id,
            "kind": kind,
            "sealed": sealer.seal(secret.encode(), f"secret {secret_id}"),
        },
    )
    return secret


async def change(tx: Tx, sealer: Sealer, before: Provider, settings: Settings) -> None:
    """Stores new settings. An absent ``authorizationHeader`` stays. Unpausing clears health too."""
    header = settings.authorization_header
    authorization = before.authorization if header is msgspec.UNSET else header
    assert authorization is None or isinstance(authorization, str), "unset is handled above"
    columns = _columns(sealer, before.provider_id, settings, authorization, before.namespace)
    try:
        changed = await tx.run(_Q["change"], columns | {"version": before.version})
    except psycopg.errors.UniqueViolation as taken:
        raise _name_taken(settings.name) from taken
    if not changed:
        raise PreconditionFailed("Somebody changed this provider meanwhile. Read it again.")
    overtaken = _overtaken(before, settings, authorization)
    if overtaken is not None:
        await conformance.overtake(tx, before.provider_id, overtaken)


def _overtaken(before: Provider, settings: Settings, authorization: str | None) -> str | None:
    """Why what conformance found is no longer about this provider, if it is not."""
    if settings.webhook_url != before.webhook_url:
        return "The provider has another address since."
    if settings.dialect != before.dialect:
        return "The provider's answers are read in another way since."
    if settings.timeout_seconds < before.timeout_seconds:
        return "The provider has less time to answer since."
    if authorization != before.authorization:
        return "The provider is sent another Authorization value since."
    return None


async def clear_health(tx: Tx, provider_id: UUID) -> None:
    """People say: go on."""
    await tx.run(_Q["unpause"], {"provider_id": provider_id})


async def rotate(
    tx: Tx, sealer: Sealer, provider_id: UUID, kind: SecretKind, overlap_seconds: int
) -> tuple[str, datetime]:
    """A fresh secret, shown this once, and until when the old one stays valid."""
    row = await tx.first(
        _Q["retire_secret"], {"provider_id": provider_id, "kind": kind, "overlap": overlap_seconds}
    )
    if row is None:
        raise NotFound("This provider has no such secret.")
    await conformance.overtake(tx, provider_id, f"The {kind} was rotated since.")
    return await _add_secret(tx, sealer, provider_id, kind), row.valid_until


async def pause_by_machine(tx: Tx, provider_id: UUID, because: str) -> bool:
    """Stops sending until people look; answers whether it was not paused before."""
    return await tx.run(_Q["pause"], {"provider_id": provider_id, "because": because}) > 0


async def note_not_found(tx: Tx, provider_id: UUID) -> int:
    """Counts a 404; answers how many came in a row."""
    row = await tx.first(_Q["not_found"], {"provider_id": provider_id})
    return 0 if row is None else int(row.not_found_streak)


async def note_found(tx: Tx, provider_id: UUID) -> None:
    """Something other than a 404 came."""
    await tx.run(_Q["found"], {"provider_id": provider_id})


async def open_breaker(tx: Tx, provider_id: UUID) -> bool:
    """The provider is down; answers whether this is news."""
    return await tx.run(_Q["open_breaker"], {"provider_id": provider_id}) > 0


async def take_probe(tx: Tx, provider_id: UUID) -> bool:
    """Whether this process may send the probe that is due."""
    return await tx.run(_Q["take_probe"], {"provider_id": provider_id}) > 0


async def close_breaker(tx: Tx, provider_id: UUID) -> bool:
    """The provider is up again; answers whether this is news."""
    return await tx.run(_Q["close_breaker"], {"provider_id": provider_id}) > 0


async def advance(tx: Tx, namespace: str, seconds: int) -> int:
    """Lets time go on for the providers of a test programme; answers how many were waiting."""
    return await tx.run(_Q["advance"], {"namespace": namespace, "seconds": seconds})


async def note_refused_callback(tx: Tx, provider_ids: Collection[UUID]) -> None:
    """Counts a callback that could not prove that it is one of these providers'."""
    await tx.run(_Q["note_refused_callback"], {"provider_ids": list(provider_ids)})


async def refused_callbacks(tx: ReadTx, provider_ids: Collection[UUID]) -> dict[UUID, int]:
    """How many of these there were in the last 24 hours; providers without any are left out."""
    rows = await tx.all(_Q["refused_callbacks"], {"provider_ids": list(provider_ids)})
    return {row.provider_id: row.refused for row in rows}


async def prune_refused_callbacks(tx: Tx) -> None:
    """Forgets old counts."""
    await tx.run(_Q["prune_refused_callbacks"])


async def slow_down(tx: Tx, provider_id: UUID, seconds: int) -> None:
    """No attempt starts for a while: the provider asked for it."""
    await tx.run(_Q["slow_down"], {"provider_id": provider_id, "seconds": seconds})


async def sending(tx: ReadTx, provider_ids: Collection[UUID]) -> list[Row]:
    """Whether attempts may start now, for each of these providers."""
    return await tx.all(_Q["sending_standing"], {"provider_ids": list(provider_ids)})


async def of_tests(tx: ReadTx) -> set[UUID]:
    """The providers of test programmes."""
    return {row.provider_id for row in await tx.all(_Q["of_tests"])}


async def breakers(tx: ReadTx) -> list[Row]:
    """(provider_id, name, namespace, test, breaker, paused_because) of every provider."""
    return await tx.all(_Q["breakers"])


async def seal_anew(tx: Tx, sealer: Sealer) -> int:
    """Puts every secret of every provider under the current key; answers how many it moved."""
    moved = 0
    for row in await tx.all(_Q["sealed"]):
        if row.secret_id is None:
            statement, context = _Q["reseal_authorization"], f"authorization {row.provider_id}"
        else:
            statement, context = _Q["reseal_secret"], f"secret {row.secret_id}"
        fresh = sealer.sealed_anew(row.sealed, context)
        if fresh is not None:
            moved += await tx.run(statement, {**row._asdict(), "fresh": fresh})
    return moved
