"""A provider's receiving end, without input or output: who is believed, what came, what to answer.

``wsgi.py`` and ``asgi.py`` put it on the web. Nothing is remembered here: give each reward at most
once for a ``transaction_id``, and answer the same again when its message comes again.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias

from guerdon_client import signatures
from guerdon_client.errors import NotAuthentic
from guerdon_client.reading import Mismatch, parsed, shaped
from guerdon_client.signatures import Secrets
from guerdon_client.transactions import Status

LARGEST_MESSAGE = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyMessage:
    """What every message says. ``address`` and ``email`` are ``None`` where they are not known.

    ``test``: it asks for no real reward; answer as you would. ``fields`` is all of the JSON.
    """

    event: str
    redeem_option_name: str
    namespace: str
    transaction_id: str
    user_id: str
    address: str | None
    email: str | None
    test: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardMessage(AnyMessage):
    """About a physical or digital option. ``price`` is in tokens."""

    price: int
    product_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencyMessage(AnyMessage):
    """About a currency option: ``currency_amount`` in hundredths, for ``token_amount`` tokens."""

    token_amount: int
    currency: str
    currency_amount: int
    conversion_rate: Decimal


Message: TypeAlias = RewardMessage | CurrencyMessage


@dataclass(frozen=True, slots=True)
class Decision:
    """What to answer. ``message`` (up to 500 characters) and ``reference`` (128) are for people."""

    status: Status
    message: str | None = None
    reference: str | None = None

    @classmethod
    def success(cls, *, reference: str | None = None, message: str | None = None) -> "Decision":
        """The reward was given: the tokens are captured."""
        return cls("success", message, reference)

    @classmethod
    def failure(cls, message: str | None = None) -> "Decision":
        """The reward was not given and will not be: the tokens go back."""
        return cls("failure", message)

    @classmethod
    def postponed(cls, message: str | None = None) -> "Decision":
        """Later, by callback: the tokens stay held."""
        return cls("postponed", message)

    @classmethod
    def recoverable_failure(cls, message: str | None = None) -> "Decision":
        """Nobody knows: the tokens stay held until a person decides."""
        return cls("recoverable-failure", message)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, whose body is JSON."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reception:
    """Who is believed: whoever signs with one of ``secrets`` and sends ``authorization``, if set.

    ``ValueError`` for secrets that are none.
    """

    secrets: Secrets
    authorization: str | None = None

    def __post_init__(self) -> None:
        signatures.keys_of(self.secrets)

    def take(self, method: str, headers: Mapping[str, str], body: bytes) -> Message | Answer:
        """The message of a request, or the answer that refuses it; ``headers`` in lower case."""
        if method != "POST":
            return _refusal(405, "Messages are posted.", {"Allow": "POST"})
        if len(body) > LARGEST_MESSAGE:
            return _refusal(413, f"A message has at most {LARGEST_MESSAGE} bytes.")
        if not self._is_authorized(headers.get("authorization", "")):
            return _refusal(401, "The Authorization value is not the one agreed on.")
        try:
            signatures.verify(self.secrets, headers, body)
            return message_of(body)
        except NotAuthentic as trouble:
            return _refusal(401, str(trouble))
        except ValueError as trouble:
            return _refusal(400, f"This is no message of Guerdon's: {trouble}.")

    def _is_authorized(self, given: str) -> bool:
        asked = self.authorization
        return asked is None or hmac.compare_digest(given.encode(), asked.encode())


def message_of(body: bytes) -> Message:
    """The message in a body that was verified. ``ValueError`` for what is none."""
    told = parsed(body)
    if not isinstance(told, dict):
        raise Mismatch("it is no JSON object")
    whole = {**told, "fields": told}
    if "tokenAmount" in told:
        return shaped(CurrencyMessage, whole)
    return shaped(RewardMessage, whole)


def answer(decision: Decision) -> Answer:
    """A decision as it is answered: 200, and JSON that both dialects understand."""
    said = {
        "status": decision.status,
        "message": decision.message,
        "reference": decision.reference,
    }
    return Answer(200, _json({name: value for name, value in said.items() if value is not None}))


def _refusal(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, _json({"detail": detail}), headers or {})


def _json(fields: Mapping[str, str]) -> bytes:
    return json.dumps(fields).encode()
