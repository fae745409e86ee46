"""A request as a value: what is sent, how its answer is read, whether it may be sent again."""

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote

import httpx

T = TypeVar("T")
Query = tuple[tuple[str, str], ...]
JSON_TYPE = {"Content-Type": "application/json"}


class Unset(Enum):
    """The type of ``UNSET``."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET
"""Stands where a change says nothing about a field; ``None`` would remove its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """One request. ``path`` is percent-encoded and begins with a slash.

    ``key`` is its Idempotency-Key. ``repeatable``: sent twice, it happens once. ``stamp`` makes
    headers anew for each time that it is sent.
    """

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    query: Query = ()
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    key: str | None = None
    repeatable: bool = False
    stamp: Callable[[], Mapping[str, str]] | None = None

    def all_headers(self) -> dict[str, str]:
        """Its headers, for one time that it is sent."""
        keyed = {} if self.key is None else {"Idempotency-Key": self.key}
        return {**self.headers, **keyed, **({} if self.stamp is None else self.stamp())}

    def at(self, cursor: str) -> "Call[T]":
        """The same list from a cursor on."""
        kept = tuple(pair for pair in self.query if pair[0] != "cursor")
        return replace(self, query=(*kept, ("cursor", cursor)))


def path(*segments: str) -> str:
    """A path out of segments, each of them percent-encoded, a ``/`` in it too.

    ``ValueError`` for what no path can hold as a segment: nothing, ``.`` and ``..``.
    """
    for segment in segments:
        if segment in ("", ".", ".."):
            raise ValueError(f"{segment!r} cannot be part of a path")
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


def body(fields: Mapping[str, Any]) -> bytes:
    """A JSON object without the members that are ``UNSET``."""
    given = {name: value for name, value in fields.items() if value is not UNSET}
    return json.dumps(given, allow_nan=False).encode()


def said(**fields: Any) -> dict[str, Any]:
    """The fields that are not ``None``, for routes where that says the same as nothing."""
    return {name: value for name, value in fields.items() if value is not None}


def getting(
    where: str, read: Callable[[httpx.Response], T], query: Iterable[tuple[str, object]] = ()
) -> Call[T]:
    """A GET. Parameters that are ``None`` are left out."""
    given = tuple((name, str(value)) for name, value in query if value is not None)
    return Call(method="GET", path=where, read=read, query=given, repeatable=True)


def posting(where: str, read: Callable[[httpx.Response], T], fields: Mapping[str, Any]) -> Call[T]:
    """A POST that is not sent again once it may have arrived."""
    return Call(method="POST", path=where, read=read, content=body(fields), headers=JSON_TYPE)


def keyed(
    where: str,
    read: Callable[[httpx.Response], T],
    fields: Mapping[str, Any],
    key: str | None,
) -> Call[T]:
    """A POST that happens once for its key; a fresh one is made where none is given.

    ``ValueError`` for a key that is not 1 to 255 printable ASCII characters.
    """
    chosen = str(uuid.uuid4()) if key is None else key
    if not (1 <= len(chosen) <= 255 and chosen.isascii() and chosen.isprintable()):
        raise ValueError("An idempotency key is 1 to 255 printable ASCII characters.")
    return replace(posting(where, read, fields), key=chosen, repeatable=True)
