"""What can be heard of a transaction, and the answer to hearing it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from guerdon.providers.outcomes import Judgement
from guerdon.transactions.model import Transaction
from guerdon.transactions.states import News

Source = Literal["reply", "callback", "operator", "inquiry", "system"]


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """An attempt to deliver is over; ``judgement`` is what its observation means.

    ``idempotent``, ``bare4xx`` and ``confirmation`` are the provider's settings the attempt was
    made under. ``reply`` is sealed. ``lapsed``: nobody saw the end, the lease ran out. ``resent``:
    an operator had the provider asked once more.
    """

    transaction_id: UUID
    provider_id: UUID
    n: int
    started_at: datetime
    duration_ms: int | None
    http_status: int | None
    judgement: Judgement
    idempotent: bool
    bare4xx: str
    confirmation: str
    reply: bytes | None
    lapsed: bool = False
    resent: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody says what became of a transaction: a callback, an operator, the provider's
    statusUrl, or a deadline.

    ``provider_id`` and ``namespace``, where given, must be the transaction's own. ``rule`` and
    ``why`` explain unknown outcomes; ``reason`` is an operator's. ``approves`` is the number of the
    colleague's request that this approves.
    """

    transaction_id: UUID
    news: News
    source: Source
    actor: str
    namespace: str | None = None
    provider_id: UUID | None = None
    message: str | None = None
    reference: str | None = None
    reason: str | None = None
    rule: str | None = None
    why: str | None = None
    webhook_id: str | None = None
    body_hash: bytes | None = None
    address: str | None = None
    approves: int | None = None


@dataclass(frozen=True, slots=True)
class Unsent:
    """A message in the queue will not be sent, or not again: the rule, and why in a sentence."""

    transaction_id: UUID
    rule: str
    why: str


Heard = AttemptEnded | Told | Unsent


@dataclass(frozen=True, slots=True)
class Concluded:
    """The transaction after the news. ``applied``: it moved; ``retries``: an attempt follows;
    ``test``: it is of a test programme."""

    transaction: Transaction
    applied: bool
    retries: bool = False
    test: bool = False
