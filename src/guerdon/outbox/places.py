"""How much may be on the wire to each provider at once, and how fast: this process's share.

The accepting batch takes a place before it decides that a message is born sending; the attempt's
end gives it back. All in memory, all on one event loop: no lock.
"""

from collections.abc import Callable
from uuid import UUID

from guerdon import clock
from guerdon.outbox.message import Departure


class _Provider:
    __slots__ = ("allowance", "in_flight", "refilled_at")

    def __init__(self, now: float) -> None:
        self.in_flight = 0
        self.allowance = 1.0
        self.refilled_at = now


class Places:
    """In-flight places and a token bucket for each provider.

    ``strays`` were to depart from memory, and the commit that leased them to this process had no
    answer: they may be stored, and were not sent. ``processes`` is how many processes share the
    limits; the heartbeat keeps it current.
    """

    def __init__(self, monotonic: Callable[[], float] = clock.monotonic) -> None:
        self._monotonic = monotonic
        self._providers: dict[UUID, _Provider] = {}
        self.strays: list[Departure] = []
        self.processes = 1

    def take(self, provider_id: UUID, max_in_flight: int, rate_per_second: int | None) -> bool:
        """Takes a place, if one is free and the rate allows it."""
        now = self._monotonic()
        provider = self._providers.get(provider_id)
        if provider is None:
            provider = self._providers[provider_id] = _Provider(now)
        if provider.in_flight >= max(1, max_in_flight // self.processes):
            return False
        if rate_per_second is not None:
            share = rate_per_second / self.processes
            gained = (now - provider.refilled_at) * share
            provider.allowance = min(max(1.0, share), provider.allowance + gained)
            provider.refilled_at = now
            if provider.allowance < 1.0:
                return False
            provider.allowance -= 1.0
        provider.in_flight += 1
        return True

    def give_back(self, provider_id: UUID) -> None:
        """An attempt ended, or what the place was taken for did not come to be."""
        self._providers[provider_id].in_flight -= 1

    def in_flight(self, provider_id: UUID) -> int:
        """How many attempts this process has on the wire to a provider."""
        provider = self._providers.get(provider_id)
        return 0 if provider is None else provider.in_flight
