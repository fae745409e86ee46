"""The locked rows that a batch of news is concluded upon, and what it will write."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import msgspec

from guerdon.ledger.posting import Account, Posting
from guerdon.options.model import Option
from guerdon.outbox.message import Message
from guerdon.providers.model import Standing
from guerdon.redemption.news import Told
from guerdon.transactions.events import Event, EventType
from guerdon.transactions.model import Attempt, Personal, Transaction
from guerdon.transactions.requests.store import Request
from guerdon.transactions.states import Status
from guerdon.transactions.store import Callback


@dataclass(slots=True)
class Scene:
    """The locked rows of a batch, and what it will write."""

    at: datetime
    slot: int
    found: dict[UUID, Transaction]
    was: dict[UUID, Status]
    debts: dict[UUID, Message]
    accounts: dict[UUID, Account]
    catalogue: dict[tuple[str, UUID, int], Option]
    standings: dict[UUID, Standing]
    said: set[tuple[UUID, str, str, str]]
    callbacks: dict[tuple[UUID, str], tuple[bytes, bool]]
    requests: dict[UUID, Request] = field(default_factory=dict)
    second_person_from: dict[str, int] = field(default_factory=dict)
    approved: list[tuple[Request, str]] = field(default_factory=list)
    touched: set[UUID] = field(default_factory=set)
    settled: set[UUID] = field(default_factory=set)
    requeued: dict[UUID, Message] = field(default_factory=dict)
    postings: list[Posting] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    personal: list[Personal] = field(default_factory=list)
    remembered: list[Callback] = field(default_factory=list)
    given_back: dict[tuple[str, UUID], int] = field(default_factory=dict)
    contradicted: dict[UUID, Transaction] = field(default_factory=dict)
    audited: list[tuple[Told, Transaction, Status, str]] = field(default_factory=list)

    def note(self, t: Transaction, kind: EventType, actor: str, payload: object = None) -> None:
        """Appends an event to the history of ``t``."""
        t.events += 1
        self.touched.add(t.transaction_id)
        text = None if payload is None else msgspec.json.encode(payload).decode()
        self.events.append(Event(t.transaction_id, t.events, kind, self.at, actor, text))
