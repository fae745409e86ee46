"""Member tokens: what a host signs, so that its member may use the widget.

Needs the extra: ``guerdon-client[tokens]``. A token is a JWT (RFC 7519) of a few claims, signed
with RS256, ES256 or EdDSA (RFC 7518, RFC 8037). docs/widget.md tells what Guerdon asks of one.
"""

import base64
import json
import time
from collections.abc import Mapping
from typing import TypeAlias

try:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
except ImportError as missing:
    raise ImportError(
        "Member tokens need the package cryptography: install 'guerdon-client[tokens]'."
    ) from missing

LONGEST_LIFE_SECONDS = 24 * 3600
PrivateKey: TypeAlias = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey
_COORDINATE_BYTES = 32


class TokenSigner:
    """Signs tokens for members of one namespace with one private key.

    ``private_key`` is PEM: RSA of 2048 bits or more (RS256), EC on P-256 (ES256) or Ed25519
    (EdDSA); ``password`` where it is encrypted. ``namespace`` may be left out while Guerdon has
    only one. ``kid`` where the registered key has one; ``issuer`` and ``audience`` where the
    namespace asks for them. Each token counts for ``lifetime`` seconds. ``ValueError`` for a key
    or lifetime that Guerdon would not take.
    """

    def __init__(
        self,
        private_key: str | bytes,
        namespace: str | None = None,
        *,
        kid: str | None = None,
        issuer: str | None = None,
        audience: str | None = None,
        lifetime: int = 900,
        password: bytes | None = None,
    ) -> None:
        if not 0 < lifetime <= LONGEST_LIFE_SECONDS:
            raise ValueError(f"A token lives for 1 to {LONGEST_LIFE_SECONDS} seconds.")
        pem = private_key.encode() if isinstance(private_key, str) else private_key
        self._key, self.algorithm = _known(load_pem_private_key(pem, password))
        self._header = _given({"alg": self.algorithm, "typ": "JWT", "kid": kid})
        self._claims = _given({"ns": namespace, "iss": issuer, "aud": audience})
        self._lifetime = lifetime

    def token(self, user_id: str, *, now: float | None = None) -> str:
        """A token that speaks for one member. ``now`` is in seconds since 1970."""
        issued = int(time.time() if now is None else now)
        times = {"iat": issued, "exp": issued + self._lifetime}
        claims = {"sub": user_id, **self._claims, **times}
        signed = f"{_encoded(_json(self._header))}.{_encoded(_json(claims))}"
        return f"{signed}.{_encoded(_signature(self._key, signed.encode()))}"


def _known(key: object) -> tuple[PrivateKey, str]:
    """The key and its algorithm, if it is one of the three."""
    if isinstance(key, RSAPrivateKey) and key.key_size >= 2048:
        return key, "RS256"
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key, "ES256"
    if isinstance(key, Ed25519PrivateKey):
        return key, "EdDSA"
    raise ValueError("The key is none of RSA (2048 bits or more), EC on P-256, Ed25519.")


def _signature(key: PrivateKey, signed: bytes) -> bytes:
    if isinstance(key, RSAPrivateKey):
        return key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(signed)
    # JWS wants the two numbers side by side (RFC 7518 section 3.4), not their DER.
    numbers = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
    return b"".join(number.to_bytes(_COORDINATE_BYTES) for number in numbers)


def _given(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
