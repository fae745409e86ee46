"""Exports as rows: what was asked for, how far it was written, and the files that are kept.

A kept file is written by whoever holds its lease, in steps. A step reads in one snapshot, and keeps
what it wrote and how far it came in one ``Tx``: a process that is killed in between leaves whole
steps, and the next one goes on behind them.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import msgspec

from guerdon import ids
from guerdon.db.pool import ReadTx, Row, Tx
from guerdon.db.sql import Queries
from guerdon.errors import InvalidRequest
from guerdon.transactions.exports.model import KEPT_FOR, Export, Plan
from guerdon.transactions.model import Transaction

_Q = Queries("guerdon.transactions.exports")
LEASE_SECONDS = 30
# So many files of a programme are written at a time; they wait for each other.
MOST_UNDER_WAY = 5
# A part is some hundred kilobytes: so many are read at once.
_PARTS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Step:
    """What a step wrote, and down to which ID it came; ``None`` = to the end."""

    content: bytes
    rows: int
    walked_to: UUID | None


async def add(
    tx: Tx,
    namespace: str,
    actor: str,
    name: str,
    asked: dict[str, str],
    words: str,
    plan: Plan,
    *,
    kept: bool,
) -> UUID:
    """A new export, to be streamed or to be kept; answers its ID.

    Raises ``InvalidRequest`` where enough files are being written.
    """
    export_id = ids.random_id()
    if kept:
        await tx.first(_Q["hold"], {"namespace": namespace})
        row = await tx.first(_Q["under_way"], {"namespace": namespace})
        if row is not None and row.found >= MOST_UNDER_WAY:
            raise InvalidRequest(
                f"{MOST_UNDER_WAY} exports of this programme are being written. Wait for one of "
                "them, or stop it."
            )
    await tx.run(
        _Q["add"],
        {
            "export_id": export_id,
            "namespace": namespace,
            "actor": actor,
            "name": name,
            "asked": msgspec.json.encode(asked).decode(),
            "words": words,
            "plan": msgspec.json.encode(plan).decode(),
            "personal": plan.personal,
            "kept": kept,
        },
    )
    return export_id


async def export(tx: ReadTx, namespace: str, export_id: UUID) -> Export | None:
    """One export of a namespace."""
    row = await tx.first(_Q["export"], {"export_id": export_id, "namespace": namespace})
    return None if row is None else _export(row)


async def exports(tx: ReadTx, namespace: str, limit: int) -> list[Export]:
    """The newest exports of a namespace."""
    rows = await tx.all(_Q["exports"], {"namespace": namespace, "limit": limit})
    return [_export(row) for row in rows]


async def claim(tx: Tx, owner: UUID) -> Export | None:
    """A file to write, leased."""
    row = await tx.first(_Q["claim"], {"owner": owner, "seconds": LEASE_SECONDS})
    return None if row is None else _export(row)


async def advance(tx: Tx, given: Export, owner: UUID, step: Step) -> Export | None:
    """Keeps what a step wrote; answers the export as it stands, or ``None`` where nothing is left
    to do: it is at its end, or no longer ours."""
    last = step.walked_to is None
    taken = await tx.run(
        _Q["advance"],
        {
            "export_id": given.export_id,
            "owner": owner,
            "seconds": LEASE_SECONDS,
            "steps": given.steps,
            "walked_to": given.walked_to if last else step.walked_to,
            "rows": step.rows,
            "size": len(step.content),
            "last": last,
        },
    )
    if not taken:
        return None
    now = replace(
        given,
        steps=given.steps + 1,
        walked_to=step.walked_to,
        written=given.written + step.rows,
        size=given.size + len(step.content),
    )
    if step.content:
        part = {"export_id": now.export_id, "n": now.steps, "content": step.content}
        await tx.run(_Q["add_part"], part)
    return None if last else now


async def finish_streamed(tx: Tx, export_id: UUID, rows: int, size: int) -> None:
    """A stream came to its end."""
    done = {"export_id": export_id, "written": rows, "size": size}
    await tx.run(_Q["finish_streamed"], done)


async def stop(tx: Tx, given: Export, actor: str) -> bool:
    """Ends a file that is being written, and throws away what there is of it; answers whether it
    was under way until now."""
    where = {"export_id": given.export_id, "namespace": given.namespace, "actor": actor}
    stopped = await tx.run(_Q["stop"], where) > 0
    if stopped:
        await tx.run(_Q["drop_parts"], {"export_ids": [given.export_id]})
    return stopped


async def fail(tx: Tx, given: Export, owner: UUID, trouble: str) -> None:
    """Ends a file that cannot be written."""
    where = {"export_id": given.export_id, "owner": owner, "trouble": trouble}
    if await tx.run(_Q["fail"], where):
        await tx.run(_Q["drop_parts"], {"export_ids": [given.export_id]})


async def withdraw(tx: Tx, namespace: str) -> int:
    """Throws away every kept file with personal data of a namespace, because a member is erased;
    answers how many. One that is begun meanwhile waits until the erasure is committed."""
    await tx.first(_Q["hold"], {"namespace": namespace})
    rows = await tx.all(_Q["withdraw"], {"namespace": namespace})
    if rows:
        await tx.run(_Q["drop_parts"], {"export_ids": [row.export_id for row in rows]})
    return len(rows)


async def content(tx: ReadTx, export_id: UUID) -> AsyncIterator[bytes]:
    """A kept file, in constant memory."""
    async for rows in tx.stream(_Q["parts"], {"export_id": export_id}, size=_PARTS_AT_ONCE):
        for row in rows:
            yield row.content


async def let_go(tx: Tx, owner: UUID) -> None:
    """Leaves what is under way to others."""
    await tx.run(_Q["let_go"], {"owner": owner})


async def prune(tx: Tx) -> None:
    """Removes what had its days."""
    await tx.run(_Q["prune"], {"seconds": KEPT_FOR.total_seconds()})


async def events(tx: ReadTx, found: Sequence[Transaction]) -> dict[UUID, list[Row]]:
    """(seq, type, at, actor, payload, and how an attempt ended) of some transactions' histories."""
    keys = {"slots": [t.slot for t in found], "ids": [t.transaction_id for t in found]}
    histories: dict[UUID, list[Row]] = defaultdict(list)
    for row in await tx.all(_Q["events"], keys):
        histories[row.transaction_id].append(row)
    return histories


def _export(row: Row) -> Export:
    return Export(**row._asdict() | {"plan": msgspec.convert(row.plan, Plan)})
