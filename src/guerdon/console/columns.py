"""The list's columns: which there are, and which are shown in which order.

``cols`` of the address names them. The chooser's form sends its boxes as ``col``, in the order they
stand in, and the arrow that was pressed as ``move``.
"""

from collections.abc import Sequence
from dataclasses import dataclass


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
