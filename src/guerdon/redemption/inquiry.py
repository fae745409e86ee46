"""What became of a redemption: transactions, their histories and attempts, as they are shown.

An event stores only what stands nowhere else; here the rest is joined: the email and address of the
request, the exact body sent, the reply (unsealed, and only for who may see it).
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from guerdon import ids
from guerdon.clock import rfc3339
from guerdon.db.pool import ReadTx, Row
from guerdon.errors import TransactionNotFound
from guerdon.members import store as members
from guerdon.outbox import store as outbox
from guerdon.outbox.message import Message
from guerdon.sealing import Sealer
from guerdon.transactions import store as transactions
from guerdon.transactions.events import TITLES, EventType
from guerdon.transactions.model import Attempt, Personal, Transaction
from guerdon.transactions.store import Filter

_REPLY_SHOWN = 2000


class View(msgspec.Struct, rename="camel", omit_defaults=False):
    """A transaction on the wire. ``events`` is a number in lists and answers, the history in
    ``GET /v1/transactions/{id}``."""

    id: UUID
    namespace: str
    status: str
    option_name: UUID
    option_title: str
    type: str
    user_id: str
    price: int
    created_at: str
    updated_at: str
    closed_at: str | None
    events: int | list[dict[str, Any]]
    option_version: int
    open_reason: str | None
    next_attempt_at: str | None
    reference: str | None
    conflict: bool
    next_ask_at: str | None
    due_at: str | None


class ConversionView(View, rename="camel"):
    """A currency option's transaction; ``conversion_rate`` is spelt as in the option."""

    token_amount: int
    currency: str
    currency_amount: int
    conversion_rate: msgspec.Raw


def view(t: Transaction, user_id: str, debt: Message | None = None) -> View:
    """A transaction as lists and answers show it."""
    created = rfc3339(t.created_at)
    fields: dict[str, Any] = {
        "id": t.transaction_id,
        "namespace": t.namespace,
        "status": str(t.status),
        "option_name": t.option_name,
        "option_title": t.option_title,
        "type": t.type,
        "user_id": user_id,
        "price": t.price,
        "created_at": created,
        "updated_at": created if t.updated_at == t.created_at else rfc3339(t.updated_at),
        "closed_at": None if t.closed_at is None else rfc3339(t.closed_at),
        "events": t.events,
        "option_version": t.option_version,
        "open_reason": t.open_reason,
        "next_attempt_at": None if debt is None or debt.state != "queued" else rfc3339(debt.due_at),
        "reference": t.reference,
        "conflict": t.conflict,
        "next_ask_at": None if t.next_ask_at is None else rfc3339(t.next_ask_at),
        "due_at": None if t.due_at is None else rfc3339(t.due_at),
    }
    if t.currency is None:
        return View(**fields)
    assert t.currency_amount is not None, "a conversion has an amount"
    assert t.conversion_rate is not None, "a conversion has a rate"
    return ConversionView(
        **fields,
        token_amount=t.price,
        currency=t.currency,
        currency_amount=t.currency_amount,
        conversion_rate=msgspec.Raw(t.conversion_rate.encode()),
    )


async def views(tx: ReadTx, found: Sequence[Transaction]) -> list[View]:
    """Transactions as lists show them, with their members' userIds."""
    names = await members.user_ids(tx, {(t.slot, t.member_id) for t in found})
    return [view(t, names.get(t.member_id, "")) for t in found]


async def page(tx: ReadTx, chosen: Filter, limit: int) -> list[View]:
    """Up to ``limit`` transactions, newest first."""
    return await views(tx, await transactions.page(tx, chosen, limit))


async def stream(
    tx: ReadTx, names: ReadTx, chosen: Filter
) -> AsyncIterator[list[tuple[Transaction, str]]]:
    """Every transaction of a filter with its userId, in constant memory.

    ``names`` is a second connection: the first has its cursor open.
    """
    async for found in transactions.stream(tx, chosen):
        known = await members.user_ids(names, {(t.slot, t.member_id) for t in found})
        yield [(t, known.get(t.member_id, "")) for t in found]


@dataclass(frozen=True, slots=True)
class Full:
    """A transaction with its history and attempts, as JSON-ready values."""

    view: View
    attempts: list[dict[str, Any]]


async def full(
    tx: ReadTx, sealer: Sealer, slots: int, namespace: str, transaction_id: UUID, *, replies: bool
) -> Full:
    """One transaction of a namespace, whole. ``replies``: the reader may see providers' replies.

    Raises ``TransactionNotFound``, also for another namespace's.
    """
    t = await find(tx, slots, namespace, transaction_id)
    slot = t.slot
    names = await members.user_ids(tx, {(slot, t.member_id)})
    user_id = names.get(t.member_id, "")
    events = await transactions.events_of(tx, slot, transaction_id)
    attempts = (await transactions.attempts_of(tx, slot, [transaction_id]))[transaction_id]
    personal = await transactions.personal_of(tx, slot, transaction_id)
    debt = await outbox.debt(tx, slot, transaction_id)
    shown = view(t, user_id, debt)
    story = _Story(t, user_id, {a.n: a for a in attempts}, personal, sealer, replies)
    shown.events = [story.event(row) for row in events]
    return Full(shown, [story.attempt(a) for a in attempts])


async def find(tx: ReadTx, slots: int, namespace: str, transaction_id: UUID) -> Transaction:
    """A transaction of a namespace; ``TransactionNotFound`` for any other."""
    t = await transactions.get(tx, ids.bucket_in(transaction_id) % slots, transaction_id)
    if t is None or t.namespace != namespace:
        raise TransactionNotFound(f"There is no transaction {transaction_id}.")
    return t


async def sent_body(tx: ReadTx, t: Transaction, n: int) -> bytes | None:
    """The exact bytes of an attempt; ``None`` once erased, or if there was no such attempt."""
    attempts = (await transactions.attempts_of(tx, t.slot, [t.transaction_id]))[t.transaction_id]
    if all(attempt.n != n for attempt in attempts):
        return None
    return (await transactions.bodies_of(tx, t.slot, [t.transaction_id])).get(t.transaction_id)


@dataclass(frozen=True, slots=True)
class _Story:
    """Puts the payloads of a history together."""

    t: Transaction
    user_id: str
    attempts: dict[int, Attempt]
    personal: dict[int, Personal]
    sealer: Sealer
    replies: bool

    def event(self, row: Row) -> dict[str, Any]:
        return {
            "seq": row.seq,
            "type": row.type,
            "title": TITLES[row.type],
            "at": rfc3339(row.at),
            "actor": row.actor,
            "payload": self._payload(row),
        }

    def _payload(self, row: Row) -> dict[str, Any]:
        stored: dict[str, Any] = row.payload or {}
        if row.type == EventType.REQUESTED:
            part = self.personal.get(0)
            return {
                "userId": self.user_id,
                "email": None if part is None else part.email,
                "address": None if part is None else part.address,
                "optionName": str(self.t.option_name),
                "price": self.t.price,
                "origin": self.t.origin,
            }
        if row.type == EventType.WITHDRAWN:
            return {
                "userId": self.user_id,
                "transactionId": str(self.t.transaction_id),
                **stored,
            }
        if row.type == EventType.POSTED:
            return self._posted(self.attempts.get(stored.get("attempt", 0)))
        return stored

    def _posted(self, attempt: Attempt | None) -> dict[str, Any]:
        part = self.personal.get(0)
        request = None if part is None else msgspec.Raw(part.content)
        return {"request": request} | ({} if attempt is None else self.attempt(attempt))

    def attempt(self, attempt: Attempt) -> dict[str, Any]:
        return {
            "attempt": attempt.n,
            "startedAt": rfc3339(attempt.started_at),
            "durationMs": attempt.duration_ms,
            "status": attempt.http_status,
            "reply": self._reply(attempt.n),
            "verdict": attempt.evidence,
            "rule": attempt.rule,
            "meaning": attempt.sentence,
        }

    def _reply(self, n: int) -> str | None:
        part = self.personal.get(n)
        if part is None:
            return None
        if not self.replies:
            return "hidden"
        plain = self.sealer.open(part.content, reply_context(self.t.transaction_id, n))
        return plain.decode("utf-8", "replace").replace("\x00", "")[:_REPLY_SHOWN]


def reply_context(transaction_id: UUID, n: int) -> str:
    """What a sealed reply belongs to."""
    return f"reply {transaction_id} {n}"
