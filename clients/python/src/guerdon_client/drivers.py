"""The two ways of carrying an exchange out. Nothing else here knows which one it is in."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from guerdon_client.calls import Call
from guerdon_client.exchange import Exchange, Outcome, Retries, Send, Wait, exchange
from guerdon_client.reading import Page
from guerdon_client.version import __version__

T = TypeVar("T")
# Shorter than servers keep an idle connection, so that it does not close as a request sets out.
_KEPT_SECONDS = 3.0
_LIMITS = httpx.Limits(max_connections=100, keepalive_expiry=_KEPT_SECONDS)


@dataclass(frozen=True, slots=True)
class Settings:
    """Where requests go and how. ``timeout``: seconds without progress in one of them."""

    url: str
    headers: Mapping[str, str]
    timeout: float
    retries: Retries

    def __post_init__(self) -> None:
        parsed = httpx.URL(self.url)
        if parsed.scheme not in ("http", "https") or not parsed.host or parsed.query:
            raise ValueError(f"{self.url!r} is no address of a Guerdon: https://, a host, a path")

    def options(self) -> dict[str, Any]:
        """What httpx is told, in either kind."""
        return {
            "base_url": self.url,
            "headers": {"User-Agent": f"guerdon-client/{__version__}", **self.headers},
            "timeout": self.timeout,
            "limits": _LIMITS,
        }


class Blocking:
    """Waits for each answer. Its http client may be used from several threads."""

    def __init__(self, settings: Settings, transport: httpx.BaseTransport | None) -> None:
        self._retries = settings.retries
        self.http = httpx.Client(transport=transport, **settings.options())

    def run(self, call: Call[T]) -> T:
        """Carries a call out."""
        steps: Exchange[T] = exchange(call, self._retries)
        outcome: Outcome = None
        try:
            while True:
                outcome = self._do(steps.send(outcome))
        except StopIteration as end:
            result: T = end.value
            return result

    def _do(self, step: Send | Wait) -> Outcome:
        if isinstance(step, Wait):
            time.sleep(step.seconds)
            return None
        try:
            return self.http.send(request_of(self.http, step.call))
        except httpx.RequestError as trouble:
            return trouble

    def each(self, call: Call[Page[T]]) -> Iterator[T]:
        """The items of a list, page after page."""
        page = self.run(call)
        yield from page.items
        while page.next_cursor is not None:
            page = self.run(call.at(page.next_cursor))
            yield from page.items


class Awaiting:
    """Lets others work while an answer is on its way."""

    def __init__(self, settings: Settings, transport: httpx.AsyncBaseTransport | None) -> None:
        self._retries = settings.retries
        self.http = httpx.AsyncClient(transport=transport, **settings.options())

    async def run(self, call: Call[T]) -> T:
        """Carries a call out."""
        steps: Exchange[T] = exchange(call, self._retries)
        outcome: Outcome = None
        try:
            while True:
                outcome = await self._do(steps.send(outcome))
        except StopIteration as end:
            result: T = end.value
            return result

    async def _do(self, step: Send | Wait) -> Outcome:
        if isinstance(step, Wait):
            await asyncio.sleep(step.seconds)
            return None
        try:
            return await self.http.send(request_of(self.http, step.call))
        except httpx.RequestError as trouble:
            return trouble

    async def each(self, call: Call[Page[T]]) -> AsyncIterator[T]:
        """The items of a list, page after page."""
        page = await self.run(call)
        for item in page.items:
            yield item
        while page.next_cursor is not None:
            page = await self.run(call.at(page.next_cursor))
            for item in page.items:
                yield item


def request_of(http: httpx.Client | httpx.AsyncClient, call: Call[Any]) -> httpx.Request:
    """A call as httpx sends it."""
    return http.build_request(
        call.method,
        call.path,
        params=call.query or None,
        content=call.content,
        headers=call.all_headers(),
    )
