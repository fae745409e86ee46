"""What routes answer, for the document: the shapes of JSON that stand nowhere else as a type."""

from typing import Any, Literal, NotRequired, TypedDict
from uuid import UUID

from guerdon.providers.model import View as ProviderView


class MemberAnswer(TypedDict):
    """A member; ``balance`` includes held tokens, ``available`` does not."""

    userId: str
    email: str | None
    address: str | None
    attributes: dict[str, Any]
    frozen: bool
    balance: int
    available: int
    tokensRedeemed: int
    createdAt: str


class StatementItem(TypedDict):
    """One posting, with what it left."""

    postingId: str
    movement: str
    amount: int
    availableChange: int
    heldChange: int
    balance: int
    available: int
    at: str
    transactionId: str | None
    reason: str | None


class CaseAnswer(TypedDict):
    """What people look at again, and how it was closed, if it was."""

    transactionId: str
    openedAt: str
    complainedAt: str | None
    contradictedAt: str | None
    closedAt: str | None
    closedBy: str | None
    choice: Literal["leave", "grant", "charge"] | None


class RateAnswer(TypedDict):
    """Units of a currency for one token, spelt as it was set."""

    currency: str
    rate: str


class TranslationAnswer(TypedDict, total=False):
    """Texts of an option in one language; what is not there is read as the option's own."""

    title: str
    description: str
    details: str
    blockedMessage: str
    usedUpMessage: str


class OptionAnswer(TypedDict):
    """An option: with a ``price``, or, for currency options, a range and rates."""

    name: str
    type: Literal["physical", "digital", "currency"]
    title: str
    description: str
    image: str | None
    details: str
    language: str | None
    translations: dict[str, TranslationAnswer]
    group: str | None
    order: int
    enabled: bool
    providerId: str
    price: NotRequired[int]
    minTokens: NotRequired[int]
    maxTokens: NotRequired[int]
    rates: NotRequired[list[RateAnswer]]
    collectEmail: bool
    collectAddress: bool
    sendEmail: bool
    sendAddress: bool
    limits: dict[str, Any]
    window: dict[str, Any] | None
    audience: list[list[dict[str, Any]]]
    showWhenBlocked: bool
    blockedMessage: str | None
    showWhenUsedUp: bool
    usedUpMessage: str | None
    postponedDeadlineHours: int | None
    confirmationDeadlineHours: int
    onCompletionRedirect: str | None
    version: int
    archived: bool
    timesUsed: int
    timesLeft: int | None


class ProviderMade(ProviderView, rename="camel"):
    """A provider with its secrets: shown this once."""

    secret_key: str
    signing_secret: str
    callback_secret: str


class Rotated(TypedDict):
    """A fresh secret, shown this once."""

    secret: str
    previousValidUntil: str


class Tested(TypedDict):
    """What a test message came to."""

    request: Any
    durationMs: int
    status: int | None
    reply: str
    verdict: str
    rule: str
    meaning: str
    wouldBecome: str
    warning: str | None


class LimitsAnswer(TypedDict):
    """Requests a minute: of each API key (``null``: as many as it likes), of each member."""

    apiKeyPerMinute: int | None
    memberPerMinute: int


class NamespaceAnswer(TypedDict):
    """A namespace's settings."""

    namespace: str
    tokenIssuer: str | None
    tokenAudience: str | None
    allowedOrigins: list[str]
    limits: LimitsAnswer
    test: bool
    version: int
    createdAt: str


class AdvancedAnswer(TypedDict):
    """By how much time went on, and how much came nearer by it."""

    seconds: int
    messages: int
    transactions: int
    providers: int


class WipedAnswer(TypedDict):
    """How much is gone."""

    members: int
    transactions: int


class MemberKeyAnswer(TypedDict):
    """A public key of member tokens."""

    id: str
    kid: str | None
    algorithm: str
    publicKey: str
    label: str
    disabled: bool
    createdAt: str


class CallbackAnswer(TypedDict):
    """How a transaction stands after a provider's news; ``applied``: the news moved it."""

    transactionId: UUID
    status: str
    applied: bool
