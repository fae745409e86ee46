"""A transaction as it is stored, and what is stored beside it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from guerdon.transactions.states import CLOSED, Status, Step

ACKNOWLEDGED, ASKING, SECOND_PERSON = "acknowledged", "asking", "second-person"


@dataclass(slots=True)
class Transaction:
    """One redemption's record. Amounts in tokens, ``currency_amount`` in hundredths.

    ``dirty`` once any attempt's outcome was unknown. ``due_at`` is the deadline that is running:
    for the confirmation (callback mode) or of a postponement. ``open_reason`` says in one word
    what an open transaction waits for: ``acknowledged`` (the provider confirms by callback),
    ``asking`` (the provider's statusUrl is being asked), ``second-person`` (an operator asked for
    a decision that another must approve), or nothing in particular.
    """

    slot: int
    transaction_id: UUID
    namespace: str
    member_id: UUID
    option_name: UUID
    option_version: int
    option_title: str
    provider_id: UUID
    type: str
    price: int
    currency: str | None
    currency_amount: int | None
    conversion_rate: str | None
    origin: str
    status: Status
    events: int
    dirty: bool
    conflict: bool
    open_reason: str | None
    due_at: datetime | None
    next_ask_at: datetime | None
    asked: int
    reference: str | None
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    closed_by: str | None

    @property
    def option_key(self) -> tuple[str, UUID, int]:
        """The option at the version this was made with: (namespace, name, version)."""
        return (self.namespace, self.option_name, self.option_version)

    def move(self, step: Step, at: datetime, by: str) -> None:
        """Takes a step of the table. What the old status waited for is over; closing says who."""
        self.status, self.updated_at = step.to, at
        self.open_reason = self.due_at = self.next_ask_at = None
        if step.to in CLOSED:
            self.closed_at, self.closed_by = at, by


@dataclass(frozen=True, slots=True)
class Attempt:
    """One finished try to deliver. ``duration_ms`` is unknown where a lease ran out."""

    transaction_id: UUID
    n: int
    started_at: datetime
    duration_ms: int | None
    http_status: int | None
    evidence: str
    rule: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Personal:
    """What erasure removes. Part 0: email, address, the body sent; part n: reply n, sealed."""

    transaction_id: UUID
    part: int
    email: str | None
    address: str | None
    content: bytes


@dataclass(frozen=True, slots=True)
class Key:
    """An idempotency key with the first accepted answer to it."""

    scope_hash: bytes
    body_hash: bytes
    cause_id: UUID
    answer: str | None
