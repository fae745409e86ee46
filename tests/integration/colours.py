"""Both kinds of the Python client behind one face, so that a test is written once for both."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from guerdon_client import AsyncCallbackSender, AsyncClient, CallbackSender, Client

KINDS = ("blocking", "awaiting")


class Colour:
    """A client of one kind. ``client`` is it, ``ask`` gets an answer of it."""

    def __init__(self, client: Any, kind: str) -> None:
        self.client = client
        self.kind = kind

    async def ask(self, question: Callable[[Any], Any]) -> Any:
        """The answer to what ``question`` asks the client."""
        if self.kind == "blocking":
            return await asyncio.to_thread(question, self.client)
        return await question(self.client)

    async def each(self, question: Callable[[Any], Any]) -> list[Any]:
        """All that an iteration brings."""
        if self.kind == "blocking":
            return await asyncio.to_thread(lambda: list(question(self.client)))
        return [one async for one in question(self.client)]


@asynccontextmanager
async def client(kind: str, url: str, api_key: str, **more: Any) -> AsyncIterator[Colour]:
    """A ``Client`` or an ``AsyncClient``."""
    if kind == "blocking":
        with Client(url, api_key, **more) as made:
            yield Colour(made, kind)
    else:
        async with AsyncClient(url, api_key, **more) as made:
            yield Colour(made, kind)


@asynccontextmanager
async def callbacks(kind: str, url: str, provider: dict[str, Any]) -> AsyncIterator[Colour]:
    """A ``CallbackSender`` or an ``AsyncCallbackSender`` of a provider."""
    said = (url, provider["id"], provider["callbackSecret"])
    if kind == "blocking":
        with CallbackSender(*said) as made:
            yield Colour(made, kind)
    else:
        async with AsyncCallbackSender(*said) as made:
            yield Colour(made, kind)
