"""What a test programme's clock and its wiping mean for transactions. Whoever calls holds the lock
on the sandbox."""

from guerdon.db.pool import Tx
from guerdon.db.sql import Queries

_Q = Queries("guerdon.transactions.sandbox")


async def advance(tx: Tx, namespace: str, seconds: int) -> int:
    """Brings deadlines and enquiries nearer; answers of how many transactions."""
    return await tx.run(_Q["advance"], {"namespace": namespace, "seconds": seconds})


async def remove_jobs(tx: Tx, namespace: str) -> None:
    """Removes decisions that were made many at once, and exports."""
    await tx.run(_Q["remove_jobs"], {"namespace": namespace})
    await tx.run(_Q["remove_exports"], {"namespace": namespace})
