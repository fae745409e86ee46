"""Standard Webhooks 1.0: signatures on what goes out, verification of what comes in.

The signature is HMAC-SHA-256 over ``id.timestamp.body``, base64, as ``v1,<signature>``; several,
separated by spaces, while a secret is being rotated.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping

from guerdon import ids

TOLERANCE_SECONDS = 300
_PREFIX = "whsec_"


def new_secret() -> str:
    """A fresh secret, ``whsec_`` and 32 random bytes in base64."""
    return _PREFIX + base64.b64encode(ids.secret_bytes(32)).decode()


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(_PREFIX))


def _signature(secret: str, webhook_id: str, timestamp: int, body: bytes) -> str:
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.digest(_key(secret), signed, "sha256")).decode()


def sign(secrets: Iterable[str], webhook_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers, signed with each of ``secrets`` (the current one first)."""
    signatures = " ".join(
        f"v1,{_signature(secret, webhook_id, timestamp, body)}" for secret in secrets
    )
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signatures,
    }


def verify(secrets: Iterable[str], headers: Mapping[str, str], body: bytes, now: int) -> str | None:
    """The ``webhook-id`` of an authentic message, or ``None``. Hostile input never raises."""
    found = signed(secrets, headers, body)
    return None if found is None or abs(now - found[1]) > TOLERANCE_SECONDS else found[0]


def signed(
    secrets: Iterable[str], headers: Mapping[str, str], body: bytes
) -> tuple[str, int] | None:
    """The ``webhook-id`` and the time of a message whose signature is right, however old it is.

    Every secret is tried against every signature, in constant time each.
    """
    webhook_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not (0 < len(webhook_id) <= 255 and webhook_id.isprintable()):
        return None
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return None
    given = [
        _decoded(part.removeprefix("v1,"))
        for part in headers.get("webhook-signature", "")[:4096].split(" ")
        if part.startswith("v1,")
    ]
    authentic = False
    for secret in secrets:
        expected = _decoded(_signature(secret, webhook_id, int(timestamp), body))
        for signature in given:
            authentic |= hmac.compare_digest(expected, signature)
    return (webhook_id, int(timestamp)) if authentic and given else None


def _decoded(signature: str) -> bytes:
    try:
        return base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return b""


def same_secret(given: str, secrets: Iterable[str]) -> bool:
    """Whether ``given`` is one of ``secrets``; each is compared in constant time."""
    same = False
    for secret in secrets:
        same |= hmac.compare_digest(given.encode(), secret.encode())
    return same
