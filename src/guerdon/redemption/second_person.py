"""What one operator asks for is kept until another one approves or declines it.

Asking and declining are here; an approval is the decision itself, with the request that it is
about (``Told.approves``, ``Resolve.approves``), carried out by ``settlement`` and ``resolution``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from guerdon import ids
from guerdon.access import store as access
from guerdon.db.pool import ReadTx, Tx
from guerdon.errors import NotOpen, SecondPersonRequired, TransactionNotFound
from guerdon.outbox import store as outbox
from guerdon.redemption import resolution
from guerdon.redemption.conclusion import require_decidable
from guerdon.redemption.history import History
from guerdon.transactions import store as transactions
from guerdon.transactions.events import EventType
from guerdon.transactions.model import ASKING, SECOND_PERSON, Transaction
from guerdon.transactions.requests import store as requests
from guerdon.transactions.requests.store import Request, Wish


@dataclass(frozen=True, slots=True)
class Asking:
    """Somebody wants this done; ``reason`` is theirs, for the history."""

    namespace: str
    transaction_id: UUID
    choice: Wish
    reason: str | None
    actor: str
    address: str | None


async def standing(tx: ReadTx, t: Transaction) -> Request | None:
    """What is asked for of a transaction as it stands, if anything is."""
    found = (await requests.unsettled(tx, t.slot, [t.transaction_id])).get(t.transaction_id)
    return found if found is not None and found.stands(t) else None


async def ask(tx: Tx, slots: int, work: Asking) -> Transaction:
    """Keeps the wish. Raises what the decision itself would raise, and ``SecondPersonRequired``
    where somebody asked for something already."""
    t = await _lock(tx, slots, work.namespace, work.transaction_id)
    if work.choice == "grant" or work.choice == "charge":
        await resolution.require_lawful(tx, t, work.choice)
    else:
        debts = await outbox.lock(tx, t.slot, [t.transaction_id])
        require_decidable(t, on_the_wire=bool(debts))
    earlier = (await requests.unsettled(tx, t.slot, [t.transaction_id])).get(t.transaction_id)
    if earlier is not None and earlier.stands(t):
        raise SecondPersonRequired(
            "Somebody asked for a decision already: another operator approves or declines it.",
            askedBy=earlier.asked_by,
        )
    if earlier is not None:
        await requests.settle(tx, t.slot, earlier, "system", "void")
    await requests.add(tx, t, work.choice, work.reason, work.actor)
    history = History(tx, t, work.actor)
    payload = {"choice": work.choice, "who": work.actor, "reason": work.reason}
    history.add(EventType.SECOND_ASKED, payload)
    if t.closed_at is None:
        t.open_reason = SECOND_PERSON
    await history.save()
    await _audit(tx, t, work.actor, work.address, "transaction.second-asked", payload)
    return t


async def decline(
    tx: Tx,
    slots: int,
    namespace: str,
    transaction_id: UUID,
    n: int,
    actor: str,
    address: str | None,
) -> Transaction:
    """Nothing of it is done: another operator declines, or who asked withdraws. ``NotOpen`` where
    it is settled."""
    t = await _lock(tx, slots, namespace, transaction_id)
    asked = (await requests.unsettled(tx, t.slot, [transaction_id])).get(transaction_id)
    if asked is None or asked.n != n:
        raise NotOpen("What was asked for is settled already.")
    await requests.settle(tx, t.slot, asked, actor, "declined")
    history = History(tx, t, actor)
    payload = {"choice": asked.choice, "who": actor, "askedBy": asked.asked_by}
    history.add(EventType.SECOND_DECLINED, payload)
    if t.open_reason == SECOND_PERSON:
        t.open_reason = None if t.next_ask_at is None else ASKING
    await history.save()
    await _audit(tx, t, actor, address, "transaction.second-declined", payload)
    return t


async def _lock(tx: Tx, slots: int, namespace: str, transaction_id: UUID) -> Transaction:
    slot = ids.bucket_in(transaction_id) % slots
    t = (await transactions.lock(tx, slot, [transaction_id])).get(transaction_id)
    if t is None or t.namespace != namespace:
        raise TransactionNotFound(f"There is no transaction {transaction_id}.")
    return t


async def _audit(
    tx: Tx,
    t: Transaction,
    actor: str,
    address: str | None,
    action: str,
    detail: Mapping[str, str | None],
) -> None:
    await access.audit(
        tx,
        namespace=t.namespace,
        actor=actor,
        action=action,
        target=str(t.transaction_id),
        detail={**detail, "status": str(t.status)},
        address=address,
    )
