"""The list's columns: which there are, which are shown in which order, and what each is in a file.

``cols`` of the address names them. The chooser's form sends its boxes as ``col``, in the order they
stand in, and the arrow that was pressed as ``move``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from guerdon.clock import rfc3339
from guerdon.console.rows import Row

Value = str | int | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``mark`` begins the DOM's id of its cells where news changes them in place."""

    key: str
    name: str
    right: bool = False
    mark: str | None = None


COLUMNS = {
    column.key: column
    for column in (
        Column("id", "ID"),
        Column("option", "Option"),
        Column("status", "Status", mark="s"),
        Column("user", "User ID"),
        Column("events", "Events", right=True, mark="e"),
        Column("created", "Created at"),
        Column("type", "Type"),
        Column("price", "Price", right=True),
        Column("age", "In status for", mark="g"),
        Column("http", "Provider’s status", right=True, mark="h"),
        Column("latency", "Provider took", right=True, mark="l"),
        Column("updated", "Updated at", mark="u"),
        Column("assignee", "Assignee"),
        Column("note", "Last note"),
        Column("namespace", "Namespace"),
        Column("snapshot", "Price snapshot", right=True),
    )
}
DEFAULT = ("id", "option", "status", "user", "events", "created")


def chosen(keys: Sequence[str]) -> tuple[Column, ...]:
    """The columns of these names; the usual ones where there are none."""
    return tuple(COLUMNS[key] for key in (keys or DEFAULT))


def known(text: str) -> bool:
    """Whether ``cols`` names columns, each once."""
    keys = text.split(",")
    return all(key in COLUMNS for key in keys) and len(set(keys)) == len(keys)


def offered(shown: Sequence[Column]) -> list[Column]:
    """What the chooser lists: what is shown, then the others."""
    return [*shown, *(one for one in COLUMNS.values() if one not in shown)]


def moved(ticked: Sequence[str], move: str) -> str | None:
    """``cols`` for the boxes that are ticked after an arrow was pressed; ``None`` = the usual."""
    keys = [key for key in dict.fromkeys(ticked) if key in COLUMNS]
    way, _, key = move.partition(":")
    if key in keys and way in ("up", "down"):
        at = keys.index(key)
        to = min(max(at + (-1 if way == "up" else 1), 0), len(keys) - 1)
        keys.insert(to, keys.pop(at))
    return ",".join(keys) if keys and tuple(keys) != DEFAULT else None


# What a column is in a file: the names and, for a row, the values.
_FIELDS: Mapping[str, Mapping[str, Callable[[Row], Value]]] = {
    "id": {"id": lambda row: str(row.t.transaction_id)},
    "option": {
        "option": lambda row: str(row.t.option_name),
        "title": lambda row: row.t.option_title,
    },
    "type": {"type": lambda row: row.t.type},
    "status": {"status": lambda row: str(row.t.status)},
    "user": {"userId": lambda row: row.user_id},
    "price": {"price": lambda row: row.t.price},
    "created": {"createdAt": lambda row: rfc3339(row.t.created_at)},
    "updated": {"updatedAt": lambda row: rfc3339(row.t.updated_at)},
    "age": {"updatedAt": lambda row: rfc3339(row.t.updated_at)},
    "closed": {
        "closedAt": lambda row: None if row.t.closed_at is None else rfc3339(row.t.closed_at)
    },
    "events": {"events": lambda row: row.t.events},
    "http": {"httpStatus": lambda row: None if row.attempt is None else row.attempt.http_status},
    "latency": {"durationMs": lambda row: None if row.attempt is None else row.attempt.duration_ms},
    "assignee": {"assignee": lambda row: row.assignee and row.assignee.partition(":")[2]},
    "personal": {"email": lambda row: row.email, "address": lambda row: row.address},
    "note": {"lastNote": lambda row: row.note},
    "namespace": {"namespace": lambda row: row.t.namespace},
    "snapshot": {
        "optionVersion": lambda row: row.t.option_version,
        "currency": lambda row: row.t.currency,
        "currencyAmount": lambda row: row.t.currency_amount,
        "conversionRate": lambda row: row.t.conversion_rate,
    },
}
# A whole file has the columns of the API's.
WHOLE = (
    "id",
    "option",
    "type",
    "status",
    "user",
    "price",
    "created",
    "updated",
    "closed",
    "events",
)


def fields(keys: Sequence[str]) -> dict[str, Callable[[Row], Value]]:
    """The names of a file's columns in their order, and where their values come from."""
    found: dict[str, Callable[[Row], Value]] = {}
    for key in keys:
        found |= _FIELDS[key]
    return found
