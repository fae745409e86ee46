"""What is owed to a provider.

    sending   leased to a process; on the wire, or about to be. A lease that runs out is an unknown
              outcome, because nobody can tell whether a byte was written
    queued    waits for its time; anyone may claim it, by a commit that makes it sending

The row goes when the debt is settled or the provider has acknowledged it; attempts keep the
history.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

# A lease outlives the attempt's deadline by this much: time to commit before, and after.
LEASE_MARGIN_SECONDS = 5


@dataclass(slots=True)
class Message:
    """A debt as stored. ``tries_n`` and ``tries_u`` count attempts that ended N and U. ``resent``:
    an operator asks the provider once more."""

    slot: int
    transaction_id: UUID
    provider_id: UUID
    state: str
    attempts: int
    tries_n: int
    tries_u: int
    due_at: datetime
    lease_until: datetime | None
    lease_owner: UUID | None
    created_at: datetime
    resent: bool = False


@dataclass(frozen=True, slots=True)
class Departure:
    """A message that this process has leased and must now put on the wire, once.

    ``lease_ends`` is on this process's monotonic clock: no byte is written unless it outlives the
    attempt's deadline. ``accepted`` is when the redemption was committed, on the same clock, or
    ``None`` where it was accepted by another process or earlier. ``leased_until`` is the lease as
    the accepting commit wrote it; ``None`` where it was claimed later. ``resent``: an operator asks
    once more.
    """

    slot: int
    transaction_id: UUID
    namespace: str
    provider_id: UUID
    attempt: int
    body: bytes
    lease_ends: float
    accepted: float | None
    leased_until: datetime | None = None
    resent: bool = False
