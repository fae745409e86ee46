"""Standard Webhooks 1.0: checking the messages that Guerdon signs, signing callbacks to it.

The signature is HMAC-SHA-256 over ``id.timestamp.body``, base64, as ``v1,<signature>``; several,
separated by spaces, while a secret is rotated.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac
import time
from collections.abc import Mapping, Sequence

from guerdon_client.errors import NotAuthentic

TOLERANCE_SECONDS = 300
Secrets = str | Sequence[str]


def keys_of(secrets: Secrets) -> tuple[bytes, ...]:
    """The keys in one secret or several, ``whsec_`` and base64. ``ValueError`` for none."""
    given = (secrets,) if isinstance(secrets, str) else tuple(secrets)
    try:
        keys = tuple(base64.b64decode(one.removeprefix("whsec_"), validate=True) for one in given)
    except (binascii.Error, ValueError):
        keys = ()
    # Which one is wrong is not said: an error may end in a log.
    if not keys or not all(keys):
        raise ValueError("A secret is whsec_ and base64.")
    return keys


def sign(
    secrets: Secrets, webhook_id: str, body: bytes, *, now: float | None = None
) -> dict[str, str]:
    """The three headers of a message. ``now`` is in seconds since 1970."""
    sent_at = str(int(time.time() if now is None else now))
    digests = (_digest(key, webhook_id, sent_at, body) for key in keys_of(secrets))
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": sent_at,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(d).decode()}" for d in digests),
    }


def verify(
    secrets: Secrets, headers: Mapping[str, str], body: bytes, *, now: float | None = None
) -> str:
    """The ``webhook-id`` of an authentic message: the transaction's ID. Raises ``NotAuthentic``.

    ``secrets`` are one or, while it is rotated, several. ``headers`` may be in any case; ``body``
    is as it came in, before any parser. Every secret is tried against every signature, each in
    constant time.
    """
    told = {name.lower(): value for name, value in headers.items()}
    webhook_id, sent_at = told.get("webhook-id", ""), told.get("webhook-timestamp", "")
    if not webhook_id or not (sent_at.isascii() and sent_at.isdigit() and len(sent_at) <= 12):
        raise NotAuthentic("It is not signed: webhook-id or webhook-timestamp is missing.")
    if abs((time.time() if now is None else now) - int(sent_at)) > TOLERANCE_SECONDS:
        raise NotAuthentic("It was signed more than five minutes ago, or ahead.")
    given = [
        _decoded(one.removeprefix("v1,"))
        for one in told.get("webhook-signature", "")[:4096].split(" ")
        if one.startswith("v1,")
    ]
    authentic = False
    for key in keys_of(secrets):
        right = _digest(key, webhook_id, sent_at, body)
        for signature in given:
            authentic |= hmac.compare_digest(right, signature)
    if not authentic:
        raise NotAuthentic("None of its signatures is one of ours.")
    return webhook_id


def _digest(key: bytes, webhook_id: str, sent_at: str, body: bytes) -> bytes:
    signed = f"{webhook_id}.{sent_at}.".encode("utf-8", "replace") + body
    return hmac.digest(key, signed, "sha256")


def _decoded(signature: str) -> bytes:
    try:
        return base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return b""
