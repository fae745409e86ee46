"""What attempts tell of a provider: when to pause it, when to open and close its breaker.

The state is in the database and shared; the window that opens a breaker is each process's own.
"""

from collections import deque
from uuid import UUID

import structlog

from guerdon import clock
from guerdon.db.pool import Database
from guerdon.delivery.directory import Directory
from guerdon.providers import store
from guerdon.providers.model import Provider
from guerdon.providers.outcomes import Judgement, Observation

WINDOW_SECONDS = 60.0
FEWEST_ATTEMPTS = 20
BAD_SHARE = 0.8
NOT_FOUND_IN_A_ROW = 5
_SLOW_DOWN_SECONDS = 1
_CONNECTION_LEVEL = frozenset({"connect", "dns", "tls", "timed-out"})
_log = structlog.get_logger("guerdon.health")


def is_bad(seen: Observation, judgement: Judgement) -> bool:
    """Connection-level N, time-outs and 5xx speak against a provider's being up; an answer that
    decides never does."""
    if judgement.evidence in "SPFR":
        return False
    if seen.trouble is not None:
        return seen.trouble in _CONNECTION_LEVEL
    return seen.status is not None and (seen.status >= 500 or not seen.whole)


class Health:
    """Draws the consequences of attempts for their provider."""

    def __init__(self, database: Database, directory: Directory) -> None:
        self._database = database
        self._directory = directory
        self._ended: dict[UUID, deque[tuple[float, bool]]] = {}
        # Where this process counted a 404 that the provider as remembered does not show yet.
        self._not_found: set[UUID] = set()

    async def note(self, provider: Provider, seen: Observation, judgement: Judgement) -> None:
        """One attempt ended."""
        bad = is_bad(seen, judgement)
        window = self._window(provider.provider_id)
        window.append((clock.monotonic(), bad))
        if judgement.alarm:
            _log.error("alarm", provider=provider.name, rule=judgement.rule)
        if judgement.pause_because is not None:
            await self._pause(provider, judgement.pause_because)
        await self._count_not_found(provider, seen.status == 404 and judgement.evidence == "R")
        if seen.status == 429:
            async with self._database.tx() as tx:
                seconds = judgement.retry_after or _SLOW_DOWN_SECONDS
                await store.slow_down(tx, provider.provider_id, seconds)
        if bad:
            await self._open_if_down(provider, window)
        elif provider.breaker == "open":
            await self._close(provider)

    def _window(self, provider_id: UUID) -> deque[tuple[float, bool]]:
        window = self._ended.setdefault(provider_id, deque(maxlen=1000))
        since = clock.monotonic() - WINDOW_SECONDS
        while window and window[0][0] < since:
            window.popleft()
        return window

    async def _pause(self, provider: Provider, because: str) -> None:
        async with self._database.tx() as tx:
            news = await store.pause_by_machine(tx, provider.provider_id, because)
        if news:
            _log.error("provider paused", provider=provider.name, because=because)
            self._directory.forget(provider.provider_id)

    async def _count_not_found(self, provider: Provider, not_found: bool) -> None:
        if not_found:
            self._not_found.add(provider.provider_id)
            async with self._database.tx() as tx:
                streak = await store.note_not_found(tx, provider.provider_id)
            if streak >= NOT_FOUND_IN_A_ROW:
                await self._pause(provider, f"The provider answered 404 {streak} times in a row.")
        elif provider.not_found_streak or provider.provider_id in self._not_found:
            self._not_found.discard(provider.provider_id)
            async with self._database.tx() as tx:
                await store.note_found(tx, provider.provider_id)

    async def _open_if_down(self, provider: Provider, window: deque[tuple[float, bool]]) -> None:
        if len(window) < FEWEST_ATTEMPTS or provider.breaker == "open":
            return
        if sum(bad for _, bad in window) < BAD_SHARE * len(window):
            return
        async with self._database.tx() as tx:
            news = await store.open_breaker(tx, provider.provider_id)
        if news:
            _log.error("breaker opened", provider=provider.name)
            self._directory.forget(provider.provider_id)

    async def _close(self, provider: Provider) -> None:
        async with self._database.tx() as tx:
            news = await store.close_breaker(tx, provider.provider_id)
        if news:
            _log.warning("breaker closed", provider=provider.name)
            self._ended.pop(provider.provider_id, None)
            self._directory.forget(provider.provider_id)
