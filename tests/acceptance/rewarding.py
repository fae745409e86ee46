"""Providers built with the Python client: as WSGI on threads, as ASGI on uvicorn."""

import asyncio
import io
import socket
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import uvicorn

from guerdon_client import (
    ASGIReceiver,
    AsyncCallbackSender,
    CallbackSender,
    Decision,
    Message,
    WSGIReceiver,
)

FAILS, WAITS, BREAKS = "failure", "postponed", "breaks"


@dataclass
class Rewards:
    """Remembers each decision by its transaction. What a redemption gets, its userId says."""

    answers: dict[str, Decision] = field(default_factory=dict)
    given: Counter[str] = field(default_factory=Counter)
    url: str = ""
    # Where callbacks go: the client's arguments.
    calls_back: tuple[str, str, str] = ("http://127.0.0.1:9", "nobody", "whsec_eA==")

    def decide(self, message: Message) -> Decision:
        """The first time a decision, later the same one."""
        transaction_id = message.transaction_id
        if transaction_id not in self.answers:
            self.answers[transaction_id] = self._first(message)
        return self.answers[transaction_id]

    def _first(self, message: Message) -> Decision:
        asked = message.fields.get("asks", message.user_id)
        if asked == BREAKS:
            raise RuntimeError("on purpose")
        if asked == FAILS:
            return Decision.failure("Sold out")
        if asked == WAITS:
            return Decision.postponed()
        self.given[message.transaction_id] += 1
        return Decision.success(reference=f"V-{message.transaction_id}")


class _Threads(ThreadingMixIn, WSGIServer):
    """One thread a connection. Whoever hangs up is no news here."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def get_stderr(self) -> Any:
        return io.StringIO()  # what the application raised on purpose


@asynccontextmanager
async def served_on_threads(application: Any) -> AsyncIterator[str]:
    """A WSGI application on threads: its URL."""
    with make_server("127.0.0.1", 0, application, _Threads, _Quiet) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            await asyncio.to_thread(server.shutdown)
            await asyncio.to_thread(serving.join)


@asynccontextmanager
async def served_on_a_loop(application: Any) -> AsyncIterator[str]:
    """An ASGI application on uvicorn: its URL."""
    listening = socket.create_server(("127.0.0.1", 0))
    # Lifespan on: the receiver must answer it. At "critical", what it raised on purpose is silent.
    server = uvicorn.Server(uvicorn.Config(application, log_level="critical", lifespan="on"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def on_threads(secret: str, authorization: str | None) -> AsyncIterator[Rewards]:
    """A ``WSGIReceiver``; callbacks go out from threads of their own."""
    rewards, lock, calling = Rewards(), threading.Lock(), list[threading.Thread]()

    def call_back(transaction_id: str) -> None:
        with CallbackSender(*rewards.calls_back) as sender:
            sender.send(transaction_id, "success", reference=f"V-{transaction_id}")

    def give(message: Message) -> Decision:
        with lock:
            new = message.transaction_id not in rewards.answers
            decision = rewards.decide(message)
        if new and decision.status == WAITS:
            thread = threading.Thread(target=call_back, args=(message.transaction_id,))
            calling.append(thread)
            thread.start()
        return decision

    receiver = WSGIReceiver(secret, give, authorization=authorization)
    async with served_on_threads(receiver) as rewards.url:
        yield rewards
    for thread in calling:
        await asyncio.to_thread(thread.join)


@asynccontextmanager
async def on_a_loop(secret: str, authorization: str | None) -> AsyncIterator[Rewards]:
    """An ``ASGIReceiver``; callbacks go out as tasks."""
    rewards, calling = Rewards(), set[asyncio.Task[None]]()

    async def call_back(transaction_id: str) -> None:
        async with AsyncCallbackSender(*rewards.calls_back) as sender:
            await sender.send(transaction_id, "success", reference=f"V-{transaction_id}")

    async def give(message: Message) -> Decision:
        new = message.transaction_id not in rewards.answers
        decision = rewards.decide(message)
        if new and decision.status == WAITS:
            calling.add(asyncio.create_task(call_back(message.transaction_id)))
        return decision

    receiver = ASGIReceiver([secret], give, authorization=authorization)
    async with served_on_a_loop(receiver) as rewards.url:
        yield rewards
    await asyncio.gather(*calling)
