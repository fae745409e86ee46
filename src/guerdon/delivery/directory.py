"""Providers as delivery needs them, remembered for a moment so that an attempt asks no database."""

from uuid import UUID

from guerdon import clock
from guerdon.db.pool import Database
from guerdon.errors import InvariantBroken
from guerdon.providers import store
from guerdon.providers.model import Provider
from guerdon.sealing import Sealer

# A change of settings or secrets reaches every process within this time.
_REMEMBERED_SECONDS = 2.0


class Directory:
    """Loads providers with their secrets in the clear."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer
        self._known: dict[UUID, tuple[float, Provider]] = {}

    async def provider(self, provider_id: UUID) -> Provider:
        """The provider as it stands, at most a moment old."""
        known = self._known.get(provider_id)
        if known is not None and clock.monotonic() - known[0] < _REMEMBERED_SECONDS:
            return known[1]
        async with self._database.read() as tx:
            provider = await store.load(tx, self._sealer, provider_id)
        if provider is None:
            raise InvariantBroken(f"A message is owed to provider {provider_id}, which is gone.")
        self._known[provider_id] = (clock.monotonic(), provider)
        return provider

    def forget(self, provider_id: UUID) -> None:
        """Its state just changed."""
        self._known.pop(provider_id, None)
