"""What differs between two definitions of an option, field by field, for people to read."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class Change(NamedTuple):
    """A field, by its path such as ``limits/total``, as it was and as it is; ``None``: nothing."""

    field: str
    before: Any
    after: Any


def between(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """The differences, in the order of the fields. What is empty is nothing, as what is absent."""
    was, now = dict(_fields(before)), dict(_fields(after))
    return [
        Change(field, was.get(field), now.get(field))
        for field in dict.fromkeys((*was, *now))
        if was.get(field) != now.get(field)
    ]


def _fields(definition: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in definition.items():
        if isinstance(value, Mapping):
            yield from _fields(value, f"{path}{name}/")
        else:
            yield path + name, None if value in ("", []) else value
