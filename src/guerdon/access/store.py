"""Namespaces, API keys, operators, public keys and the audit trail in the database."""

import re
from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from guerdon import ids
from guerdon.access.principal import Principal
from guerdon.db.pool import ReadTx, Row, Tx
from guerdon.db.sql import Queries
from guerdon.errors import InvalidRequest, LiveNamespace

_Q = Queries("guerdon.access")
_NAMESPACE = re.compile(r"[A-Za-z0-9_-]{1,64}")


async def ensure_namespace(tx: Tx, namespace: str, *, test: bool = False) -> None:
    """Makes the namespace if it is not there, as a ``test`` one if asked for.

    ``InvalidRequest`` for a name it may not have, and ``LiveNamespace`` where a test one is asked
    for and a live one stands: what it was made as, it stays.
    """
    if not _NAMESPACE.fullmatch(namespace):
        raise InvalidRequest(
            "A namespace has 1 to 64 letters, digits, - and _.",
            errors=[{"pointer": "/namespace", "detail": "must match [A-Za-z0-9_-]{1,64}"}],
        )
    await tx.run(_Q["add_namespace"], {"namespace": namespace, "test": test})
    if test:
        row = await tx.first(_Q["namespace"], {"namespace": namespace})
        if row is None or not row.test:
            raise LiveNamespace(
                f"The namespace {namespace} is live, and a live one never becomes a test one. "
                "Choose another name."
            )


async def namespace(tx: ReadTx, name: str) -> Row | None:
    """(namespace, token_issuer, token_audience, allowed_origins, limits, version, created_at, test,
    wiped_at, advanced_seconds)."""
    return await tx.first(_Q["namespace"], {"namespace": name})


async def namespaces(tx: ReadTx) -> list[str]:
    """Every namespace there is."""
    return [row.namespace for row in await tx.all(_Q["namespaces"])]


async def only_namespace(tx: ReadTx) -> str | None:
    """The name of the one namespace there is; ``None`` where there are several, or none. Test ones
    beside it do not count: who makes one must not stop the widget of the live one."""
    rows = await tx.all(_Q["some_namespaces"])
    alone = len(rows) == 1 or (len(rows) == 2 and rows[1].test and not rows[0].test)
    return str(rows[0].namespace) if alone else None


async def allows_origin(tx: ReadTx, origin: str) -> bool:
    """Whether any namespace lets its widget stand on pages of ``origin``."""
    return await tx.first(_Q["allows_origin"], {"origin": origin}) is not None


async def change_namespace(
    tx: Tx,
    name: str,
    issuer: str | None,
    audience: str | None,
    origins: Sequence[str],
    limits: str,
    version: int,
) -> bool:
    """Writes settings upon ``version``, ``limits`` as JSON; answers whether it still was that."""
    changed = await tx.run(
        _Q["change_namespace"],
        {
            "namespace": name,
            "issuer": issuer,
            "audience": audience,
            "origins": list(origins),
            "limits": limits,
            "version": version,
        },
    )
    return changed > 0


async def add_key(
    tx: Tx, namespace: str, secret_hash: bytes, scopes: Sequence[str], label: str
) -> UUID:
    """Stores a key by its hash; answers its ID."""
    key_id = ids.random_id()
    await tx.run(
        _Q["add_key"],
        {
            "key_id": key_id,
            "namespace": namespace,
            "secret_hash": secret_hash,
            "scopes": list(scopes),
            "label": label,
        },
    )
    return key_id


async def key_holder(tx: ReadTx, secret_hash: bytes) -> Principal | None:
    """Whose key this is."""
    row = await tx.first(_Q["key_holder"], {"secret_hash": secret_hash})
    if row is None:
        return None
    actor = f"key:{row.label or str(row.key_id)[:8]}"
    scopes = frozenset(row.scopes)
    return Principal(row.key_id, row.namespace, scopes, actor, row.test, row.per_minute)


async def keys(tx: ReadTx, namespace: str | None) -> list[Row]:
    """(key_id, namespace, scopes, label, created_at, revoked_at), of one namespace or of all."""
    return await tx.all(_Q["keys"], {"namespace": namespace})


async def revoke_key(tx: Tx, key_id: UUID) -> bool:
    """Revokes a key; answers whether it was valid until now."""
    return await tx.run(_Q["revoke_key"], {"key_id": key_id}) > 0


async def add_operator(
    tx: Tx,
    namespace: str,
    email: str,
    role: str,
    password_hash: str | None,
    *,
    password_given: bool = False,
) -> None:
    """Adds an operator, or gives one who is there a new role and password, which ends every
    session of theirs. ``password_given``: they have to choose another one first."""
    await tx.run(_Q["end_sessions_of"], {"namespace": namespace, "email": email})
    await tx.run(
        _Q["add_operator"],
        {
            "operator_id": ids.random_id(),
            "namespace": namespace,
            "email": email,
            "role": role,
            "password_hash": password_hash,
            "password_given": password_given,
        },
    )


async def add_member_key(
    tx: Tx, namespace: str, kid: str | None, algorithm: str, public_key: str, label: str
) -> UUID:
    """Registers a public key; answers its ID."""
    member_key_id = ids.random_id()
    await tx.run(
        _Q["add_member_key"],
        {
            "member_key_id": member_key_id,
            "namespace": namespace,
            "kid": kid,
            "algorithm": algorithm,
            "public_key": public_key,
            "label": label,
        },
    )
    return member_key_id


async def member_keys(tx: ReadTx, namespace: str) -> list[Row]:
    """The public keys of a namespace."""
    return await tx.all(_Q["member_keys"], {"namespace": namespace})


async def disable_member_key(
    tx: Tx, namespace: str, member_key_id: UUID, *, disabled: bool
) -> bool:
    """Disables or enables a public key; answers whether there is such a one."""
    where = {"namespace": namespace, "member_key_id": member_key_id, "disabled": disabled}
    return await tx.run(_Q["disable_member_key"], where) > 0


async def audit(
    tx: Tx,
    *,
    namespace: str,
    actor: str,
    action: str,
    target: str,
    detail: Mapping[str, object],
    address: str | None,
) -> None:
    """Appends who did what to what; ``detail`` holds what it was before and after."""
    await tx.run(
        _Q["add_audit"],
        {
            "audit_id": ids.new_id(0, tx.at),
            "namespace": namespace,
            "actor": actor,
            "action": action,
            "target": target,
            "detail": msgspec.json.encode(detail).decode(),
            "address": address,
        },
    )
