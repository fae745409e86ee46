"""How many members have the widget in view, as the processes say that tell them live news.

Each says it for itself every few seconds, in one row a programme, and nothing while it has nobody:
what a member does in the widget writes nothing. A member whom two processes serve counts twice; a
widget in a hidden tab listens to nothing and does not count.
"""

from collections.abc import Mapping
from uuid import UUID

from guerdon.db.pool import ReadTx, Tx
from guerdon.db.sql import Queries

_Q = Queries("guerdon.members.present")


async def say(tx: Tx, process_id: UUID, members: Mapping[str, int]) -> None:
    """How many members a process has in view by programme, in place of what it said before."""
    await tx.run(_Q["forget"], {"process_id": process_id})
    if members:
        said = {"namespaces": list(members), "members": list(members.values())}
        await tx.run(_Q["say"], {"process_id": process_id, **said})


async def in_view(tx: ReadTx, namespace: str) -> int:
    """How many members of a programme had the widget in view within the last seconds."""
    row = await tx.first(_Q["in_view"], {"namespace": namespace})
    return 0 if row is None else int(row.members)
