"""What is done again and again beside the requests, until the process ends."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

import psycopg
import structlog

from guerdon.errors import GuerdonError

_log = structlog.get_logger("guerdon.rounds")


class Rounds(ABC):
    """One round after another. Each may end at any point and lose nothing: a database that is away
    is waited for, and a defect is told of and outlived."""

    #: What the rounds are of, in the log.
    of: str
    #: From the end of a round to the next.
    seconds = 1.0

    def __init__(self) -> None:
        self._stop = asyncio.Event()

    @property
    def stopping(self) -> bool:
        """Whether this round is the last, and should come to its end."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Ends :meth:`run` after its round."""
        self._stop.set()

    async def run(self) -> None:
        """Goes on until stopped."""
        while not self.stopping:
            await self._outlive(self.round)
            try:
                await asyncio.wait_for(self._stop.wait(), self.seconds)
            except TimeoutError:
                continue
        await self._outlive(self.leave)

    async def _outlive(self, step: Callable[[], Awaitable[None]]) -> None:
        try:
            await step()
        except (psycopg.OperationalError, GuerdonError) as trouble:
            _log.warning("round put off", of=self.of, error=str(trouble))
        except Exception:  # noqa: BLE001 - logged whole; the rounds must outlive one bad row
            _log.exception("round failed", of=self.of)

    @abstractmethod
    async def round(self) -> None:
        """Does what there is to do."""

    async def leave(self) -> None:  # noqa: B027 - most have nothing to do then
        """Does what remains once no round follows."""
