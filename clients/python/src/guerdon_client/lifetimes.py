"""Opening and closing, for whatever has connections."""

from types import TracebackType
from typing import Self

from guerdon_client.drivers import Awaiting, Blocking


class Closing:
    """Closes its connections at the end of a ``with`` block, or when told."""

    _driver: Blocking

    def close(self) -> None:
        """Closes the connections."""
        self._driver.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncClosing:
    """Closes its connections at the end of an ``async with`` block, or when told."""

    _driver: Awaiting

    async def close(self) -> None:
        """Closes the connections."""
        await self._driver.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
