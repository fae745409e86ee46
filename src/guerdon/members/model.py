"""A member: the person with tokens, as their namespace knows them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from guerdon import clock
from guerdon.errors import InvalidRequest
from guerdon.fields import Fields, unwritable

LONGEST_USER_ID = 255
LONGEST_EMAIL = 320
LONGEST_ADDRESS = 2000
MOST_ATTRIBUTES = 100

# What erasure renames members to; nobody else may carry such a name.
_ERASED = re.compile(r"erased-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Scalar = str | int | float | bool
Attributes = Mapping[str, "Scalar | list[Scalar] | None"]


@dataclass(frozen=True, slots=True)
class Member:
    """A member with their profile. ``attributes`` are what audiences are made of."""

    member_id: UUID
    slot: int
    namespace: str
    user_id: str
    frozen: bool
    email: str | None
    address: str | None
    attributes: Attributes
    created_at: datetime


class Absent:
    """Stands where a change says nothing about a field."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent()


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be different about a member; absent fields stay, ``attributes`` is replaced."""

    email: str | Absent | None = ABSENT
    address: str | Absent | None = ABSENT
    attributes: Attributes | Absent = ABSENT
    frozen: bool | Absent = ABSENT


def changed(member: Member, change: Change) -> Member:
    """The member as the change leaves them."""
    return replace(
        member,
        email=member.email if isinstance(change.email, Absent) else change.email,
        address=member.address if isinstance(change.address, Absent) else change.address,
        attributes=(
            member.attributes if isinstance(change.attributes, Absent) else change.attributes
        ),
        frozen=member.frozen if isinstance(change.frozen, Absent) else change.frozen,
    )


def check_user_id(user_id: str) -> str:
    """The userId, if a member may carry it; else ``InvalidRequest``. It is never trimmed."""
    wrong = wrong_user_id(user_id)
    if wrong is not None:
        raise InvalidRequest(
            "This userId cannot be used.", errors=[{"pointer": "/userId", "detail": wrong}]
        )
    return user_id


def wrong_user_id(user_id: object) -> str | None:
    """What is wrong with a userId, or ``None``."""
    if not isinstance(user_id, str):
        return "must be a string"
    if not 1 <= len(user_id) <= LONGEST_USER_ID:
        return f"must have 1 to {LONGEST_USER_ID} characters"
    if unwritable(user_id):
        return "may not have control characters"
    if user_id in (".", ".."):
        return "may not be . or .."
    if _ERASED.fullmatch(user_id):
        return "is kept for members that were erased"
    return None


def read_change(body: object) -> Change:
    """A change as it comes in: ``{email?, address?, attributes?, frozen?}``."""
    fields = Fields(body)
    change = change_from(fields, with_frozen=True)
    fields.done("This member cannot be saved.")
    return change


def change_from(fields: Fields, *, with_frozen: bool) -> Change:
    """Reads a member's fields out of an object that may have others."""
    email: str | Absent | None = ABSENT
    address: str | Absent | None = ABSENT
    attributes: Attributes | Absent = ABSENT
    frozen: bool | Absent = ABSENT
    if fields.has("email"):
        email = fields.text("email", longest=LONGEST_EMAIL, default=None)
    if fields.has("address"):
        address = fields.text("address", longest=LONGEST_ADDRESS, default=None, lines=True)
    if fields.has("attributes"):
        attributes = _attributes(fields)
    if with_frozen and fields.has("frozen"):
        frozen = fields.flag("frozen", default=False)
    return Change(email, address, attributes, frozen)


def _attributes(fields: Fields) -> Attributes:
    given = fields.raw("attributes")
    if given is None:
        return {}
    if not isinstance(given, dict):
        fields.wrong("attributes", "must be an object")
        return {}
    if len(given) > MOST_ATTRIBUTES:
        fields.wrong("attributes", f"may have at most {MOST_ATTRIBUTES} members")
        return {}
    for name, value in given.items():
        wrong = _wrong_attribute(name, value)
        if wrong is not None:
            pointer = name.replace("~", "~0").replace("/", "~1")
            fields.errors.append({"pointer": f"/attributes/{pointer}", "detail": wrong})
    return given


def _wrong_attribute(name: str, value: object) -> str | None:
    if not 1 <= len(name) <= 100 or unwritable(name):
        return "must have a name of 1 to 100 characters, none of them a control character"
    rows = value if isinstance(value, list) else [value]
    if len(rows) > 100:
        return "may have at most 100 elements"
    for row in rows:
        if row is None and not isinstance(value, list):
            continue
        if not isinstance(row, str | int | float | bool):
            return "must be a string, a number, true, false, null, or a list of such"
        if isinstance(row, str) and (len(row) > 1000 or unwritable(row, lines=True)):
            return "must have at most 1000 characters, all of which can be stored"
    return None


def to_wire(member: Member, balance: int, available: int, redeemed: int) -> dict[str, object]:
    """A member as the API shows it; ``balance`` includes held tokens."""
    return {
        "userId": member.user_id,
        "email": member.email,
        "address": member.address,
        "attributes": member.attributes,
        "frozen": member.frozen,
        "balance": balance,
        "available": available,
        "tokensRedeemed": redeemed,
        "createdAt": clock.rfc3339(member.created_at),
    }
