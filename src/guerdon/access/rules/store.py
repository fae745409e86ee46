"""What a programme asks of its own people beyond their roles."""

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
    if before != required:
        await store.audit(
            tx,
            namespace=namespace,
            actor=by.actor,
            action="rules.changed",
            target=namespace,
            detail={"conformanceRequired": {"before": before, "after": required}},
            address=by.address,
        )
