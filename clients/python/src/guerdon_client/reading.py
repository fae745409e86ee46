"""From the JSON of an answer to frozen dataclasses.

A field's name on the wire is its own in camelCase. Members that a dataclass does not know are
passed over, so that a later release of the server may add some.
"""

import dataclasses
import functools
import json
import types
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import httpx

from guerdon_client.errors import UnexpectedAnswer

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list. ``next_cursor`` asks for the next one; ``None`` is the end."""

    items: tuple[T, ...]
    next_cursor: str | None


class Mismatch(ValueError):
    """JSON that is not of the shape it should have; the text says where."""


def parsed(content: bytes) -> Any:
    """JSON with its numbers as they were spelt: what is no integer is a ``Decimal``."""
    return json.loads(content, parse_float=Decimal)


def one(kind: type[T]) -> Callable[[httpx.Response], T]:
    """Reads an answer whose body is one object."""
    return lambda response: answered(response, lambda body: shaped(kind, parsed(body)))


def page_of(kind: type[T]) -> Callable[[httpx.Response], Page[T]]:
    """Reads one page of a list."""

    def page(body: bytes) -> Page[T]:
        value = parsed(body)
        items = tuple(shaped(kind, item) for item in value["items"])
        return Page(items, value["nextCursor"])

    return lambda response: answered(response, page)


def nothing(_response: httpx.Response) -> None:
    """Reads an answer that has no body."""


def replayed(response: httpx.Response) -> bool:
    """Whether an answer is that of an earlier request with the same key."""
    return bool(response.headers.get("Idempotent-Replayed") == "true")


def answered(response: httpx.Response, read: Callable[[bytes], T]) -> T:
    """What ``read`` makes of the body; ``UnexpectedAnswer`` where it is something else."""
    try:
        return read(response.content)
    except (ValueError, KeyError, TypeError) as trouble:
        raise UnexpectedAnswer(
            f"{response.status_code} came with a body that is not as Guerdon's: {trouble!r}."
        ) from trouble


def shaped(kind: type[T], value: object) -> T:
    """A dataclass out of a JSON object. Raises ``Mismatch``."""
    if not isinstance(value, Mapping):
        raise Mismatch(f"{kind.__name__} is no object")
    made: dict[str, Any] = {}
    dataclass: Any = kind
    for name, wire, hint, required in _fields(dataclass):
        if wire in value:
            made[name] = _converted(hint, value[wire], wire)
        elif required:
            raise Mismatch(f"{kind.__name__} has no {wire}")
    return kind(**made)


@functools.cache
def _fields(kind: Any) -> list[tuple[str, str, Any, bool]]:
    hints = get_type_hints(kind)
    return [
        (
            field.name,
            camel(field.name),
            hints[field.name],
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(kind)
    ]


def camel(name: str) -> str:
    """A name as it is on the wire: ``user_id`` is ``userId``."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _converted(hint: Any, value: Any, where: str) -> Any:
    if get_origin(hint) in (types.UnionType, Union):
        if value is None:
            return None
        (hint,) = (arm for arm in get_args(hint) if arm is not types.NoneType)
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise Mismatch(f"{where} is no list")
        return tuple(_converted(get_args(hint)[0], one, where) for one in value)
    if dataclasses.is_dataclass(hint):
        return shaped(cast("type", hint), value)
    if hint is datetime:
        return datetime.fromisoformat(value)
    if hint is Decimal:
        return Decimal(str(value))
    if hint in (str, int, bool) and type(value) is not hint:
        raise Mismatch(f"{where} is no {hint.__name__}")
    return _plain(value)


def _plain(value: Any) -> Any:
    """JSON that is handed on as it is, with ``float`` for what is no integer."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value
