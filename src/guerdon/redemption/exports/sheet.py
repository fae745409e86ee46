"""The sheet of an export: which fields its rows have, and how they are spelt in a file."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from guerdon import spreadsheet
from guerdon.db.pool import Row as StoredRow
from guerdon.redemption.rows import Row
from guerdon.transactions.events import TITLES, EventType
from guerdon.transactions.exports.model import Plan

Value = str | int | dict[str, Any] | None
_When = Callable[[datetime], str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a file: a transaction, or one event of it."""

    row: Row
    event: StoredRow | None = None


_COLUMNS: Mapping[str, Mapping[str, Callable[[Row, _When], Value]]] = {
    "id": {"id": lambda row, _: str(row.t.transaction_id)},
    "option": {
        "option": lambda row, _: str(row.t.option_name),
        "title": lambda row, _: row.t.option_title,
    },
    "type": {"type": lambda row, _: row.t.type},
    "status": {"status": lambda row, _: str(row.t.status)},
    "user": {"userId": lambda row, _: row.user_id},
    "price": {"price": lambda row, _: row.t.price},
    "created": {"createdAt": lambda row, when: when(row.t.created_at)},
    "updated": {"updatedAt": lambda row, when: when(row.t.updated_at)},
    "closed": {
        "closedAt": lambda row, when: None if row.t.closed_at is None else when(row.t.closed_at)
    },
    "events": {"events": lambda row, _: row.t.events},
    "http": {"httpStatus": lambda row, _: None if row.attempt is None else row.attempt.http_status},
    "latency": {
        "durationMs": lambda row, _: None if row.attempt is None else row.attempt.duration_ms
    },
    "assignee": {"assignee": lambda row, _: row.assignee and row.assignee.partition(":")[2]},
    "personal": {"email": lambda row, _: row.email, "address": lambda row, _: row.address},
    "note": {"lastNote": lambda row, _: row.note},
    "namespace": {"namespace": lambda row, _: row.t.namespace},
    "snapshot": {
        "optionVersion": lambda row, _: row.t.option_version,
        "currency": lambda row, _: row.t.currency,
        "currencyAmount": lambda row, _: row.t.currency_amount,
        "conversionRate": lambda row, _: row.t.conversion_rate,
    },
}
COLUMNS = tuple(_COLUMNS)
_EVENT: Mapping[str, Callable[[StoredRow, _When], Value]] = {
    "eventSeq": lambda event, _: event.seq,
    "eventType": lambda event, _: event.type,
    "eventTitle": lambda event, _: TITLES[event.type],
    "eventAt": lambda event, when: when(event.at),
    "eventActor": lambda event, _: event.actor,
    "eventPayload": lambda event, _: _payload(event),
}


class Sheet:
    """Writes the rows of one export."""

    def __init__(self, plan: Plan) -> None:
        self._csv = plan.format == "csv"
        self._zone = ZoneInfo(plan.zone)
        self._when = self._iso if plan.dates == "iso" else self._plain
        self._of_row = {name: of for key in plan.columns for name, of in _COLUMNS[key].items()}
        self._of_event = _EVENT if plan.rows == "event" else {}

    @property
    def names(self) -> list[str]:
        """The names of the fields, in their order."""
        return [*self._of_row, *self._of_event]

    def head(self) -> bytes:
        """What the file begins with."""
        return spreadsheet.lines([self.names]).encode() if self._csv else b""

    def lines(self, entries: Iterable[Entry]) -> bytes:
        """Some rows of it."""
        rows = [self._values(entry) for entry in entries]
        if self._csv:
            cells = ([_cell(value) for value in row.values()] for row in rows)
            return spreadsheet.lines(cells).encode("utf-8", "replace")
        return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)

    def _values(self, entry: Entry) -> dict[str, Value]:
        values = {name: of(entry.row, self._when) for name, of in self._of_row.items()}
        for name, of in self._of_event.items():
            values[name] = of(entry.event, self._when)
        return values

    def _iso(self, moment: datetime) -> str:
        return moment.astimezone(self._zone).isoformat(timespec="milliseconds")

    def _plain(self, moment: datetime) -> str:
        return moment.astimezone(self._zone).strftime("%Y-%m-%d %H:%M:%S")


def _cell(value: Value) -> spreadsheet.Cell:
    return msgspec.json.encode(value).decode() if isinstance(value, dict) else value


def _payload(event: StoredRow) -> dict[str, Any] | None:
    """What the event itself stores; of an attempt, how it ended. Nothing personal is among it."""
    stored: dict[str, Any] | None = event.payload
    if event.type != EventType.POSTED or event.rule is None:
        return stored
    return {
        **(stored or {}),
        "status": event.http_status,
        "durationMs": event.duration_ms,
        "verdict": event.evidence,
        "rule": event.rule,
        "meaning": event.sentence,
    }
