"""The two clients: one waits, one is awaited. What they can do is written once, in their parts."""

from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

import httpx

from guerdon_client.calls import Call
from guerdon_client.cases import Cases
from guerdon_client.drivers import Awaiting, Blocking, Settings
from guerdon_client.endpoints import Driver
from guerdon_client.exchange import Retries
from guerdon_client.lifetimes import AsyncClosing, Closing
from guerdon_client.members import Members
from guerdon_client.options import Options
from guerdon_client.transactions import Redemptions, Transactions

T = TypeVar("T")


class Parts(Generic[Driver]):
    """What either client can do, by group."""

    def __init__(self, driver: Driver) -> None:
        self._driver: Driver = driver
        self.members: Members[Driver] = Members(driver)
        self.options: Options[Driver] = Options(driver)
        self.redemptions: Redemptions[Driver] = Redemptions(driver)
        self.transactions: Transactions[Driver] = Transactions(driver)
        self.cases: Cases[Driver] = Cases(driver)


class Client(Parts[Blocking], Closing):
    """Guerdon's API, waiting for each answer. May be shared by threads; close it, or use ``with``.

    ``url`` is where Guerdon is, with its base path. ``timeout``: seconds without progress after
    which a request is given up. ``transport`` replaces httpx's own (proxies, certificates).
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        timeout: float = 10.0,
        retries: Retries = Retries(),  # noqa: B008 - frozen
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        settings = Settings(url, _bearer(api_key), timeout, retries)
        super().__init__(Blocking(settings, transport))

    def send(self, call: Call[T]) -> T:
        """Carries out a call of your own, for a route that has no method here."""
        return self._driver.run(call)


class AsyncClient(Parts[Awaiting], AsyncClosing):
    """Guerdon's API, awaited. Its methods are those of ``Client``; use ``async with``."""

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        timeout: float = 10.0,
        retries: Retries = Retries(),  # noqa: B008 - frozen
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        settings = Settings(url, _bearer(api_key), timeout, retries)
        super().__init__(Awaiting(settings, transport))

    def send(self, call: Call[T]) -> Coroutine[Any, Any, T]:
        """Carries out a call of your own, for a route that has no method here."""
        return self._driver.run(call)


def _bearer(api_key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {api_key}"}
