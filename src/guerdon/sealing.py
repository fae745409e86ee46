"""Secrets and personal replies at rest: AES-256-GCM, so that a dump does not reveal them.

    sealed = key ID (8 bytes) ‖ nonce (12) ‖ ciphertext and tag

``context`` names what is sealed and where it belongs; the same bytes do not open elsewhere.
"""

import hashlib
import hmac
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from guerdon import ids
from guerdon.errors import GuerdonError

_ID, _NONCE = 8, 12


class SealBroken(GuerdonError):
    """What was stored does not open: another key made it, or it was changed."""


def key_id(key: bytes) -> bytes:
    """The first 8 bytes of a hash of the key: tells keys apart, tells nothing about them."""
    return hashlib.blake2b(key, digest_size=_ID, person=b"guerdon-keyid").digest()


class Sealer:
    """Seals with ``keys[0]`` and opens with any of ``keys`` (32 bytes each).

    The last key is the oldest and is never dropped: keyed hashes are made with it, so that what
    was hashed before a rotation is recognised after it.
    """

    def __init__(self, *keys: bytes) -> None:
        self._ciphers: Mapping[bytes, AESGCM] = {key_id(key): AESGCM(key) for key in keys}
        self._current = key_id(keys[0])
        self._hash_key = hashlib.blake2b(keys[-1], digest_size=32, person=b"guerdon-hash").digest()

    def seal(self, plain: bytes, context: str) -> bytes:
        """The sealed form of ``plain``."""
        nonce = ids.secret_bytes(_NONCE)
        cipher = self._ciphers[self._current]
        return self._current + nonce + cipher.encrypt(nonce, plain, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """What was sealed; ``SealBroken`` if no key of ours opens it in this context."""
        cipher = self._ciphers.get(sealed[:_ID])
        if cipher is None:
            raise SealBroken(
                "A secret was sealed with another key. Start with the GUERDON_SECRET_KEY, or the "
                "secret.key, that this database was used with."
            )
        nonce = sealed[_ID : _ID + _NONCE]
        try:
            return cipher.decrypt(nonce, sealed[_ID + _NONCE :], context.encode())
        except (InvalidTag, ValueError) as trouble:
            raise SealBroken(
                "A sealed value was changed, or stands where it does not belong."
            ) from trouble

    def sealed_anew(self, sealed: bytes, context: str) -> bytes | None:
        """The same under the current key; ``None`` where it is that already."""
        if sealed[:_ID] == self._current:
            return None
        return self.seal(self.open(sealed, context), context)

    def keyed_hash(self, value: str) -> bytes:
        """16 bytes that only holders of the key can compute: to recognise what is not stored."""
        return hmac.digest(self._hash_key, value.encode(), "sha256")[:16]
