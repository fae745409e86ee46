"""What lists share: ``limit``, ``cursor``, and the reading of parameters."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from guerdon.errors import GuerdonError, InvalidRequest

T = TypeVar("T")
Query = Mapping[str, Sequence[str]]
DEFAULT_LIMIT, LARGEST_LIMIT = 50, 200


def invalid(name: str, detail: str) -> InvalidRequest:
    """The refusal of one query parameter."""
    return InvalidRequest(
        "The query has something that does not fit.",
        errors=[{"pointer": f"?{name}", "detail": detail}],
    )


def single(query: Query, name: str) -> str | None:
    """The one value of a parameter, or ``None``; ``InvalidRequest`` if it is given twice."""
    values = query.get(name, ())
    if len(values) > 1:
        raise invalid(name, "may be given once")
    return values[0] if values else None


def limit(query: Query) -> int:
    """How many items are asked for: 1 to 200, by default 50."""
    given = single(query, "limit")
    if given is None:
        return DEFAULT_LIMIT
    if not (given.isascii() and given.isdigit() and len(given) < 5):
        raise invalid("limit", f"must be a number from 1 to {LARGEST_LIMIT}")
    if not 1 <= int(given) <= LARGEST_LIMIT:
        raise invalid("limit", f"must be a number from 1 to {LARGEST_LIMIT}")
    return int(given)


def moment(query: Query, name: str) -> datetime | None:
    """A time with an offset."""
    given = single(query, name)
    if given is None:
        return None
    try:
        parsed = datetime.fromisoformat(given.replace(" ", "+"))
    except ValueError as trouble:
        raise invalid(name, "must be a time such as 2026-11-22T09:30:00Z") from trouble
    if parsed.tzinfo is None:
        raise invalid(name, "must have an offset, such as Z")
    return parsed


def uuid_or(error: GuerdonError, text: str) -> UUID:
    """A UUID in its usual spelling; what is none cannot be there, so it is ``error``."""
    try:
        found = UUID(text)
    except ValueError as trouble:
        raise error from trouble
    if str(found) != text.lower():
        raise error
    return found


def cursor(query: Query) -> str | None:
    """What the cursor says, or ``None`` at the start."""
    given = single(query, "cursor")
    if given is None:
        return None
    try:
        said = base64.urlsafe_b64decode(given.encode("ascii") + b"==").decode("utf-8")
    except (ValueError, binascii.Error) as trouble:
        raise invalid("cursor", "is none of ours") from trouble
    # The decoder skips what is not in its alphabet, and no text of ours holds a NUL.
    if not said or _token(said) != given or "\x00" in said:
        raise invalid("cursor", "is none of ours")
    return said


def split(found: Sequence[T], asked: int) -> tuple[Sequence[T], T | None]:
    """What fits on a page out of one more than was asked for; its last where more follows."""
    return found[:asked], found[asked - 1] if len(found) > asked else None


def page(items: Sequence[object], after: str | None) -> dict[str, object]:
    """A page, with a cursor that says ``after`` where more follows."""
    return {"items": items, "nextCursor": None if after is None else _token(after)}


def _token(said: str) -> str:
    return base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")
