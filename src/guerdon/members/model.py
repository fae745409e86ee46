"""Members: the people with tokens."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from guerdon.errors import InvalidRequest

Email = Annotated[str, msgspec.Meta(max_length=320, pattern=r"^[^\x00-\x1f\x7f]*$")]
Address = Annotated[str, msgspec.Meta(max_length=2000)]

_CONTROL = {chr(code) for code in (*range(32), *range(127, 160))}


@dataclass(frozen=True, slots=True)
class Member:
    """A member with their profile. ``attributes`` are the host's own, for audiences."""

    slot: int
    member_id: UUID
    namespace: str
    user_id: str
    frozen: bool
    created_at: datetime
    email: str | None
    address: str | None
    attributes: dict[str, Any]


class Change(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What a ``PUT`` changes: absent fields stay, ``attributes`` are replaced whole."""

    email: Email | msgspec.UnsetType | None = msgspec.UNSET
    address: Address | msgspec.UnsetType | None = msgspec.UNSET
    attributes: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    frozen: bool | msgspec.UnsetType = msgspec.UNSET


def checked_user_id(user_id: str) -> str:
    """The userId itself, or ``InvalidRequest``: 1-255 characters, no control characters."""
    if not 1 <= len(user_id) <= 255 or user_id in (".", "..") or not _CONTROL.isdisjoint(user_id):
        raise InvalidRequest(
            "A userId has 1 to 255 characters, none of them a control character.",
            errors=[{"pointer": "/userId", "detail": "must be 1 to 255 printable characters"}],
        )
    return user_id
