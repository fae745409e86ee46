"""Lines for the history of one locked transaction, written together with it."""

from collections.abc import Mapping

import msgspec

from guerdon.db.pool import Tx
from guerdon.transactions import store as transactions
from guerdon.transactions.events import Event, EventType
from guerdon.transactions.model import Transaction
from guerdon.transactions.store import Move


class History:
    """What ``actor`` adds. The status stays."""

    def __init__(self, tx: Tx, t: Transaction, actor: str) -> None:
        self._tx = tx
        self._t = t
        self._actor = actor
        self._lines: list[Event] = []

    def add(self, kind: EventType, payload: Mapping[str, object]) -> None:
        """Appends one line."""
        self._t.events += 1
        text = msgspec.json.encode(payload).decode()
        identifier, number = self._t.transaction_id, self._t.events
        self._lines.append(Event(identifier, number, kind, self._tx.at, self._actor, text))

    async def save(self) -> None:
        """Writes the transaction as it stands, and the lines."""
        await transactions.save(self._tx, self._t.slot, [Move(self._t.status, self._t)])
        await transactions.add_events(self._tx, self._t.slot, self._lines)
