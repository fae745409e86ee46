"""The messages that scenarios send: test messages, so that nobody's tokens or rewards move.

A test message may carry ``asks``: the answer that the scenario would like to see. Whoever does not
know the field answers as ever, and the scenarios that need it are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from guerdon import clock
from guerdon.providers import signing, wire
from guerdon.providers.client import Outbound

_NAMESPACE = "conformance"
_LOOKS_REAL = "redeem.static"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is known of the endpoint. ``realistic`` messages cannot be told from redemptions."""

    url: str
    dialect: str = "status-code"
    signing_secret: str | None = None
    authorization: str | None = None
    callback_url: str | None = None
    callback_secret: str | None = None
    secret_key: str | None = None
    timeout_seconds: float = 15
    patience_seconds: float = 60
    realistic: bool = False


def fields(plan: Plan, identifier: str, asks: str) -> dict[str, object]:
    """An ordinary message, about a digital or physical option."""
    sent = wire.test_body(_NAMESPACE, identifier, realistic=plan.realistic)
    made: dict[str, object] = msgspec.json.decode(sent)
    return made | {"email": "someone@example.com", "address": "1 Main Street"} | _asking(plan, asks)


def conversion(plan: Plan, identifier: str) -> dict[str, object]:
    """A message about a currency option: 400 tokens at 0.0125 are 5.00 EUR."""
    ordinary = fields(plan, identifier, "success")
    sent = wire.message_body(
        option_name=str(ordinary["redeemOptionName"]),
        namespace=_NAMESPACE,
        transaction_id=identifier,
        user_id=str(ordinary["userId"]),
        price=400,
        product_name="",
        address=None,
        email=None,
        currency="EUR",
        currency_amount=500,
        conversion_rate="0.0125",
    )
    made: dict[str, object] = msgspec.json.decode(sent)
    made["event"] = ordinary["event"]
    return made | _asking(plan, "success")


def _asking(plan: Plan, asks: str) -> dict[str, object]:
    return {} if plan.realistic else {"test": True, "asks": asks}


def encoded(message: Mapping[str, object]) -> bytes:
    """A message as Guerdon spells it."""
    return msgspec.json.encode(message)


def posted(
    plan: Plan,
    secret: str,
    identifier: str,
    body: bytes,
    *,
    sent_at: int | None = None,
    reuse: bool = False,
) -> Outbound:
    """The request that delivers a body, signed with ``secret`` as of ``sent_at``."""
    moment = clock.unix_seconds() if sent_at is None else sent_at
    headers = signing.sign([secret], identifier, moment, body)
    headers |= {"Content-Type": "application/json", "Idempotency-Key": f'"{identifier}"'}
    if plan.authorization is not None:
        headers["Authorization"] = plan.authorization
    return Outbound("POST", plan.url, headers, body, plan.timeout_seconds, reuse)
