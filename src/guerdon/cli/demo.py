"""``guerdon demo`` and ``guerdon provider fake``."""

import asyncio
import os
import socket
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import uvloop
from argon2 import PasswordHasher
from cyclopts import App, Parameter
from rich.console import Console

from guerdon import ids, logs
from guerdon.access import keys
from guerdon.access import store as access
from guerdon.access.principal import SCOPES
from guerdon.cli.database import Data, Place, place
from guerdon.cli.serve import at_work, listen, serve_web
from guerdon.config import ConfigurationError
from guerdon.db.pool import Database
from guerdon.demo.fake import FakeProvider
from guerdon.demo.show import show
from guerdon.providers.sandbox import BEHAVIOURS

OPERATOR = "demo@example.com"

provider = App(name="provider", help="A provider to try things with.")


def demo(
    *,
    data: Data = Path("demo-data"),
    port: Annotated[int, Parameter(help="The port of the API.")] = 8080,
    provider_port: Annotated[int, Parameter(help="The port of the demo's provider.")] = 8090,
    shop_port: Annotated[int, Parameter(help="The port of a site with the widget.")] = 8091,
) -> None:
    """Show Guerdon at work: a programme with members, options, a provider, live redemptions."""
    listening = listen("127.0.0.1", port)
    for other in (provider_port, shop_port):
        listen("127.0.0.1", other).close()
    with place(data, None) as where:
        logs.configure("warning", pretty=True)
        loopback = replace(where.settings, provider_allow="127.0.0.0/8", environment="demo")
        ports = (port, provider_port, shop_port)
        uvloop.run(_demo(replace(where, settings=loopback), listening, ports))


async def _demo(where: Place, listening: socket.socket, ports: tuple[int, int, int]) -> None:
    assert where.data is not None, "the demo has a data directory"
    async with at_work(where, delivers=True, base_path="/", allow_unsafe=False) as running:
        key = await _key(running.parts.database, where.data)
        password = await _password(running.parts.database, where.data)
        sign_in = (OPERATOR, password)
        shown = asyncio.create_task(
            show(f"http://127.0.0.1:{ports[0]}", key, *ports[1:], _short(where.data), sign_in)
        )
        web = asyncio.create_task(serve_web(running, listening))
        await asyncio.wait([shown, web], return_when=asyncio.FIRST_COMPLETED)
        if not web.done():  # the show failed, so there is nothing to see
            shown.result()
        shown.cancel()
        with suppress(asyncio.CancelledError):
            await shown


def _short(data: Path) -> Path:
    """The data directory as a person here would type it."""
    return Path(os.path.relpath(data))


async def _key(database: Database, data: Path) -> str:
    """The demo's key: made once for a data directory, and kept in it."""
    path = data / "demo.key"
    if path.exists():
        return path.read_text("ascii").strip()
    key = keys.new_key()
    async with database.tx() as tx:
        await access.ensure_namespace(tx, "1")
        await access.add_key(tx, "1", keys.hash_of(key), SCOPES, "demo")
    path.touch(mode=0o600)
    path.write_text(key + "\n", "ascii")
    return key


async def _password(database: Database, data: Path) -> str:
    """The password of the demo's operator: made once for a data directory, and kept in it."""
    path = data / "demo.password"
    if path.exists():
        return path.read_text("ascii").strip()
    password = ids.secret_bytes(8).hex()
    async with database.tx() as tx:
        await access.ensure_namespace(tx, "1")
        await access.add_operator(tx, "1", OPERATOR, "admin", PasswordHasher().hash(password))
    path.touch(mode=0o600)
    path.write_text(password + "\n", "ascii")
    return password


@provider.command
def fake(
    *,
    port: Annotated[int, Parameter(help="The port to listen on.")] = 8090,
    behaviour: Annotated[str, Parameter(help=f"How to answer: {', '.join(BEHAVIOURS)}.")] = "gives",
) -> None:
    """Run a provider that answers every message in the way you choose."""
    if behaviour not in BEHAVIOURS:
        raise ConfigurationError(f"--behaviour is one of {', '.join(BEHAVIOURS)}.")
    listen("127.0.0.1", port).close()
    logs.configure("info", pretty=True)
    Console(stderr=True).print(f"http://127.0.0.1:{port}: {BEHAVIOURS[behaviour]}")
    uvloop.run(_fake(port, behaviour))


async def _fake(port: int, behaviour: str) -> None:
    server = FakeProvider(port, default=behaviour)
    await server.start()
    try:
        await asyncio.Event().wait()
    finally:
        await server.close()
