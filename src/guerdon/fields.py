"""Reads JSON objects that come in, field by field, and says all that is wrong with them at once.

    fields = Fields(body)
    title = fields.text("title", longest=200)
    order = fields.integer("order", default=0, lowest=-5, highest=5)
    fields.done("This option cannot be saved.")

Every reader takes a field and answers a value of its type; a wrong one is noted under its JSON
pointer (RFC 6901) and a stand-in is answered, so that reading goes on. ``done`` raises
``InvalidRequest`` with all of them; fields that nobody asked for are among them.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar, overload
from uuid import UUID

from guerdon.errors import InvalidRequest

T = TypeVar("T")

# Lone surrogates cannot be stored; NUL and the other control characters are never meant. Texts of
# several lines keep tab and line ends.
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_FORBIDDEN_IN_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


# The same as JSON Schema patterns. Python's $ also matches before a last line end: not here.
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]*$(?!\n)"
PRINTABLE_LINES = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$(?!\n)"


class _Wrong(Exception):
    """A value that does not fit; the text says what it must be."""


class _Required:
    """No default: the field must be there."""


REQUIRED = _Required()


def merge_patch(target: object, patch: object) -> object:
    """JSON Merge Patch (RFC 7396): ``null`` removes, objects merge, the rest replaces."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def unwritable(text: str, *, lines: bool = False) -> bool:
    """Whether a text has characters that are never stored."""
    return (_FORBIDDEN_IN_LINES if lines else _FORBIDDEN).search(text) is not None


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


class Fields:
    """One JSON object under reading. Nested ones share the list of what is wrong."""

    def __init__(
        self, value: object, pointer: str = "", errors: list[dict[str, str]] | None = None
    ) -> None:
        self.errors: list[dict[str, str]] = [] if errors is None else errors
        self._pointer = pointer
        self._asked: set[str] = set()
        self._children: list[Fields] = []
        self._values: Mapping[str, object] = {}
        if isinstance(value, Mapping):
            self._values = value
        else:
            self.errors.append({"pointer": pointer, "detail": "must be an object"})

    def pointer(self, name: str) -> str:
        """The JSON pointer of a field."""
        return f"{self._pointer}/{_escaped(name)}"

    def wrong(self, name: str, detail: str) -> None:
        """Notes what is wrong with a field."""
        self.errors.append({"pointer": self.pointer(name), "detail": detail})

    def refuse(self, detail: str) -> None:
        """Notes what is wrong with the object as such."""
        self.errors.append({"pointer": self._pointer, "detail": detail})

    def has(self, name: str) -> bool:
        """Whether the field is there, even as ``null``."""
        self._asked.add(name)
        return name in self._values

    def raw(self, name: str) -> object:
        """The field as it came; ``None`` where it is not there."""
        self._asked.add(name)
        return self._values.get(name)

    def done(self, detail: str) -> None:
        """Raises ``InvalidRequest`` if anything was wrong, here or in a nested object."""
        self.close()
        if self.errors:
            raise InvalidRequest(detail, errors=self.errors)

    def close(self) -> None:
        """Notes every field that nobody has asked for, here and in nested objects."""
        for name in self._values:
            if name not in self._asked:
                self.wrong(name, "is not known here")
        for child in self._children:
            child.close()

    def _read(
        self, name: str, default: T | _Required, stand_in: T, read: Callable[[object], T]
    ) -> T:
        value = self.raw(name)
        if value is None:
            if isinstance(default, _Required):
                self.wrong(name, "is missing" if not self.has(name) else "may not be null")
                return stand_in
            return default
        try:
            return read(value)
        except _Wrong as wrong:
            self.wrong(name, str(wrong))
            return stand_in

    @overload
    def text(self, name: str, *, longest: int, shortest: int = ..., lines: bool = ...) -> str: ...
    @overload
    def text(
        self, name: str, *, longest: int, default: T, shortest: int = ..., lines: bool = ...
    ) -> str | T: ...
    def text(
        self,
        name: str,
        *,
        longest: int,
        default: object = REQUIRED,
        shortest: int = 0,
        lines: bool = False,
    ) -> object:
        """A string of ``shortest`` to ``longest`` characters; ``lines`` allows line ends."""

        def read(value: object) -> object:
            if not isinstance(value, str):
                raise _Wrong("must be a string")
            if not shortest <= len(value) <= longest:
                raise _Wrong(f"must have {shortest} to {longest} characters")
            if unwritable(value, lines=lines):
                raise _Wrong("has characters that cannot be stored")
            return value

        return self._read(name, default, "", read)

    @overload
    def integer(self, name: str, *, lowest: int, highest: int) -> int: ...
    @overload
    def integer(self, name: str, *, lowest: int, highest: int, default: T) -> int | T: ...
    def integer(
        self, name: str, *, lowest: int, highest: int, default: object = REQUIRED
    ) -> object:
        """A whole number from ``lowest`` to ``highest``."""

        def read(value: object) -> object:
            if isinstance(value, bool) or not isinstance(value, int):
                raise _Wrong("must be a whole number")
            if not lowest <= value <= highest:
                raise _Wrong(f"must be {lowest} to {highest}")
            return value

        return self._read(name, default, lowest, read)

    def flag(self, name: str, *, default: bool) -> bool:
        """``true`` or ``false``."""

        def read(value: object) -> bool:
            if not isinstance(value, bool):
                raise _Wrong("must be true or false")
            return value

        return self._read(name, default, default, read)

    def choice(self, name: str, choices: Sequence[str], default: str | _Required = REQUIRED) -> str:
        """One of a few words."""

        def read(value: object) -> str:
            if not isinstance(value, str) or value not in choices:
                raise _Wrong(f"must be one of {', '.join(choices)}")
            return value

        return self._read(name, default, choices[0], read)

    @overload
    def uuid(self, name: str) -> UUID: ...
    @overload
    def uuid(self, name: str, *, default: T) -> UUID | T: ...
    def uuid(self, name: str, *, default: object = REQUIRED) -> object:
        """A UUID in its usual spelling."""

        def read(value: object) -> object:
            try:
                found = UUID(value) if isinstance(value, str) else None
            except ValueError:
                found = None
            if found is None or str(found) != str(value).lower():
                raise _Wrong("must be a UUID")
            return found

        return self._read(name, default, UUID(int=0), read)

    def rest(self) -> dict[str, object]:
        """The fields that nobody has asked for yet, for somebody else to read."""
        found = {name: value for name, value in self._values.items() if name not in self._asked}
        self._asked.update(found)
        return found

    def nested(self, name: str) -> "Fields | None":
        """A nested object, or ``None`` where it is not there or ``null``."""
        value = self.raw(name)
        if value is None:
            return None
        return self._child(value, self.pointer(name))

    def rows(self, name: str, *, most: int) -> list[tuple[str, object]]:
        """The elements of a list, each with its pointer; empty where it is not there."""
        value = self.raw(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self.wrong(name, "must be a list")
            return []
        if len(value) > most:
            self.wrong(name, f"may have at most {most} elements")
            return []
        return [(f"{self.pointer(name)}/{number}", row) for number, row in enumerate(value)]

    def objects(self, name: str, *, most: int) -> "list[Fields]":
        """The elements of a list of objects."""
        return [self._child(value, pointer) for pointer, value in self.rows(name, most=most)]

    def entries(self, name: str, *, most: int) -> "list[tuple[str, Fields]]":
        """The objects in an object whose names are free, such as language tags; not the nulls."""
        value = self.raw(name)
        if value is None:
            return []
        if not isinstance(value, Mapping):
            self.wrong(name, "must be an object")
            return []
        if len(value) > most:
            self.wrong(name, f"may have at most {most} members")
            return []
        at = self.pointer(name)
        return [
            (key, self._child(one, f"{at}/{_escaped(key)}"))
            for key, one in value.items()
            if one is not None
        ]

    def row(self, pointer: str, value: object) -> "Fields":
        """An object found somewhere below, at ``pointer``."""
        return self._child(value, pointer)

    def _child(self, value: object, pointer: str) -> "Fields":
        child = Fields(value, pointer, self.errors)
        self._children.append(child)
        return child

    def forbid(self, names: Collection[str], detail: str) -> None:
        """Notes each of these fields that is there and not ``null``."""
        for name in names:
            if self.raw(name) is not None:
                self.wrong(name, detail)
