"""Everything Guerdon refuses or cannot do, by name.

    GuerdonError                  a code, a sentence, and facts for whoever reads it
    ├── Refusal                   the request was understood; the answer is no
    │   ├── NotFound …            what it names is not there (or is not the caller's to see)
    │   ├── Conflict …            the state of things stands against it
    │   └── Unavailable …         not now; try again later
    ├── BadRequest …              the request itself is at fault
    └── NotAllowed …              who asks may not

An error knows nothing of HTTP: ``web/problems.py`` holds the one table from code to status.
``code`` is stable and public (it ends the ``type`` of every problem document).
"""

from typing import ClassVar


class GuerdonError(Exception):
    """A refusal or failure with a stable ``code``, a plain ``detail`` and public ``facts``."""

    code: ClassVar[str] = "internal"

    def __init__(self, detail: str, **facts: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts = facts


class Refusal(GuerdonError):
    """The request was understood, and the answer is no."""


class NotFound(Refusal):
    code = "not-found"


class OptionNotFound(NotFound):
    code = "option-not-found"


class MemberNotFound(NotFound):
    code = "member-not-found"


class TransactionNotFound(NotFound):
    code = "transaction-not-found"


class MemberErased(Refusal):
    """A member token named a userId whose personal data was erased."""

    code = "member-erased"


class Conflict(Refusal):
    """The state of things stands against the request."""


class InsufficientTokens(Conflict):
    code = "insufficient-tokens"


class OptionUnavailable(Conflict):
    code = "option-unavailable"


class LimitReached(Conflict):
    code = "limit-reached"


class NotEligible(Conflict):
    code = "not-eligible"


class MemberFrozen(Conflict):
    code = "member-frozen"


class PriceChanged(Conflict):
    """Facts: ``price`` (tokens) or ``currencyAmount`` (minor units), as it is now."""

    code = "price-changed"


class ConformanceRequired(Conflict):
    """An option may not go live: its provider has not passed. Facts: ``providerId``."""

    code = "conformance-required"


class AlreadyFinal(Conflict):
    """News contradicts a closed transaction.

    Facts: ``currentStatus``, ``closedAt``, ``closedBy``.
    """

    code = "already-final"


class Sending(Conflict):
    """An operator must wait: the message is still being delivered."""

    code = "sending"


class NotOpen(Conflict):
    """An operator came too late: the transaction is closed, or its case."""

    code = "not-open"


class NotOffered(Conflict):
    """A case may not be closed in this way. Facts: ``choices``, those that it may."""

    code = "not-offered"


class SecondPersonRequired(Conflict):
    """One operator alone may not decide this. Facts: ``secondPersonFrom``, or ``askedBy``."""

    code = "second-person-required"


class NotIdempotent(Conflict):
    """The provider is not set to tell repeated messages apart: nothing is sent to it again."""

    code = "not-idempotent"


class OpenTransactions(Conflict):
    code = "open-transactions"


class LiveNamespace(Conflict):
    """What is for test namespaces was asked of a live one."""

    code = "live-namespace"


class PreconditionFailed(Refusal):
    """``If-Match`` names another version. Facts: ``version``."""

    code = "precondition-failed"


class Unavailable(Refusal):
    """Not now. Facts: ``retryAfter``, whole seconds."""

    code = "unavailable"


class ProviderUnavailable(Unavailable):
    code = "provider-unavailable"


class TooManyRequests(Unavailable):
    code = "too-many-requests"


class BadRequest(GuerdonError):
    """The request itself is at fault."""


class MalformedRequest(BadRequest):
    code = "malformed-request"


class InvalidRequest(BadRequest):
    """Facts: ``errors``, a list of ``{"pointer": "/field", "detail": "…"}``."""

    code = "invalid-request"


class IdempotencyKeyReused(BadRequest):
    code = "idempotency-key-reused"


class WebhookIdReused(BadRequest):
    """The same ``webhook-id`` came with another body."""

    code = "webhook-id-reused"


class TooLarge(BadRequest):
    code = "too-large"


class UnsupportedMediaType(BadRequest):
    code = "unsupported-media-type"


class MethodNotAllowed(BadRequest):
    code = "method-not-allowed"


class NotAllowed(GuerdonError):
    """Who asks may not."""


class Unauthenticated(NotAllowed):
    code = "unauthenticated"


class NotPermitted(NotAllowed):
    """Facts: ``scope``, the one that is missing."""

    code = "not-permitted"


class InvariantBroken(GuerdonError):
    """Something that cannot happen did. Nothing was written; a person must look."""
