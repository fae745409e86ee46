"""Transactions, their histories and their keys in the database. Sets in, sets out."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from guerdon.db.pool import ReadTx, Row, Tx
from guerdon.db.sql import Queries
from guerdon.errors import InvariantBroken
from guerdon.transactions.events import Event
from guerdon.transactions.hours import store as hours
from guerdon.transactions.model import Attempt, Key, Personal, Transaction
from guerdon.transactions.states import Status

_Q = Queries("guerdon.transactions")


def from_row(row: Row) -> Transaction:
    """A transaction out of a row with all its columns, in their order."""
    values = list(row)
    values[14] = Status(values[14])
    return Transaction(*values)


async def add(tx: Tx, slot: int, at: datetime, opened: Sequence[Transaction]) -> None:
    """Opens transactions, all pending and made at ``at``, with two events each to come."""
    await tx.execute(
        _Q["add_transactions"],
        {
            "slot": slot,
            "at": at,
            "ids": [t.transaction_id for t in opened],
            "namespaces": [t.namespace for t in opened],
            "member_ids": [t.member_id for t in opened],
            "option_names": [t.option_name for t in opened],
            "option_versions": [t.option_version for t in opened],
            "option_titles": [t.option_title for t in opened],
            "provider_ids": [t.provider_id for t in opened],
            "types": [t.type for t in opened],
            "prices": [t.price for t in opened],
            "currencies": [t.currency for t in opened],
            "currency_amounts": [t.currency_amount for t in opened],
            "conversion_rates": [t.conversion_rate for t in opened],
            "origins": [t.origin for t in opened],
        },
    )
    await hours.note_opened(tx, slot, at, [t.namespace for t in opened])


async def lock(tx: Tx, slot: int, ids: Collection[UUID]) -> dict[UUID, Transaction]:
    """Locks transactions in the order of their IDs until the ``Tx`` ends."""
    rows = await tx.all(_Q["lock_transactions"], {"slot": slot, "ids": list(ids)})
    return {row.transaction_id: from_row(row) for row in rows}


@dataclass(frozen=True, slots=True)
class Move:
    """A locked transaction after its news, and the status that the decision was made upon."""

    was: Status
    transaction: Transaction


async def save(tx: Tx, slot: int, moves: Sequence[Move]) -> None:
    """Writes locked transactions back, guarded by the status each decision was made upon."""
    after = [move.transaction for move in moves]
    saved = await tx.first(
        _Q["save_transactions"],
        {
            "slot": slot,
            "ids": [t.transaction_id for t in after],
            "was": [move.was for move in moves],
            "statuses": [t.status for t in after],
            "events": [t.events for t in after],
            "dirty": [t.dirty for t in after],
            "conflicts": [t.conflict for t in after],
            "open_reasons": [t.open_reason for t in after],
            "due_ats": [t.due_at for t in after],
            "next_ask_ats": [t.next_ask_at for t in after],
            "asked": [t.asked for t in after],
            "references": [t.reference for t in after],
            "updated_ats": [t.updated_at for t in after],
            "closed_ats": [t.closed_at for t in after],
            "closed_bys": [t.closed_by for t in after],
        },
    )
    if saved is None or saved.rows != len(moves):
        raise InvariantBroken("A transaction changed under its own lock.")
    moved = [
        (t.namespace, t.created_at, move.was, t.status)
        for move, t in zip(moves, after, strict=True)
    ]
    await hours.note_moved(tx, slot, moved)


async def add_events(tx: Tx, slot: int, events: Sequence[Event]) -> None:
    """Appends to histories; the key refuses a number that is taken."""
    if events:
        await tx.execute(
            _Q["add_events"],
            {
                "slot": slot,
                "ids": [event.transaction_id for event in events],
                "seqs": [event.seq for event in events],
                "types": [event.type for event in events],
                "ats": [event.at for event in events],
                "actors": [event.actor for event in events],
                "payloads": [event.payload for event in events],
            },
        )


async def add_attempts(tx: Tx, slot: int, attempts: Sequence[Attempt]) -> None:
    """Records finished attempts; of two accounts of one attempt the first stands."""
    if attempts:
        await tx.execute(
            _Q["add_attempts"],
            {
                "slot": slot,
                "ids": [attempt.transaction_id for attempt in attempts],
                "ns": [attempt.n for attempt in attempts],
                "started_ats": [attempt.started_at for attempt in attempts],
                "durations": [attempt.duration_ms for attempt in attempts],
                "http_statuses": [attempt.http_status for attempt in attempts],
                "evidence": [attempt.evidence for attempt in attempts],
                "rules": [attempt.rule for attempt in attempts],
                "sentences": [attempt.sentence for attempt in attempts],
            },
        )


async def attempts_of(tx: ReadTx, slot: int, ids: Collection[UUID]) -> dict[UUID, list[Attempt]]:
    """The finished attempts of each transaction, in their order."""
    found: dict[UUID, list[Attempt]] = {identifier: [] for identifier in ids}
    for row in await tx.all(_Q["attempts_of"], {"slot": slot, "ids": list(ids)}):
        found[row.transaction_id].append(Attempt(*row))
    return found


async def add_personal(tx: Tx, slot: int, parts: Sequence[Personal]) -> None:
    """Stores what erasure will remove."""
    if parts:
        await tx.execute(
            _Q["add_personal"],
            {
                "slot": slot,
                "ids": [part.transaction_id for part in parts],
                "parts": [part.part for part in parts],
                "emails": [part.email for part in parts],
                "addresses": [part.address for part in parts],
                "contents": [part.content for part in parts],
            },
        )


async def personal_of(tx: ReadTx, slot: int, transaction_id: UUID) -> dict[int, Personal]:
    """The personal parts of one transaction by number; empty once its member was erased."""
    rows = await tx.all(_Q["personal_of"], {"slot": slot, "id": transaction_id})
    return {row.part: Personal(*row) for row in rows}


async def bodies_of(tx: ReadTx, slot: int, ids: Collection[UUID]) -> dict[UUID, bytes]:
    """The exact bodies owed to providers."""
    rows = await tx.all(_Q["bodies_of"], {"slot": slot, "ids": list(ids)})
    return {row.transaction_id: row.content for row in rows}


async def standing_of(
    tx: ReadTx, slot: int, ids: Collection[UUID]
) -> dict[UUID, tuple[Status, bool]]:
    """The status of each transaction, and whether any attempt of it was unknown."""
    rows = await tx.all(_Q["standing_of"], {"slot": slot, "ids": list(ids)})
    return {row.transaction_id: (Status(row.status), row.dirty) for row in rows}


async def erase_personal(tx: Tx, slot: int, member_id: UUID) -> None:
    """Removes what is personal from every transaction of a member; the money stays."""
    await tx.run(_Q["erase_personal"], {"slot": slot, "member_id": member_id})


async def has_open(tx: ReadTx, slot: int, member_id: UUID) -> bool:
    """Whether any transaction of a member is open."""
    row = await tx.first(_Q["open_count"], {"slot": slot, "member_id": member_id})
    return row is not None and row.open > 0


async def counts(
    tx: ReadTx, slot: int, wanted: Sequence[tuple[UUID, UUID, UUID]]
) -> list[tuple[int, int]]:
    """How often members used options, in the order of ``wanted``: (ever, in the period).

    ``wanted`` are (member ID, option name, first ID of the period). A failure does not count.
    """
    rows = await tx.all(
        _Q["counts_of"],
        {
            "slot": slot,
            "ns": list(range(len(wanted))),
            "member_ids": [member_id for member_id, _, _ in wanted],
            "option_names": [option_name for _, option_name, _ in wanted],
            "sinces": [since for _, _, since in wanted],
        },
    )
    by_number = {row.n: (row.used, row.used_in_period) for row in rows}
    return [by_number[number] for number in range(len(wanted))]


async def get(tx: ReadTx, slot: int, transaction_id: UUID) -> Transaction | None:
    """One transaction as it stands, without a lock."""
    row = await tx.first(_Q["transaction"], {"slot": slot, "id": transaction_id})
    return None if row is None else from_row(row)


async def events_of(tx: ReadTx, slot: int, transaction_id: UUID) -> list[Row]:
    """A transaction's history: rows of (transaction_id, seq, type, at, actor, payload)."""
    return await tx.all(_Q["events_of"], {"slot": slot, "id": transaction_id})


async def said_before(
    tx: ReadTx, slot: int, ids: Collection[UUID]
) -> set[tuple[UUID, str, str, str]]:
    """What histories hold already: (transaction, event type, source, what it said)."""
    if not ids:
        return set()
    rows = await tx.all(_Q["said_before"], {"slot": slot, "ids": list(ids)})
    return {(row.transaction_id, row.type, row.source, row.said) for row in rows}


async def find_keys(tx: ReadTx, slot: int, scopes: Collection[bytes]) -> dict[bytes, Key]:
    """The first accepted answers to idempotency keys, by the hash of their scope."""
    rows = await tx.all(_Q["find_keys"], {"slot": slot, "scopes": list(scopes)})
    return {row.scope_hash: Key(*row) for row in rows}


async def add_keys(tx: Tx, slot: int, at: datetime, keys: Sequence[Key]) -> None:
    """Keeps first accepted answers."""
    if keys:
        await tx.execute(
            _Q["add_keys"],
            {
                "slot": slot,
                "at": at,
                "scopes": [key.scope_hash for key in keys],
                "bodies": [key.body_hash for key in keys],
                "causes": [key.cause_id for key in keys],
                "answers": [key.answer for key in keys],
            },
        )


@dataclass(frozen=True, slots=True)
class Callback:
    """What one webhook-id said of one transaction."""

    transaction_id: UUID
    webhook_id: str
    body_hash: bytes
    status: str
    conflicts: bool
    at: datetime


async def find_callbacks(
    tx: ReadTx, slot: int, wanted: Sequence[tuple[UUID, str]]
) -> dict[tuple[UUID, str], tuple[bytes, bool]]:
    """Earlier callbacks by (transaction, webhook-id): hash of the body, and if it conflicted."""
    if not wanted:
        return {}
    rows = await tx.all(
        _Q["find_callbacks"],
        {
            "slot": slot,
            "ids": [transaction_id for transaction_id, _ in wanted],
            "webhook_ids": [webhook_id for _, webhook_id in wanted],
        },
    )
    return {(row.transaction_id, row.webhook_id): (row.body_hash, row.conflicts) for row in rows}


async def add_callbacks(tx: Tx, slot: int, callbacks: Sequence[Callback]) -> None:
    """Remembers what webhook-ids said."""
    if callbacks:
        await tx.execute(
            _Q["add_callbacks"],
            {
                "slot": slot,
                "ids": [callback.transaction_id for callback in callbacks],
                "webhook_ids": [callback.webhook_id for callback in callbacks],
                "body_hashes": [callback.body_hash for callback in callbacks],
                "statuses": [callback.status for callback in callbacks],
                "conflicts": [callback.conflicts for callback in callbacks],
                "ats": [callback.at for callback in callbacks],
            },
        )


async def overdue(tx: ReadTx, limit: int) -> list[Row]:
    """Up to ``limit`` transactions (slot, transaction_id) whose deadline has passed."""
    return await tx.all(_Q["overdue"], {"limit": limit})


async def to_ask(tx: ReadTx, limit: int) -> list[Row]:
    """Up to ``limit`` unknown outcomes (slot, transaction_id, namespace, provider_id, asked)."""
    return await tx.all(_Q["to_ask"], {"limit": limit})


async def asked(tx: Tx, slot: int, transaction_id: UUID, times: int, next_in: float | None) -> None:
    """Notes that asking gave no answer: asked again in ``next_in`` seconds, or never.

    ``times`` it had been asked before: of two processes that asked at once, one notes it.
    """
    where = {"slot": slot, "id": transaction_id, "asked": times}
    if next_in is None:
        await tx.run(_Q["stop_asking"], where)
    else:
        await tx.run(_Q["reschedule_ask"], {**where, "seconds": next_in})


async def prune(tx: Tx, limit: int) -> int:
    """Removes lapsed idempotency keys and forgotten webhook-ids; answers how many rows went."""
    keys = await tx.run(_Q["prune_keys"], {"limit": limit})
    return keys + await tx.run(_Q["prune_callbacks"], {"limit": limit})


@dataclass(frozen=True, slots=True)
class Filter:
    """Which transactions a list shows; ``None`` = any. IDs bound time: they are time-led."""

    namespace: str
    statuses: tuple[str, ...] | None
    option_names: tuple[UUID, ...] | None
    member_ids: tuple[UUID, ...] | None
    title: str | None
    from_id: UUID
    below_id: UUID


async def page(tx: ReadTx, chosen: Filter, limit: int) -> list[Transaction]:
    """Up to ``limit`` transactions, newest first."""
    return [from_row(row) for row in await tx.all(_Q["page"], _filter(chosen, limit))]


async def stream(tx: ReadTx, chosen: Filter) -> AsyncIterator[list[Transaction]]:
    """Every transaction of the filter in one snapshot, in groups, in constant memory."""
    async for rows in tx.stream(_Q["page"], _filter(chosen, None)):
        yield [from_row(row) for row in rows]


def _filter(chosen: Filter, limit: int | None) -> dict[str, object]:
    def listed(values: Collection[object] | None) -> list[object] | None:
        return None if values is None else list(values)

    return {
        "namespace": chosen.namespace,
        "from": chosen.from_id,
        "below": chosen.below_id,
        "statuses": listed(chosen.statuses),
        "option_names": listed(chosen.option_names),
        "member_ids": listed(chosen.member_ids),
        "title": chosen.title,
        "limit": limit,
    }


def open_holds(tx: ReadTx, slot: int) -> AsyncIterator[Sequence[Row]]:
    """What open transactions hold for each member of a slot: (member_id, held), by member."""
    return tx.stream(_Q["open_holds"], {"slot": slot}, name="open_holds")


def in_order(tx: ReadTx, slot: int) -> AsyncIterator[Sequence[Row]]:
    """Every transaction of a slot: (transaction_id, namespace, member_id, status, price)."""
    return tx.stream(_Q["in_order"], {"slot": slot}, name="in_order")


def sealed_replies(tx: ReadTx, slot: int) -> AsyncIterator[Sequence[Row]]:
    """Every sealed reply of a slot: (transaction_id, part, content), in groups."""
    return tx.stream(_Q["sealed_replies"], {"slot": slot}, name="sealed_replies")


async def reseal_replies(tx: Tx, slot: int, fresh: Sequence[tuple[UUID, int, bytes]]) -> int:
    """Stores replies under another key: (transaction_id, part, content); answers how many."""
    return await tx.run(
        _Q["reseal_replies"],
        {
            "slot": slot,
            "ids": [identifier for identifier, _, _ in fresh],
            "parts": [part for _, part, _ in fresh],
            "contents": [content for _, _, content in fresh],
        },
    )


async def replies_estimate(tx: ReadTx) -> int:
    """How many replies and bodies are kept, roughly."""
    row = await tx.first(_Q["replies_estimate"])
    return 0 if row is None else int(row.rows)
