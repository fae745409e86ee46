"""Member tokens: JWTs that a host signs for its member, checked against its registered public keys.

The algorithm is the key's, never the token's word for it, and only public keys are registered: a
token cannot talk us into another kind of check. Everything wrong is one kind of refusal.
"""

import base64
import binascii
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey

from guerdon import strict_json
from guerdon.errors import MalformedRequest, Unauthenticated

LONGEST_LIFE_SECONDS = 24 * 3600
SKEW_SECONDS = 30
_LARGEST = 8 * 1024
_KEY_TYPES: dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {
    "RS256": RSAKey,
    "ES256": ECKey,
    "EdDSA": OKPKey,
}


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that tokens of a namespace may be signed with, in PEM."""

    algorithm: str
    kid: str | None
    pem: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What a namespace asks of its tokens; ``None`` is not looked at."""

    issuer: str | None
    audience: str | None


@dataclass(frozen=True, slots=True)
class Unverified:
    """A token taken apart. Nothing it says is to be believed yet."""

    text: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @property
    def namespace(self) -> str | None:
        """Which namespace it claims to be for."""
        named = self.claims.get("ns")
        return named if isinstance(named, str) else None


def take_apart(text: str) -> Unverified:
    """The parts of a token, or ``Unauthenticated`` for what is none."""
    parts = text.split(".")
    if len(text) > _LARGEST or len(parts) != 3:
        raise Unauthenticated("This is not a member token.")
    header, claims = _decoded(parts[0]), _decoded(parts[1])
    return Unverified(text, header, claims)


def _decoded(part: str) -> dict[str, Any]:
    try:
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        value = strict_json.parse(raw)
    except (binascii.Error, ValueError, MalformedRequest) as trouble:
        raise Unauthenticated("This is not a member token.") from trouble
    if not isinstance(value, dict):
        raise Unauthenticated("This is not a member token.")
    return value


def subject(token: Unverified, keys: Sequence[PublicKey], terms: Terms, now: int) -> str:
    """Whom a genuine token speaks for: its ``sub``. Raises ``Unauthenticated``.

    ``keys`` are those of its namespace that are not disabled; ``now`` is in seconds since 1970.
    """
    if not any(_signed_with(token, key) for key in keys):
        raise Unauthenticated("No registered key of this namespace signed this token.")
    _check_times(token.claims, now)
    if terms.issuer is not None and token.claims.get("iss") != terms.issuer:
        raise Unauthenticated("The token's iss is not this namespace's issuer.")
    audience = token.claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if terms.audience is not None and terms.audience not in audiences:
        raise Unauthenticated("The token's aud is not this namespace's audience.")
    user_id = token.claims.get("sub")
    if not isinstance(user_id, str):
        raise Unauthenticated("The token has no sub.")
    return user_id


def _signed_with(token: Unverified, key: PublicKey) -> bool:
    kid = token.header.get("kid")
    if token.header.get("alg") != key.algorithm or (kid is not None and key.kid not in (None, kid)):
        return False
    try:
        public = _KEY_TYPES[key.algorithm].import_key(key.pem)
        with warnings.catch_warnings():
            # The library would rather see Ed25519 for EdDSA; hosts' libraries write EdDSA.
            warnings.simplefilter("ignore", SecurityWarning)
            jws.deserialize_compact(token.text, public, algorithms=[key.algorithm])
    except (JoseError, ValueError):
        return False
    return True


def _check_times(claims: Mapping[str, Any], now: int) -> None:
    expires = _moment(claims, "exp")
    if expires is None:
        raise Unauthenticated("The token has no exp.")
    if now > expires + SKEW_SECONDS:
        raise Unauthenticated("The token has expired.")
    issued = _moment(claims, "iat")
    begins = now if issued is None else issued
    if expires - begins > LONGEST_LIFE_SECONDS + SKEW_SECONDS:
        raise Unauthenticated("A token may live at most 24 hours.")
    for start in (issued, _moment(claims, "nbf")):
        if start is not None and start > now + SKEW_SECONDS:
            raise Unauthenticated("The token is not valid yet.")


def _moment(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unauthenticated(f"The token's {name} is not a number.")
    return value
