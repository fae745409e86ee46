"""A case is closed, in one of the ways that are lawful for how its transaction was concluded.

    leave    nothing moves; the note says why
    grant    of a success: the tokens are given back all the same (adjusted → available)
    charge   of a failure: the tokens that went back are taken after all (available → adjusted)

What is closed stays closed: no status moves, and a correction is a posting of its own, linked to
the transaction, answered to the member by their statement. The ledger's key allows one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from guerdon import ids
from guerdon.access import store as access
from guerdon.access.rules import store as rules
from guerdon.clock import rfc3339
from guerdon.db.pool import ReadTx, Tx
from guerdon.errors import (
    InvariantBroken,
    MemberErased,
    NotOffered,
    NotOpen,
    TransactionNotFound,
)
from guerdon.ledger import posting
from guerdon.ledger import store as ledger
from guerdon.ledger.chart import CORRECTING
from guerdon.members import store as members
from guerdon.redemption.approval import vouched
from guerdon.redemption.history import History
from guerdon.transactions import store as transactions
from guerdon.transactions.cases import store as cases
from guerdon.transactions.cases.store import Case, Choice
from guerdon.transactions.events import EventType
from guerdon.transactions.model import Transaction
from guerdon.transactions.requests import store as requests
from guerdon.transactions.requests.store import Request
from guerdon.transactions.states import Status

CORRECTIONS: Mapping[Status, Choice] = {Status.SUCCESS: "grant", Status.FAILURE: "charge"}
_MAKE = {"grant": posting.grant_again, "charge": posting.charge_again}


@dataclass(frozen=True, slots=True)
class Resolve:
    """Somebody closes the case of a transaction; ``reason`` is theirs, for the history.
    ``approves`` is the number of the colleague's request that this approves."""

    namespace: str
    transaction_id: UUID
    choice: Choice
    reason: str
    actor: str
    address: str | None
    approves: int | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """The transaction, and its case as it was closed."""

    transaction: Transaction
    case: Case


def lawful(t: Transaction, *, corrected: bool) -> tuple[Choice, ...]:
    """How the case of a transaction may be closed as things stand."""
    correction = CORRECTIONS.get(t.status)
    return ("leave",) if correction is None or corrected else ("leave", correction)


async def case_of(tx: ReadTx, slots: int, transaction_id: UUID) -> Case | None:
    """The case of a transaction, if it has one."""
    slot = ids.bucket_in(transaction_id) % slots
    return (await cases.of(tx, slot, [transaction_id])).get(transaction_id)


async def was_corrected(tx: ReadTx, t: Transaction) -> bool:
    """Whether the tokens of a transaction were corrected before."""
    legs = await ledger.balances_around(tx, t.slot, [t.transaction_id])
    return (t.transaction_id, CORRECTING) in legs


async def resolve(tx: Tx, slots: int, work: Resolve) -> Resolved:
    """Closes the case, once however often it is asked.

    Raises ``TransactionNotFound``, ``NotOpen`` (no open case: who closed it and when),
    ``NotOffered``, ``SecondPersonRequired``, ``InsufficientTokens`` and ``MemberErased``.
    """
    slot = ids.bucket_in(work.transaction_id) % slots
    # In the order of all batches: transactions, then accounts.
    t = (await transactions.lock(tx, slot, [work.transaction_id])).get(work.transaction_id)
    if t is None or t.namespace != work.namespace:
        raise TransactionNotFound(f"There is no transaction {work.transaction_id}.")
    await require_lawful(tx, t, work.choice)
    closing: dict[str, object] = {"choice": work.choice, "who": work.actor, "reason": work.reason}
    history = History(tx, t, work.actor)
    if work.choice != "leave":
        request = await _vouched(tx, t, work, work.choice)
        if request is not None:
            work = replace(work, reason=request.reason or "")
            closing |= {"reason": request.reason, "askedBy": request.asked_by}
        await _correct(tx, t, work, history)
    history.add(EventType.CASE_CLOSED, closing)
    if not await cases.close(tx, t, work.actor, work.choice):
        raise InvariantBroken("A case was closed under the lock of its transaction.")
    t.updated_at = tx.at
    await history.save()
    await access.audit(
        tx,
        namespace=t.namespace,
        actor=work.actor,
        action="case.closed",
        target=str(t.transaction_id),
        detail={"status": str(t.status), "tokens": t.price} | closing,
        address=work.address,
    )
    closed = (await cases.of(tx, slot, [t.transaction_id]))[t.transaction_id]
    return Resolved(t, closed)


async def require_lawful(tx: ReadTx, t: Transaction, choice: Choice) -> None:
    """``NotOpen`` or ``NotOffered`` unless the case of a locked transaction may be closed so."""
    case = (await cases.of(tx, t.slot, [t.transaction_id])).get(t.transaction_id)
    if case is None or case.closed_at is not None:
        raise _not_open(case)
    choices = lawful(t, corrected=await was_corrected(tx, t))
    if choice not in choices:
        raise NotOffered(
            f"The case of this transaction, a {t.status}, can be closed by: {', '.join(choices)}. "
            "Tokens are corrected once, and against what was concluded.",
            choices=choices,
        )


async def _vouched(
    tx: Tx, t: Transaction, work: Resolve, choice: Literal["grant", "charge"]
) -> Request | None:
    """The request that is approved by this and is now settled, where one was needed."""
    asked = (await requests.unsettled(tx, t.slot, [t.transaction_id])).get(t.transaction_id)
    limits = await rules.second_person_from(tx, {t.namespace})
    request = vouched(
        t.price,
        asked if asked is not None and asked.still_asks(choice, t) else None,
        limits.get(t.namespace),
        actor=work.actor,
        approves=work.approves,
    )
    if request is not None:
        await requests.settle(tx, t.slot, request, work.actor, "approved")
    return request


async def _correct(tx: Tx, t: Transaction, work: Resolve, history: History) -> None:
    """Moves the price once more, the other way."""
    account = (await ledger.lock_accounts(tx, t.slot, [t.member_id]))[t.member_id]
    names = await members.user_ids(tx, {(t.slot, t.member_id)})
    # Read under the lock: an erasure that held it has taken the member away by now.
    if not await members.find(tx, t.slot, [(t.namespace, names[t.member_id])]):
        raise MemberErased("The member was erased: there is nobody to correct tokens of.")
    before = account.available
    made = _MAKE[work.choice](account, t.transaction_id, t.price, tx.at, work.reason)
    await ledger.post(tx, t.slot, [account], [made])
    history.add(
        EventType.CORRECTED,
        {
            "choice": work.choice,
            "amount": t.price,
            "balanceBefore": before,
            "balanceAfter": account.available,
        },
    )


def _not_open(case: Case | None) -> NotOpen:
    if case is None or case.closed_at is None:
        return NotOpen("This transaction has no case.", closedAt=None, closedBy=None)
    return NotOpen(
        "The case of this transaction is closed.",
        closedAt=rfc3339(case.closed_at),
        closedBy=case.closed_by,
        choice=case.choice,
    )
