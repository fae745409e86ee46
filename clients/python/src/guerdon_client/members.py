"""Members: profiles, tokens in and out, statements, erasure, and many at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Literal

import httpx

from guerdon_client import calls
from guerdon_client.calls import UNSET, Call, Unset
from guerdon_client.endpoints import Driver, Resource, endpoint, iteration
from guerdon_client.errors import FieldError
from guerdon_client.reading import (
    Page,
    answered,
    camel,
    nothing,
    one,
    page_of,
    parsed,
    replayed,
    shaped,
)

_BATCH = "/v1/members/batch"
_NDJSON = {"Content-Type": "application/x-ndjson"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """The person with tokens. ``balance`` includes held tokens, ``available`` does not."""

    user_id: str
    email: str | None
    address: str | None
    attributes: Mapping[str, Any]
    frozen: bool
    balance: int
    available: int
    tokens_redeemed: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A grant or a charge, and the tokens after it.

    ``replayed``: the key had come before, and this is the answer of that time.
    """

    posting_id: str
    amount: int
    balance: int
    available: int
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """A line of a statement. ``movement``: ``issue``, ``adjust``, ``hold``, ``capture``, …"""

    posting_id: str
    movement: str
    amount: int
    available_change: int
    held_change: int
    balance: int
    available: int
    at: datetime
    transaction_id: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """A member in a batch. Fields that are ``UNSET`` stay as they are.

    ``grant``: tokens to credit; it needs a ``reference``, which counts once for each member.
    """

    user_id: str
    email: str | Unset | None = UNSET
    address: str | Unset | None = UNSET
    attributes: Mapping[str, Any] | Unset = UNSET
    grant: int | Unset = UNSET
    reference: str | Unset = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class LineResult:
    """What became of a line, counted from 1. ``code``, ``detail``, ``errors``: of a refused one."""

    line: int
    status: Literal["created", "changed", "refused"]
    user_id: str
    code: str | None = None
    detail: str | None = None
    errors: tuple[FieldError, ...] = ()


class Members(Resource[Driver]):
    """Members of the key's namespace. A ``user_id`` is the host's own, of 1 to 255 characters."""

    @endpoint
    def put(
        self,
        user_id: str,
        *,
        email: str | Unset | None = UNSET,
        address: str | Unset | None = UNSET,
        attributes: Mapping[str, Any] | Unset = UNSET,
        frozen: bool | Unset = UNSET,
    ) -> Call[Member]:
        """Creates or changes a member (scope ``members``).

        What is ``UNSET`` stays as it is; ``None`` removes an email or address; ``attributes`` is
        replaced whole. Raises ``InvalidRequest``.
        """
        given = {"email": email, "address": address, "attributes": attributes, "frozen": frozen}
        return Call(
            method="PUT",
            path=_member(user_id),
            read=one(Member),
            content=calls.body(given),
            headers=calls.JSON_TYPE,
            repeatable=True,
        )

    @endpoint
    def get(self, user_id: str) -> Call[Member]:
        """A member with their tokens (scope ``read``). Raises ``MemberNotFound``."""
        return calls.getting(_member(user_id), one(Member))

    @endpoint
    def erase(self, user_id: str) -> Call[None]:
        """Removes what is personal; the postings stay (scope ``members``).

        Raises ``MemberNotFound``, and ``OpenTransactions`` while tokens are held. It is not sent
        again after a lost answer: ``MemberNotFound`` on your next try then says that it was done.
        """
        return Call(method="DELETE", path=_member(user_id), read=nothing)

    @endpoint
    def grant(
        self, user_id: str, amount: int, reason: str, *, key: str | None = None
    ) -> Call[Receipt]:
        """Credits tokens, once for the idempotency ``key`` (scope ``members``).

        Without a key a fresh one is made. Raises ``MemberNotFound``, ``KeyReused``.
        """
        given = {"amount": amount, "reason": reason}
        return calls.keyed(_member(user_id, "grants"), _receipt, given, key)

    @endpoint
    def charge(
        self, user_id: str, amount: int, reason: str, *, key: str | None = None
    ) -> Call[Receipt]:
        """Takes tokens away, once for the idempotency ``key`` (scope ``members``).

        Raises ``MemberNotFound``, ``InsufficientTokens``, ``KeyReused``.
        """
        given = {"amount": amount, "reason": reason}
        return calls.keyed(_member(user_id, "charges"), _receipt, given, key)

    @endpoint
    def statement(
        self, user_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Call[Page[Posting]]:
        """One page of a member's postings, newest first (scope ``read``).

        ``limit`` is 1 to 200, by default 50. Raises ``MemberNotFound``.
        """
        query = (("limit", limit), ("cursor", cursor))
        return calls.getting(_member(user_id, "statement"), page_of(Posting), query)

    iterate_statement = iteration(
        statement.call,
        "iterate_statement",
        "All of a member's postings, newest first (scope ``read``), ``limit`` of them a page.",
    )

    @endpoint
    def batch(self, lines: Iterable[Line]) -> Call[tuple[LineResult, ...]]:
        """Creates, changes and credits many (scope ``members``); a result for each line.

        At most 32 MiB of JSON; lines are stored in groups, and one that is refused stands in
        nobody's way. A batch may be sent again: each ``reference`` counts once.
        """
        encoded = b"".join(_encoded(line) + b"\n" for line in lines)
        return Call(
            method="POST",
            path=_BATCH,
            read=_results,
            content=encoded,
            headers=_NDJSON,
            repeatable=True,
        )


def _member(user_id: str, *more: str) -> str:
    return calls.path("v1", "members", user_id, *more)


def _receipt(response: httpx.Response) -> Receipt:
    return replace(one(Receipt)(response), replayed=replayed(response))


def _encoded(line: Line) -> bytes:
    return calls.body({camel(field.name): getattr(line, field.name) for field in fields(Line)})


def _results(response: httpx.Response) -> tuple[LineResult, ...]:
    return answered(
        response,
        lambda body: tuple(shaped(LineResult, parsed(line)) for line in body.splitlines()),
    )
