"""A reward provider that answers when the scenario says so, over real HTTP."""

import asyncio
import json
from collections import defaultdict
from typing import Any

from aiohttp import web


class Exchange:
    """One message that arrived, and the answer it waits for."""

    def __init__(self, body: dict[str, Any], request: web.Request) -> None:
        self.body = body
        self._request = request
        self._answer: asyncio.Future[web.Response] = asyncio.get_running_loop().create_future()

    async def answer(self) -> web.Response:
        return await self._answer

    def give(self, said: str) -> None:
        """``200``, any other code, or one of the four statuses as the body of a 200.

        ``silence`` says nothing at all; ``cut`` ends the connection in mid-answer.
        """
        if said == "silence":
            return
        if said == "cut":
            assert self._request.transport is not None
            self._request.transport.abort()
        elif said.isdigit():
            self._answer.set_result(web.Response(status=int(said)))
        else:
            self._answer.set_result(web.json_response({"status": said}))


class Provider:
    """The server. Every message is kept, by its transaction; ``always`` is given at once."""

    def __init__(self, always: str | None = None) -> None:
        self.url = ""
        self._always = always
        self._arrived: dict[str, list[Exchange]] = defaultdict(list)
        self._news = asyncio.Condition()
        application = web.Application()
        application.router.add_post("/", self._receive)
        self._runner = web.AppRunner(
            application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1
        )

    async def start(self) -> None:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/"

    async def close(self) -> None:
        """Whatever still waits for an answer never gets one."""
        await self._runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        exchange = Exchange(json.loads(await request.read()), request)
        async with self._news:
            self._arrived[exchange.body["transactionId"]].append(exchange)
            self._news.notify_all()
        if self._always is not None:
            exchange.give(self._always)
        return await exchange.answer()

    async def message(self, transaction_id: str, number: int) -> Exchange:
        """The ``number``-th message about a transaction, once it is there."""
        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(lambda: len(self._arrived[transaction_id]) >= number)
        return self._arrived[transaction_id][number - 1]

    def count(self, transaction_id: str) -> int:
        """How many messages came about a transaction."""
        return len(self._arrived[transaction_id])
