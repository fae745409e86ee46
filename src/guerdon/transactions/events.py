"""The lines of a transaction's history: their types, and their titles as people read them.

The simple success has the founding text's three, in its order and under its titles, and then the
confirmation. What an event stores is only what stands nowhere else; the payload that the wire
shows is put together in ``redemption/inquiry.py``.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class EventType(StrEnum):
    REQUESTED = "redeem.requested"
    WITHDRAWN = "tokens.withdrawn"
    POSTED = "message.posted"
    CONFIRMED = "confirmation.received"
    POSTPONED = "provider.postponed"
    UNKNOWN = "outcome.unknown"
    FAILED = "provider.failed"
    RETURNED = "tokens.returned"
    OPERATOR_CONFIRMED = "operator.confirmed"
    OPERATOR_CANCELLED = "operator.cancelled"
    CONFLICT = "conflict.recorded"
    RESENT = "operator.resent"
    SECOND_ASKED = "operator.asked"
    SECOND_DECLINED = "operator.declined"
    CORRECTED = "tokens.corrected"
    CASE_CLOSED = "case.closed"


TITLES: dict[str, str] = {
    EventType.REQUESTED: "User initially triggered redeem option",
    EventType.WITHDRAWN: "Token withdrawal result",
    EventType.POSTED: "Message posted",
    EventType.CONFIRMED: "Confirmation received",
    EventType.POSTPONED: "Postponed by provider",
    EventType.UNKNOWN: "Outcome unknown",
    EventType.FAILED: "Provider reported failure",
    EventType.RETURNED: "Tokens returned",
    EventType.OPERATOR_CONFIRMED: "Confirmed by operator",
    EventType.OPERATOR_CANCELLED: "Cancelled by operator",
    EventType.CONFLICT: "Contradicting news",
    EventType.RESENT: "Provider asked again by operator",
    EventType.SECOND_ASKED: "Second person asked for",
    EventType.SECOND_DECLINED: "Declined by second person",
    EventType.CORRECTED: "Tokens corrected",
    EventType.CASE_CLOSED: "Case closed",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One line. ``payload`` is JSON text, or ``None`` where everything stands elsewhere."""

    transaction_id: UUID
    seq: int
    type: EventType
    at: datetime
    actor: str
    payload: str | None
