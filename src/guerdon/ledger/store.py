"""Accounts and postings in the database. Sets in, sets out; rows locked in one order."""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from uuid import UUID

from guerdon.db.pool import ReadTx, Row, Tx
from guerdon.db.sql import Queries
from guerdon.errors import InvariantBroken
from guerdon.ledger.posting import Account, Posting

_Q = Queries("guerdon.ledger")


async def open_accounts(tx: Tx, slot: int, owners: Sequence[tuple[UUID, str]]) -> None:
    """Opens empty accounts for new members, given as (member ID, namespace)."""
    await tx.execute(
        _Q["open_accounts"],
        {
            "slot": slot,
            "member_ids": [member_id for member_id, _ in owners],
            "namespaces": [namespace for _, namespace in owners],
        },
    )


async def lock_accounts(tx: Tx, slot: int, member_ids: Collection[UUID]) -> dict[UUID, Account]:
    """Locks accounts in the order of their members' IDs until the ``Tx`` ends.

    The order is what keeps two batches that share members from waiting for each other in a circle.
    """
    rows = await tx.all(_Q["lock_accounts"], {"slot": slot, "member_ids": list(member_ids)})
    return {row.member_id: Account(*row) for row in rows}


async def account(tx: ReadTx, slot: int, member_id: UUID) -> Account:
    """One member's accounts as they stand, without a lock."""
    row = await tx.first(_Q["account"], {"slot": slot, "member_id": member_id})
    if row is None:
        raise InvariantBroken(f"Member {member_id} has no accounts.")
    return Account(*row)


async def post(tx: Tx, slot: int, accounts: Iterable[Account], postings: Sequence[Posting]) -> None:
    """Writes postings, and the locked accounts as those postings leave them."""
    if not postings:
        return
    moved = {posting.member_id for posting in postings}
    touched = [account for account in accounts if account.member_id in moved]
    await tx.execute(
        _Q["save_accounts"],
        {
            "slot": slot,
            "member_ids": [account.member_id for account in touched],
            "available": [account.available for account in touched],
            "held": [account.held for account in touched],
            "redeemed": [account.redeemed for account in touched],
            "seqs": [account.member_seq for account in touched],
            "heads": [account.head for account in touched],
        },
    )
    await tx.execute(
        _Q["add_postings"],
        {
            "slot": slot,
            "at": postings[0].at,
            "cause_ids": [posting.cause_id for posting in postings],
            "legs": [posting.leg for posting in postings],
            "namespaces": [posting.namespace for posting in postings],
            "member_ids": [posting.member_id for posting in postings],
            "seqs": [posting.member_seq for posting in postings],
            "movements": [posting.movement for posting in postings],
            "froms": [posting.from_account for posting in postings],
            "tos": [posting.to_account for posting in postings],
            "amounts": [posting.amount for posting in postings],
            "available": [posting.available_after for posting in postings],
            "held": [posting.held_after for posting in postings],
            "reasons": [posting.reason for posting in postings],
            "hashes": [posting.hash for posting in postings],
        },
    )


async def statement(
    tx: ReadTx, slot: int, member_id: UUID, *, before_seq: int | None, limit: int
) -> list[Row]:
    """A member's postings, newest first, ``limit`` of them below ``before_seq``."""
    return await tx.all(
        _Q["statement"],
        {"slot": slot, "member_id": member_id, "before_seq": before_seq, "limit": limit},
    )


async def balances_around(
    tx: ReadTx, slot: int, cause_ids: Sequence[UUID]
) -> dict[tuple[UUID, int], Row]:
    """What each transaction's postings left available and held, by (cause, leg)."""
    rows = await tx.all(_Q["postings_of"], {"slot": slot, "cause_ids": list(cause_ids)})
    return {(row.cause_id, row.leg): row for row in rows}


def chain(tx: ReadTx, slot: int) -> AsyncIterator[Sequence[Row]]:
    """Every posting of a slot, member by member in the order of their chains."""
    return tx.stream(_Q["chain"], {"slot": slot}, name="chain")


def accounts(tx: ReadTx, slot: int) -> AsyncIterator[Sequence[Row]]:
    """Every account of a slot, in the same order."""
    return tx.stream(_Q["accounts"], {"slot": slot}, name="accounts")


def by_cause(tx: ReadTx, slot: int) -> AsyncIterator[Sequence[Row]]:
    """Every posting of a slot by cause: (cause_id, leg, namespace, member_id, movement, to_account,
    amount)."""
    return tx.stream(_Q["by_cause"], {"slot": slot}, name="by_cause")


async def postings_estimate(tx: ReadTx) -> int:
    """How many postings there are, as the planner guesses."""
    row = await tx.first(_Q["postings_estimate"])
    return 0 if row is None else int(row.rows)
