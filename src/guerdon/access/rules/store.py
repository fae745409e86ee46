"""What a programme asks of its own people beyond their roles."""

from collections.abc import Collection

from guerdon.access import store
from guerdon.access.embedding import By
from guerdon.db.pool import ReadTx, Tx
from guerdon.db.sql import Queries

_Q = Queries("guerdon.access.rules")


async def conformance_required(tx: ReadTx, namespace: str) -> bool:
    """Whether options go live only with a provider that has passed ``guerdon conformance``."""
    row = await tx.first(_Q["rules"], {"namespace": namespace})
    return row is not None and bool(row.conformance_required)


async def require_conformance(tx: Tx, namespace: str, by: By, *, required: bool) -> None:
    """Asks for it from now on, or no longer. What is live stays so."""
    before = await conformance_required(tx, namespace)
    await tx.run(_Q["set_conformance_required"], {"namespace": namespace, "required": required})
    await _note(tx, namespace, by, "conformanceRequired", before, required)


async def second_person_from(tx: ReadTx, namespaces: Collection[str]) -> dict[str, int]:
    """The price from which on a second person must approve, of the programmes that have one."""
    if not namespaces:
        return {}
    rows = await tx.all(_Q["second_person_from"], {"namespaces": list(namespaces)})
    return {row.namespace: row.second_person_from for row in rows}


async def ask_second_person(tx: Tx, namespace: str, price: int | None, by: By) -> None:
    """Asks for one from that price on, or no longer. What waits for one goes on waiting."""
    before = (await second_person_from(tx, {namespace})).get(namespace)
    await tx.run(_Q["set_second_person_from"], {"namespace": namespace, "price": price})
    await _note(tx, namespace, by, "secondPersonFrom", before, price)


async def _note(
    tx: Tx, namespace: str, by: By, rule: str, before: int | None, after: int | None
) -> None:
    if before != after:
        await store.audit(
            tx,
            namespace=namespace,
            actor=by.actor,
            action="rules.changed",
            target=namespace,
            detail={rule: {"before": before, "after": after}},
            address=by.address,
        )
