"""The provider is asked again by a person: the same bytes under the same ID, as a new attempt.

Only a provider that is set to be idempotent is sent anything twice. Its answer goes the way of all
answers; one that settles nothing leaves the transaction as it stands.
"""

from dataclasses import dataclass
from uuid import UUID

from guerdon import ids
from guerdon.access import store as access
from guerdon.db.pool import ReadTx, Tx
from guerdon.errors import NotIdempotent, ProviderUnavailable, TransactionNotFound
from guerdon.outbox import store as outbox
from guerdon.outbox.message import Message
from guerdon.providers import store as providers
from guerdon.redemption.conclusion import require_decidable
from guerdon.redemption.history import History
from guerdon.transactions import store as transactions
from guerdon.transactions.events import EventType
from guerdon.transactions.model import Transaction


@dataclass(frozen=True, slots=True)
class Resend:
    """An operator wants the provider asked again; ``reason`` is theirs, for the history."""

    namespace: str
    transaction_id: UUID
    reason: str | None
    actor: str
    address: str | None


async def require_sendable(tx: ReadTx, t: Transaction, debt: Message | None) -> None:
    """Raises why a transaction's provider may not be asked again as things stand."""
    require_decidable(t, on_the_wire=debt is not None)
    provider = (await providers.standing(tx, {t.namespace}))[t.provider_id]
    if not provider.idempotent:
        raise NotIdempotent(
            "This provider is not set to tell repeated messages apart by the transaction's ID "
            "(idempotent): sent again, the reward could be given twice."
        )
    if provider.blocked is not None:
        raise ProviderUnavailable(provider.blocked, retryAfter=provider.retry_after)


async def resend(tx: Tx, slots: int, work: Resend) -> Transaction:
    """Owes the message once more. Raises ``TransactionNotFound``, ``NotOpen``, ``Sending``,
    ``NotIdempotent`` and ``ProviderUnavailable``."""
    slot = ids.bucket_in(work.transaction_id) % slots
    t = (await transactions.lock(tx, slot, [work.transaction_id])).get(work.transaction_id)
    if t is None or t.namespace != work.namespace:
        raise TransactionNotFound(f"There is no transaction {work.transaction_id}.")
    debt = (await outbox.lock(tx, slot, [t.transaction_id])).get(t.transaction_id)
    await require_sendable(tx, t, debt)
    made = (await transactions.attempts_of(tx, slot, [t.transaction_id]))[t.transaction_id]
    attempts = max((attempt.n for attempt in made), default=0)
    await outbox.enqueue_again(tx, slot, t.transaction_id, t.provider_id, attempts)
    history = History(tx, t, work.actor)
    history.add(EventType.RESENT, {"who": work.actor, "reason": work.reason})
    await history.save()
    await access.audit(
        tx,
        namespace=t.namespace,
        actor=work.actor,
        action="transaction.resent",
        target=str(t.transaction_id),
        detail={"status": str(t.status), "attempt": attempts + 1, "reason": work.reason},
        address=work.address,
    )
    return t
