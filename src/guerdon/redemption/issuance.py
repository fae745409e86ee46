"""Tokens come and go outside a redemption: grants and charges by integrators and operators."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from guerdon import ids
from guerdon.db.pool import Tx
from guerdon.errors import GuerdonError, IdempotencyKeyReused, MemberNotFound
from guerdon.ledger import posting
from guerdon.ledger import store as ledger
from guerdon.ledger.posting import Account, Posting
from guerdon.members import store as members
from guerdon.redemption.lane import Lanes
from guerdon.transactions import store as transactions
from guerdon.transactions.model import Key


def scope_hash(namespace: str, door: str, route: str, user_id: str, key: str) -> bytes:
    """Where an idempotency key counts: 16 bytes over namespace, door, route, member and key."""
    parts = "\x00".join((namespace, door, route, user_id, key))
    return hashlib.blake2b(parts.encode(), digest_size=16, person=b"guerdon-scope").digest()


def body_hash(body: object) -> bytes:
    """16 bytes over a body as parsed: spelling and order of its members do not matter."""
    canonical = msgspec.json.encode(body, order="sorted")
    return hashlib.blake2b(canonical, digest_size=16, person=b"guerdon-body").digest()


class Receipt(msgspec.Struct, rename="camel", frozen=True):
    """The answer to a grant or a charge. ``balance`` includes held tokens."""

    posting_id: UUID
    amount: int
    balance: int
    available: int


@dataclass(frozen=True, slots=True)
class Issuance:
    """One grant (``charge`` false) or charge. ``scope`` and ``body`` are hashes of its key."""

    namespace: str
    user_id: str
    amount: int
    reason: str
    charge: bool
    scope: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Issued:
    receipt: Receipt
    replayed: bool


class IssuanceVerb:
    """Posts many grants and charges in one ``Tx``."""

    name = "issuance"
    sheds = True

    async def drive(
        self, tx: Tx, slot: int, works: Sequence[Issuance]
    ) -> list[Issued | GuerdonError]:
        known = await members.find(tx, slot, [(work.namespace, work.user_id) for work in works])
        accounts = await ledger.lock_accounts(tx, slot, {m.member_id for m in known.values()})
        # Read again under the lock: an erasure that held it has taken the member away by now.
        known = await members.find(tx, slot, known.keys())
        answered = await transactions.find_keys(tx, slot, {work.scope for work in works})
        postings: list[Posting] = []
        keys: list[Key] = []
        results: list[Issued | GuerdonError] = []
        for work in works:
            earlier = answered.get(work.scope)
            if earlier is not None:
                results.append(_replay(work, earlier))
                continue
            member = known.get((work.namespace, work.user_id))
            if member is None or member.member_id not in accounts:
                results.append(MemberNotFound(f"There is no member {work.user_id!r}."))
                continue
            account = accounts[member.member_id]
            try:
                made = _post(tx, account, work)
            except GuerdonError as refusal:
                results.append(refusal)
                continue
            receipt = _receipt(made, account)
            answer = msgspec.json.encode(receipt).decode()
            answered[work.scope] = Key(work.scope, work.body, made.cause_id, answer)
            keys.append(answered[work.scope])
            postings.append(made)
            results.append(Issued(receipt, replayed=False))
        await ledger.post(tx, slot, accounts.values(), postings)
        await transactions.add_keys(tx, slot, tx.at, keys)
        return results

    def committed(self, works: Sequence[Issuance], results: Sequence[object]) -> None:
        """Nothing follows: the answer is all."""

    def abandoned(self, works: Sequence[Issuance]) -> None:
        """Nothing was taken."""


def _replay(work: Issuance, earlier: Key) -> Issued | GuerdonError:
    if earlier.body_hash != work.body or earlier.answer is None:
        return IdempotencyKeyReused("This Idempotency-Key came before with another body.")
    return Issued(msgspec.json.decode(earlier.answer, type=Receipt), replayed=True)


def _post(tx: Tx, account: Account, work: Issuance) -> Posting:
    cause = ids.new_id(ids.bucket_in(account.member_id), tx.at)
    make = posting.charge if work.charge else posting.issue
    return make(account, cause, work.amount, tx.at, work.reason)


def _receipt(made: Posting, account: Account) -> Receipt:
    return Receipt(
        posting_id=posting.posting_id(made.cause_id, made.leg),
        amount=made.amount,
        balance=account.balance,
        available=account.available,
    )


class IssuanceDoor:
    """What doors call: grants and charges, one by one, committed in groups."""

    def __init__(self, lanes: Lanes, slots: int) -> None:
        self._lanes = lanes
        self._slots = slots
        self._verb = IssuanceVerb()

    async def issue(self, work: Issuance) -> Issued:
        """Posts it, or raises its refusal; the same key and body answer the first receipt."""
        slot = ids.bucket_of(work.namespace, work.user_id) % self._slots
        result: Issued = await self._lanes.submit(self._verb, slot, work)
        return result


async def adjust_out(tx: Tx, slot: int, account: Account, reason: str) -> None:
    """Takes what is available of a locked account out of the programme: for an erasure."""
    if account.available:
        cause = ids.new_id(ids.bucket_in(account.member_id), tx.at)
        made = posting.charge(account, cause, account.available, tx.at, reason)
        await ledger.post(tx, slot, [account], [made])


async def grant_many(
    tx: Tx, slot: int, grants: Sequence[tuple[Account, int, str]]
) -> list[Receipt | GuerdonError]:
    """Posts grants of (locked account, amount, reason), in order: for the batch of members."""
    postings: list[Posting] = []
    results: list[Receipt | GuerdonError] = []
    for account, amount, reason in grants:
        cause = ids.new_id(ids.bucket_in(account.member_id), tx.at)
        try:
            made = posting.issue(account, cause, amount, tx.at, reason)
        except GuerdonError as refusal:
            results.append(refusal)
            continue
        postings.append(made)
        results.append(_receipt(made, account))
    await ledger.post(tx, slot, [account for account, _, _ in grants], postings)
    return results
