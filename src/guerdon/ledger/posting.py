"""Postings: one movement, one row, balanced by construction and chained by hash.

A posting is made from a locked :class:`Account` by the constructor named after its movement; the
account then stands as the posting leaves it. Nothing here touches the database.

    hash = SHA-256(previous ‖ cause ‖ member ‖ seq ‖ movement ‖ amount ‖ available ‖ held ‖ time)

in a fixed encoding (``_ENCODING``; time in microseconds since 1970). The chain shows accidents and
careless edits; it does not stop a writer who recomputes it, which is why exported heads are signed.
"""

import hashlib
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from guerdon.amount import MAX_TOKENS
from guerdon.errors import InsufficientTokens, InvalidRequest, InvariantBroken
from guerdon.ledger.chart import CLOSING, CODE, CORRECTING, OPENING, Movement, Place

_ENCODING = struct.Struct(">16s16sqBqqqq")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(slots=True)
class Account:
    """A member's accounts under lock: tokens available and held, and the head of the chain."""

    member_id: UUID
    namespace: str
    available: int
    held: int
    redeemed: int
    member_seq: int
    head: bytes

    @property
    def balance(self) -> int:
        """Available and held together."""
        return self.available + self.held


@dataclass(frozen=True, slots=True)
class Posting:
    """One append-only row. ``reason`` is the integrator's or operator's own text, not hashed."""

    cause_id: UUID
    leg: int
    namespace: str
    member_id: UUID
    member_seq: int
    movement: Movement
    from_account: Place
    to_account: Place
    amount: int
    available_after: int
    held_after: int
    at: datetime
    reason: str | None
    hash: bytes


def posting_id(cause_id: UUID, leg: int) -> UUID:
    """The public ID of a posting: its cause's plus its leg."""
    return UUID(int=cause_id.int + leg)


def of_transaction(movement: str, leg: int) -> bool:
    """Whether a posting's cause is a transaction: else it is a grant's or charge's own."""
    return leg == CORRECTING or movement in (Movement.HOLD, Movement.CAPTURE, Movement.RELEASE)


def link(
    previous: bytes,
    cause_id: UUID,
    member_id: UUID,
    member_seq: int,
    code: int,
    amount: int,
    available_after: int,
    held_after: int,
    at: datetime,
) -> bytes:
    """The hash of a posting, given the hash of the member's previous one (``b""`` at first)."""
    encoded = _ENCODING.pack(
        cause_id.bytes,
        member_id.bytes,
        member_seq,
        code,
        amount,
        available_after,
        held_after,
        (at - _EPOCH) // _MICROSECOND,
    )
    return hashlib.sha256(previous + encoded).digest()


def issue(account: Account, cause_id: UUID, amount: int, at: datetime, reason: str) -> Posting:
    """Tokens come into being: issued → available. ``InvalidRequest`` past ``MAX_TOKENS``."""
    _require_room(account, amount)
    account.available += amount
    return _post(
        account, cause_id, Movement.ISSUE, Place.ISSUED, Place.AVAILABLE, amount, at, reason
    )


def charge(account: Account, cause_id: UUID, amount: int, at: datetime, reason: str) -> Posting:
    """Tokens are taken away: available → adjusted. ``InsufficientTokens`` if they are not there."""
    require(account, amount)
    account.available -= amount
    return _post(
        account, cause_id, Movement.ADJUST, Place.AVAILABLE, Place.ADJUSTED, amount, at, reason
    )


def grant_again(
    account: Account, transaction_id: UUID, amount: int, at: datetime, reason: str
) -> Posting:
    """The tokens of a redemption that succeeded are given back: adjusted → available."""
    _require_room(account, amount)
    account.available += amount
    places = (Place.ADJUSTED, Place.AVAILABLE)
    return _post(
        account, transaction_id, Movement.ADJUST, *places, amount, at, reason, leg=CORRECTING
    )


def charge_again(
    account: Account, transaction_id: UUID, amount: int, at: datetime, reason: str
) -> Posting:
    """The tokens of a redemption that failed are taken after all: available → adjusted."""
    require(account, amount)
    account.available -= amount
    places = (Place.AVAILABLE, Place.ADJUSTED)
    return _post(
        account, transaction_id, Movement.ADJUST, *places, amount, at, reason, leg=CORRECTING
    )


def hold(account: Account, transaction_id: UUID, amount: int, at: datetime) -> Posting:
    """A redemption begins: available → held. ``InsufficientTokens`` if they are not there."""
    require(account, amount)
    account.available -= amount
    account.held += amount
    return _post(
        account, transaction_id, Movement.HOLD, Place.AVAILABLE, Place.HELD, amount, at, None
    )


def capture(account: Account, transaction_id: UUID, amount: int, at: datetime) -> Posting:
    """A redemption succeeded: held → redeemed."""
    _require_held(account, transaction_id, amount)
    account.held -= amount
    account.redeemed += amount
    return _post(
        account,
        transaction_id,
        Movement.CAPTURE,
        Place.HELD,
        Place.REDEEMED,
        amount,
        at,
        None,
        leg=CLOSING,
    )


def release(account: Account, transaction_id: UUID, amount: int, at: datetime) -> Posting:
    """A redemption failed: held → available."""
    _require_held(account, transaction_id, amount)
    account.held -= amount
    account.available += amount
    return _post(
        account,
        transaction_id,
        Movement.RELEASE,
        Place.HELD,
        Place.AVAILABLE,
        amount,
        at,
        None,
        leg=CLOSING,
    )


def require(account: Account, amount: int) -> None:
    """``InsufficientTokens`` unless that many are available."""
    if account.available < amount:
        raise InsufficientTokens(
            f"This takes {amount} tokens, and {account.available} are available.",
            available=account.available,
            required=amount,
        )


def _require_room(account: Account, amount: int) -> None:
    if account.balance + amount > MAX_TOKENS:
        raise InvalidRequest(
            "With this amount the member's balance would pass the largest that can be held.",
            errors=[{"pointer": "/amount", "detail": f"balance would pass {MAX_TOKENS}"}],
        )


def _require_held(account: Account, transaction_id: UUID, amount: int) -> None:
    if account.held < amount:
        raise InvariantBroken(
            f"Transaction {transaction_id} would close {amount} tokens; {account.held} are held."
        )


def _post(
    account: Account,
    cause_id: UUID,
    movement: Movement,
    from_account: Place,
    to_account: Place,
    amount: int,
    at: datetime,
    reason: str | None,
    *,
    leg: int = OPENING,
) -> Posting:
    account.member_seq += 1
    account.head = link(
        account.head,
        cause_id,
        account.member_id,
        account.member_seq,
        CODE[movement, from_account, to_account],
        amount,
        account.available,
        account.held,
        at,
    )
    return Posting(
        cause_id,
        leg,
        account.namespace,
        account.member_id,
        account.member_seq,
        movement,
        from_account,
        to_account,
        amount,
        account.available,
        account.held,
        at,
        reason,
        account.head,
    )
