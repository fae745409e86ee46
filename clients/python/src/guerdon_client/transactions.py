"""Redemptions, and what became of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import httpx

from guerdon_client import calls
from guerdon_client.calls import Call
from guerdon_client.cases import Case
from guerdon_client.endpoints import Driver, Resource, endpoint, iteration
from guerdon_client.reading import Page, answered, one, page_of, parsed, replayed, shaped

Status = Literal["pending", "postponed", "recoverable-failure", "success", "failure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One redemption's record. Its tokens are held while ``is_open``.

    ``events`` counts the lines of its history. The last four are those of currency options, with
    ``currency_amount`` in hundredths. ``conflict``: contradicting news is recorded. ``replayed``:
    the idempotency key had come before, and this is the answer of that time.
    """

    id: str
    namespace: str
    status: Status
    option_name: str
    option_title: str
    type: Literal["physical", "digital", "currency"]
    user_id: str
    price: int
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    events: int
    option_version: int
    open_reason: str | None
    next_attempt_at: datetime | None
    reference: str | None
    conflict: bool
    next_ask_at: datetime | None = None
    due_at: datetime | None = None
    token_amount: int | None = None
    currency: str | None = None
    currency_amount: int | None = None
    conversion_rate: Decimal | None = None
    replayed: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it has not ended: neither ``success`` nor ``failure``."""
        return self.closed_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of a history, numbered from 1. docs/concepts.md lists the types."""

    seq: int
    type: str
    title: str
    at: datetime
    actor: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try to deliver the message, and how the reply was judged: see docs/outcomes.md.

    ``status`` is HTTP's; ``reply`` is ``hidden`` without the scope ``operate``.
    """

    attempt: int
    started_at: datetime
    duration_ms: int | None
    status: int | None
    reply: str | None
    verdict: str
    rule: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FullTransaction(Transaction):
    """A transaction with its history, the attempts to deliver its message, and its case, if it has
    one."""

    history: tuple[Event, ...]
    attempts: tuple[Attempt, ...]
    case: Case | None


class Redemptions(Resource[Driver]):
    """Asking for rewards."""

    @endpoint
    def create(
        self,
        option_name: str,
        user_id: str,
        *,
        email: str | None = None,
        address: str | None = None,
        expected_price: int | None = None,
        token_amount: int | None = None,
        currency: str | None = None,
        expected_currency_amount: int | None = None,
        key: str | None = None,
    ) -> Call[Transaction]:
        """Redeems tokens for an option, once for the idempotency ``key`` (scope ``redeem``).

        Answers the transaction as it was accepted: its tokens are held, its message is stored.
        ``email`` and ``address`` win over the member's profile. ``token_amount`` and ``currency``
        are for currency options. Without a key a fresh one is made; after an ``AnswerLost``, its
        ``idempotency_key`` asks again for the same redemption. Raises ``OptionNotFound``,
        ``MemberNotFound``, ``Conflict``, ``KeyReused``, ``ProviderUnavailable``.
        """
        given = calls.said(
            optionName=option_name,
            userId=user_id,
            email=email,
            address=address,
            expectedPrice=expected_price,
            tokenAmount=token_amount,
            currency=currency,
            expectedCurrencyAmount=expected_currency_amount,
        )
        return calls.keyed("/v1/redemptions", _accepted, given, key)


class Transactions(Resource[Driver]):
    """What became of redemptions (scope ``read``), and people's decisions (``operate``)."""

    @endpoint
    def get(self, transaction_id: str) -> Call[FullTransaction]:
        """One transaction with its history and attempts. Raises ``TransactionNotFound``."""
        return calls.getting(_transaction(transaction_id), _full)

    @endpoint
    def page(
        self,
        *,
        status: Status | Iterable[Status] = (),
        option: str | Iterable[str] = (),
        user_id: str | Iterable[str] = (),
        created_from: datetime | None = None,
        created_to: datetime | None = None,
        q: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Call[Page[Transaction]]:
        """One page of transactions, newest first.

        ``created_from`` is inclusive, ``created_to`` exclusive; both need a time zone. ``q`` is a
        userId, the beginning of an ID, or a part of an option's title. ``limit`` is 1 to 200, by
        default 50.
        """
        several = (("status", status), ("option", option), ("userId", user_id))
        return calls.getting(
            "/v1/transactions",
            page_of(Transaction),
            (
                *((name, one) for name, given in several for one in _each(given)),
                ("createdFrom", _moment(created_from)),
                ("createdTo", _moment(created_to)),
                ("q", q),
                ("limit", limit),
                ("cursor", cursor),
            ),
        )

    iterate = iteration(
        page.call,
        "iterate",
        "All transactions that are chosen as for ``page``, newest first, ``limit`` of them a page.",
    )

    @endpoint
    def confirm(self, transaction_id: str, *, reason: str | None = None) -> Call[Transaction]:
        """A person knows that the reward was given: the tokens are captured.

        Raises ``TransactionNotFound``, ``Sending``, ``NotOpen``, ``SecondPersonRequired``. Not sent
        again after a lost answer: look at the transaction then.
        """
        return _decided(transaction_id, "confirm", reason)

    @endpoint
    def cancel(self, transaction_id: str, *, reason: str | None = None) -> Call[Transaction]:
        """A person knows that the reward was not given: the tokens go back.

        Raises ``TransactionNotFound``, ``Sending``, ``NotOpen``, ``SecondPersonRequired``. Not sent
        again after a lost answer: look at the transaction then.
        """
        return _decided(transaction_id, "cancel", reason)

    @endpoint
    def resend(self, transaction_id: str, *, reason: str | None = None) -> Call[Transaction]:
        """The provider is asked once more: the same bytes under the same ID, as a new attempt.

        No tokens move by asking; the answer counts like every answer. Raises
        ``TransactionNotFound``, ``Sending``, ``NotOpen``, ``NotIdempotent``,
        ``ProviderUnavailable``. Not sent again after a lost answer: look at the transaction then.
        """
        return _decided(transaction_id, "resend", reason)


def _transaction(transaction_id: str, *more: str) -> str:
    return calls.path("v1", "transactions", transaction_id, *more)


def _decided(transaction_id: str, verb: str, reason: str | None) -> Call[Transaction]:
    given = calls.said(reason=reason)
    return calls.posting(_transaction(transaction_id, verb), one(Transaction), given)


def _accepted(response: httpx.Response) -> Transaction:
    return replace(one(Transaction)(response), replayed=replayed(response))


def _full(response: httpx.Response) -> FullTransaction:
    def read(body: bytes) -> FullTransaction:
        told = parsed(body)
        history = told["events"]
        return shaped(FullTransaction, {**told, "events": len(history), "history": history})

    return answered(response, read)


def _each(given: str | Iterable[str]) -> Iterable[str]:
    return (given,) if isinstance(given, str) else given


def _moment(given: datetime | None) -> str | None:
    if given is None:
        return None
    if given.tzinfo is None:
        raise ValueError("A time needs its zone, such as datetime.UTC.")
    return given.isoformat()
