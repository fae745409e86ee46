"""An operator credits tokens to a member or takes them away: once, upon the balance they were
shown, and from a price on only what another operator approves.

What integrators grant and charge over the API is ``issuance`` alone: it is their programme's own
business, and no decision about a redemption.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from guerdon.access import store as access
from guerdon.access.rules import store as rules
from guerdon.db.pool import Tx
from guerdon.errors import (
    GuerdonError,
    InsufficientTokens,
    NotOpen,
    PreconditionFailed,
    SecondPersonRequired,
)
from guerdon.ledger import store as ledger
from guerdon.ledger.posting import Account
from guerdon.members.model import Member
from guerdon.redemption import enrolment
from guerdon.redemption.approval import vouched
from guerdon.redemption.issuance import Issuance, IssuanceVerb, Issued, body_hash, scope_hash
from guerdon.transactions import store as transactions
from guerdon.transactions.requests import store as requests


@dataclass(frozen=True, slots=True)
class Adjust:
    """Somebody changes what a member has available. ``seen`` is the number of the newest posting
    that they were shown, ``key`` theirs for this one wish; ``approves`` the number of a colleague's
    request, whose change and reason then count."""

    namespace: str
    user_id: str
    change: int
    reason: str
    seen: int
    key: str
    actor: str
    address: str | None
    approves: int | None = None

    @property
    def scope(self) -> bytes:
        return scope_hash(self.namespace, "console", "adjust", self.user_id, self.key)


def require_available(account: Account, change: int) -> None:
    """``InsufficientTokens`` unless a change leaves nobody below zero."""
    if account.available + change < 0:
        raise InsufficientTokens(
            f"{-change:,} tokens cannot be taken: {account.available:,} are available.",
            available=account.available,
            required=-change,
        )


async def adjust(tx: Tx, slots: int, work: Adjust) -> Issued:
    """Posts it, once however often it is asked with the same key.

    Raises ``MemberNotFound``, ``SecondPersonRequired``, ``NotOpen``, ``NotPermitted``,
    ``PreconditionFailed`` (the balance is not what was shown) and ``InsufficientTokens``.
    """
    member, account = await _lock(tx, slots, work.namespace, work.user_id)
    if work.approves is None and await transactions.find_keys(tx, member.slot, {work.scope}):
        return await _post(tx, member.slot, work)
    asked = await requests.of_member(tx, member.slot, member.member_id)
    if work.approves is not None and asked is not None:
        work = replace(work, change=asked.change, reason=asked.reason or "")
    limits = await rules.second_person_from(tx, {work.namespace})
    approved = vouched(
        abs(work.change),
        asked,
        limits.get(work.namespace),
        actor=work.actor,
        approves=work.approves,
    )
    _require_seen(account, work)
    require_available(account, work.change)
    issued = await _post(tx, member.slot, work)
    detail: dict[str, object] = {"change": work.change, "reason": work.reason}
    if approved is not None:
        await requests.settle(tx, member.slot, approved, work.actor, "approved")
        detail["askedBy"] = approved.asked_by
    await _audit(tx, work, "member.adjusted", str(issued.receipt.posting_id), detail)
    return issued


async def ask(tx: Tx, slots: int, work: Adjust) -> None:
    """Keeps the wish for another operator. Raises what ``adjust`` would raise, and
    ``SecondPersonRequired`` where somebody asked for one of this member already."""
    member, account = await _lock(tx, slots, work.namespace, work.user_id)
    earlier = await requests.of_member(tx, member.slot, member.member_id)
    if earlier is not None:
        raise SecondPersonRequired(
            "Somebody asked for an adjustment of this member already: another operator approves or "
            "declines it.",
            askedBy=earlier.asked_by,
        )
    _require_seen(account, work)
    require_available(account, work.change)
    await requests.add_adjustment(
        tx, member.slot, work.namespace, member.member_id, work.change, work.reason, work.actor
    )
    detail = {"change": work.change, "reason": work.reason}
    await _audit(tx, work, "member.second-asked", str(member.member_id), detail)


async def decline(
    tx: Tx, slots: int, namespace: str, user_id: str, n: int, actor: str, address: str | None
) -> None:
    """Nothing of it is done: another operator declines, or who asked withdraws. ``NotOpen`` where
    it is settled."""
    member, _ = await _lock(tx, slots, namespace, user_id)
    asked = await requests.of_member(tx, member.slot, member.member_id)
    if asked is None or asked.n != n:
        raise NotOpen("What was asked for is settled already.")
    await requests.settle(tx, member.slot, asked, actor, "declined")
    await access.audit(
        tx,
        namespace=namespace,
        actor=actor,
        action="member.second-declined",
        target=str(member.member_id),
        detail={"change": asked.change, "askedBy": asked.asked_by},
        address=address,
    )


async def _lock(tx: Tx, slots: int, namespace: str, user_id: str) -> tuple[Member, Account]:
    member = await enrolment.locked(tx, slots, namespace, user_id)
    accounts = await ledger.lock_accounts(tx, member.slot, [member.member_id])
    return member, accounts[member.member_id]


def _require_seen(account: Account, work: Adjust) -> None:
    if account.member_seq != work.seen:
        raise PreconditionFailed(
            "The balance changed since you opened this. Read it again, then decide.",
            version=account.member_seq,
        )


async def _post(tx: Tx, slot: int, work: Adjust) -> Issued:
    amount, charge = abs(work.change), work.change < 0
    body = {"amount": amount, "reason": work.reason, "charge": charge}
    issuance = Issuance(
        work.namespace, work.user_id, amount, work.reason, charge, work.scope, body_hash(body)
    )
    (result,) = await IssuanceVerb().drive(tx, slot, [issuance])
    if isinstance(result, GuerdonError):
        raise result
    return result


async def _audit(
    tx: Tx, work: Adjust, action: str, target: str, detail: Mapping[str, object]
) -> None:
    await access.audit(
        tx,
        namespace=work.namespace,
        actor=work.actor,
        action=action,
        target=target,
        detail=dict(detail),
        address=work.address,
    )
