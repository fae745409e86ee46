"""The provider that is built in: a server of each process that delivers, on the loopback.

It starts with the first message to it. What it is sent goes the way of every message, over HTTP,
and so does what it calls back: to a listener of this process that knows the callbacks alone, so
that nobody has to tell a process where the API is. It believes only what is signed as ours.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

import uvicorn
from aiohttp import web
from starlette.types import ASGIApp

from guerdon import clock
from guerdon.errors import GuerdonError
from guerdon.providers import sandbox, signing
from guerdon.providers.model import Provider
from guerdon.sandbox.receiver import Part, Receiver
from guerdon.web.serving import Server

_LATER_SECONDS = 2


class BuiltIn:
    """Both servers. ``provider`` loads one with its secrets; ``callbacks`` takes its news."""

    def __init__(self, provider: Callable[[UUID], Awaitable[Provider]], callbacks: ASGIApp) -> None:
        self._provider = provider
        self._callbacks = callbacks
        self._starting = asyncio.Lock()
        self._receiver: Receiver | None = None
        self._port = 0
        self._guerdon_url = ""
        self._server: Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def port(self) -> int:
        """Where it listens; it begins to if it does not yet."""
        async with self._starting:
            if self._receiver is None:
                self._listen_for_callbacks()
                receiver = Receiver(self._part, _LATER_SECONDS)
                self._port = await receiver.start(0)
                self._receiver = receiver
        return self._port

    async def close(self) -> None:
        """Stops, and forgets the callbacks it still owed."""
        if self._receiver is not None:
            await self._receiver.close()
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving

    def _listen_for_callbacks(self) -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        self._guerdon_url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        settings = uvicorn.Config(
            self._callbacks, log_config=None, access_log=False, lifespan="off", ws="none"
        )
        self._server = Server(settings)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listening]))

    async def _part(
        self, request: web.Request, raw: bytes, _fields: Mapping[str, object]
    ) -> Part | None:
        """The part of the provider in the path, if the request is signed with its secret."""
        named, _, behaviour = request.path.removeprefix("/").partition("/")
        try:
            provider = await self._provider(UUID(named))
        except (ValueError, GuerdonError):
            return None
        secrets = provider.secrets["signingSecret"]
        authentic = signing.verify(secrets, request.headers, raw, clock.unix_seconds())
        if authentic is None or not provider.test or behaviour not in sandbox.BEHAVIOURS:
            return None
        return Part(
            behaviour,
            self._guerdon_url,
            str(provider.provider_id),
            provider.secrets["callbackSecret"][0],
            provider.secrets["secretKey"][0],
        )
