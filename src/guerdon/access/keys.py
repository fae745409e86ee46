"""API keys: how they look, how they are recognised.

A key is ``gk_`` and 32 random bytes; what is stored is its SHA-256, which suffices for a secret
that nobody chose. Recognised keys are remembered for a few seconds, so that the hot path asks the
database nothing; a revocation takes effect everywhere within that time.
"""

import base64
import hashlib

from guerdon import clock, ids
from guerdon.access import store
from guerdon.access.principal import Principal
from guerdon.db.pool import Database
from guerdon.errors import Unauthenticated

_PREFIX = "gk_"
REMEMBERED_SECONDS = 5.0
_MOST_REMEMBERED = 10_000


def new_key() -> str:
    """A fresh key, in the clear: shown once."""
    return _PREFIX + base64.urlsafe_b64encode(ids.secret_bytes(32)).decode().rstrip("=")


def hash_of(key: str) -> bytes:
    """What is stored of a key."""
    return hashlib.sha256(key.encode()).digest()


class KeyRing:
    """Recognises API keys."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[bytes, tuple[float, Principal]] = {}

    async def recognise(self, key: str) -> Principal:
        """The holder of ``key``, or ``Unauthenticated``."""
        digest = hash_of(key)
        known = self._known.get(digest)
        now = clock.monotonic()
        if known is not None and now - known[0] < REMEMBERED_SECONDS:
            return known[1]
        self._known.pop(digest, None)
        if not key.startswith(_PREFIX):
            raise Unauthenticated("This is not an API key of this installation.")
        async with self._database.read() as tx:
            principal = await store.key_holder(tx, digest)
        if principal is None:
            raise Unauthenticated("This API key is unknown or was revoked.")
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[digest] = (now, principal)
        return principal
