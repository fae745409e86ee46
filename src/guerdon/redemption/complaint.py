"""A member says that a reward did not come: a case for people, on that very transaction."""

from uuid import UUID

from guerdon.access import store as access
from guerdon.db.pool import Tx
from guerdon.errors import InvariantBroken, NotOpen, Sending, TransactionNotFound
from guerdon.members.model import Member
from guerdon.redemption import inquiry
from guerdon.transactions.cases import store as cases
from guerdon.transactions.cases.store import Case
from guerdon.transactions.states import Status


async def open_case(
    tx: Tx,
    slots: int,
    member: Member,
    transaction_id: UUID,
    message: str | None,
    address: str | None,
) -> tuple[Case, bool]:
    """The case, and whether it is new: said again, the first stands. No tokens move.

    Raises ``TransactionNotFound`` for another member's, ``Sending`` while it is on its way, and
    ``NotOpen`` where the tokens are back.
    """
    t = await inquiry.find(tx, slots, member.namespace, transaction_id)
    if t.member_id != member.member_id:
        raise TransactionNotFound(f"There is no transaction '{transaction_id}'.")
    if t.status is Status.PENDING:
        raise Sending(
            "This redemption is still on its way. Its history will say what became of it."
        )
    if t.status is Status.FAILURE:
        raise NotOpen("This redemption was not completed, and its tokens are back.")
    new = await cases.complain(tx, t, message)
    if new:
        await access.audit(
            tx,
            namespace=t.namespace,
            actor="member",
            action="case.opened",
            target=str(t.transaction_id),
            detail={"status": str(t.status)},
            address=address,
        )
    case = (await cases.of(tx, t.slot, [t.transaction_id])).get(t.transaction_id)
    if case is None:
        raise InvariantBroken("A case was opened and is not there.")
    return case, new
