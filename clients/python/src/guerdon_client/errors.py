"""Everything that can go wrong, by name.

    GuerdonError
    ├── Refused                       Guerdon answered no; nothing was changed
    │   ├── BadRequest                the request itself is at fault
    │   │   ├── InvalidRequest        a field does not fit: see ``errors``
    │   │   ├── KeyReused             the Idempotency-Key came before with another body
    │   │   └── WebhookIdReused       the webhook-id came before with another body
    │   ├── NotAllowed                who asks may not
    │   │   ├── Unauthenticated       no key, an unknown or a revoked one; a signature that is wrong
    │   │   └── NotPermitted          the key lacks a scope: ``facts["scope"]``
    │   ├── NotFound                  nothing is there, or not for this key
    │   │   ├── MemberNotFound
    │   │   ├── OptionNotFound
    │   │   └── TransactionNotFound
    │   ├── Conflict                  the state of things stands against it
    │   │   ├── InsufficientTokens    ``facts["available"]``, ``facts["required"]``
    │   │   ├── OptionUnavailable     disabled, archived, or outside its window
    │   │   ├── LimitReached
    │   │   ├── NotEligible
    │   │   ├── MemberFrozen
    │   │   ├── PriceChanged          ``facts["price"]`` or ``facts["currencyAmount"]``
    │   │   ├── AlreadyFinal          a callback contradicts what was concluded
    │   │   ├── Sending               an operator must wait: the provider may still decide
    │   │   ├── NotOpen               an operator came too late: ``facts["closedBy"]``
    │   │   ├── NotOffered            a case cannot be closed so: ``facts["choices"]``
    │   │   ├── NotIdempotent         the provider is never sent the same message again
    │   │   ├── SecondPersonRequired  two people decide: ``facts["secondPersonFrom"]``
    │   │   ├── OpenTransactions      a member with held tokens cannot be erased
    │   │   └── PreconditionFailed    somebody else changed it meanwhile
    │   └── Unavailable               not now: see ``retry_after``
    │       ├── ProviderUnavailable   the option's provider is paused or down; no tokens were taken
    │       └── TooManyRequests
    ├── Unreachable                   no connection: nothing was sent, nothing happened
    ├── AnswerLost                    it was sent and no whole answer came: it may have happened
    ├── UnexpectedAnswer              something answered, but not as Guerdon does
    └── NotAuthentic                  a message is not signed with our secret, or not now

What was sent with an Idempotency-Key carries it as ``idempotency_key``: send the same again with
it after an :class:`AnswerLost`, and it happens once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class FieldError:
    """What does not fit. ``pointer`` is a JSON Pointer into the body, or ``?`` and a parameter."""

    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem document (RFC 9457) as Guerdon writes them.

    ``code`` is stable; ``detail`` is for people; ``request_id`` finds it in the server's log;
    ``facts`` are the members that only some codes have. ``retry_after`` is in seconds.
    """

    code: str
    status: int
    detail: str
    request_id: str | None = None
    errors: tuple[FieldError, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    retry_after: float | None = None


class GuerdonError(Exception):
    """Whatever goes wrong here. ``idempotency_key``: what it was sent with, if with one."""

    idempotency_key: str | None = None


class Refused(GuerdonError):
    """Guerdon answered no. ``problem`` is all it said; its parts are attributes here too."""

    def __init__(self, problem: Problem) -> None:
        told = "".join(f" {error.pointer} {error.detail}." for error in problem.errors)
        super().__init__(f"{problem.code}: {problem.detail}{told}")
        self.problem = problem

    @property
    def code(self) -> str:
        """The stable name, such as ``insufficient-tokens``."""
        return self.problem.code

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status

    @property
    def detail(self) -> str:
        """A sentence for people."""
        return self.problem.detail

    @property
    def request_id(self) -> str | None:
        """What the server's log calls this request."""
        return self.problem.request_id

    @property
    def errors(self) -> tuple[FieldError, ...]:
        """Each field that does not fit."""
        return self.problem.errors

    @property
    def facts(self) -> Mapping[str, Any]:
        """The members that only this code has, by their names on the wire."""
        return self.problem.facts

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait before it is worth asking again."""
        return self.problem.retry_after


class BadRequest(Refused):
    """The request itself is at fault."""


class InvalidRequest(BadRequest):
    """Something is missing, unknown, out of range or of the wrong type: see ``errors``."""


class KeyReused(BadRequest):
    """The Idempotency-Key came before with another body."""


class WebhookIdReused(BadRequest):
    """The webhook-id came before with another body."""


class NotAllowed(Refused):
    """Who asks may not."""


class Unauthenticated(NotAllowed):
    """The key is missing, unknown or revoked; a callback's signature is wrong."""


class NotPermitted(NotAllowed):
    """The key lacks a scope. Facts: ``scope``."""


class NotFound(Refused):
    """Nothing is there, or not for this key."""


class MemberNotFound(NotFound):
    """No such member."""


class OptionNotFound(NotFound):
    """No such option."""


class TransactionNotFound(NotFound):
    """No such transaction."""


class Conflict(Refused):
    """The state of things stands against it."""


class InsufficientTokens(Conflict):
    """More tokens are needed than are available. Facts: ``available``, ``required``."""


class OptionUnavailable(Conflict):
    """The option is disabled, archived, or outside its window."""


class LimitReached(Conflict):
    """A limit of the option is used up."""


class NotEligible(Conflict):
    """The member is not in the option's audience."""


class MemberFrozen(Conflict):
    """The member is frozen."""


class PriceChanged(Conflict):
    """The price is not the one expected. Facts: ``price`` or ``currencyAmount``, as it is now."""


class AlreadyFinal(Conflict):
    """A callback contradicts what was concluded. Facts: ``currentStatus``, ``closedAt``."""


class Sending(Conflict):
    """An operator must wait: the provider may still decide."""


class NotOpen(Conflict):
    """An operator came too late. Facts: ``currentStatus``, ``closedAt``, ``closedBy``."""


class NotOffered(Conflict):
    """The case of such a transaction cannot be closed so. Facts: ``choices``."""


class NotIdempotent(Conflict):
    """The provider does not tell repeated messages apart: nothing is sent to it again."""


class SecondPersonRequired(Conflict):
    """From a price on two people decide, in the console. Facts: ``secondPersonFrom``."""


class OpenTransactions(Conflict):
    """A member with held tokens cannot be erased. Facts: ``held``."""


class PreconditionFailed(Conflict):
    """Somebody else changed it meanwhile. Facts: ``version``."""


class Unavailable(Refused):
    """Not now; ``retry_after`` says when."""


class ProviderUnavailable(Unavailable):
    """The option's provider is paused or down. No tokens were taken."""


class TooManyRequests(Unavailable):
    """Too much came at once; this request was not looked at."""


class Unreachable(GuerdonError):
    """No connection could be made. Nothing was sent, so nothing happened."""


class AnswerLost(GuerdonError):
    """It was sent and no whole answer came: it may have happened, or not."""


class UnexpectedAnswer(GuerdonError):
    """Something answered, but not as Guerdon does: another server, or a release not known here."""


class NotAuthentic(GuerdonError):
    """A message is not signed with our secret, not whole, or more than five minutes off."""


BY_CODE: Mapping[str, type[Refused]] = {
    "invalid-request": InvalidRequest,
    "idempotency-key-reused": KeyReused,
    "webhook-id-reused": WebhookIdReused,
    "unauthenticated": Unauthenticated,
    "not-permitted": NotPermitted,
    "member-not-found": MemberNotFound,
    "option-not-found": OptionNotFound,
    "transaction-not-found": TransactionNotFound,
    "insufficient-tokens": InsufficientTokens,
    "option-unavailable": OptionUnavailable,
    "limit-reached": LimitReached,
    "not-eligible": NotEligible,
    "member-frozen": MemberFrozen,
    "price-changed": PriceChanged,
    "already-final": AlreadyFinal,
    "sending": Sending,
    "not-open": NotOpen,
    "not-offered": NotOffered,
    "not-idempotent": NotIdempotent,
    "second-person-required": SecondPersonRequired,
    "open-transactions": OpenTransactions,
    "precondition-failed": PreconditionFailed,
    "provider-unavailable": ProviderUnavailable,
    "too-many-requests": TooManyRequests,
}
"""Codes with a class of their own; the others, and those of later releases, go by status."""

BY_STATUS: Mapping[int, type[Refused]] = {
    400: BadRequest,
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    405: BadRequest,
    409: Conflict,
    410: NotFound,
    412: Conflict,
    413: BadRequest,
    415: BadRequest,
    422: BadRequest,
    429: TooManyRequests,
    503: Unavailable,
}


def refusal(problem: Problem) -> Refused:
    """The error for a problem document: by its code, else by its status."""
    kind = BY_CODE.get(problem.code) or BY_STATUS.get(problem.status, Refused)
    return kind(problem)
