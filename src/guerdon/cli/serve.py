"""``guerdon serve`` and ``guerdon deliver``."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated

import psycopg
import structlog
import uvicorn
import uvloop
from cyclopts import Parameter
from prometheus_client import start_http_server
from rich.console import Console

from guerdon import app, config, logs, metrics
from guerdon.app import Running
from guerdon.cli.database import (
    DEFAULT_DATA,
    Data,
    Place,
    Url,
    migrated,
    place,
    refuse_unsafe,
)
from guerdon.db.cluster import StartupError
from guerdon.providers import egress
from guerdon.web.connection import Connection
from guerdon.web.serving import Server

Unsafe = Annotated[
    bool,
    Parameter(
        name="--allow-unsafe-durability",
        negative=(),
        help="Run although the PostgreSQL may lose what it acknowledged.",
    ),
]
_WATCH_SECONDS = 0.2
_GRACE_SECONDS = 10
_log = structlog.get_logger("guerdon.serve")


def serve(
    *,
    data: Data = DEFAULT_DATA,
    database_url: Url = None,
    host: Annotated[str, Parameter(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="The port to listen on.")] = 8080,
    base_path: Annotated[str, Parameter(help="The path that a proxy passes on, if not /.")] = "/",
    delivery: Annotated[
        bool,
        Parameter(
            negative="--no-delivery", help="Deliver to providers here, or leave it to `deliver`."
        ),
    ] = True,
    metrics_listen: Annotated[
        str | None, Parameter(help="Where Prometheus may ask, such as 127.0.0.1:9090.")
    ] = None,
    allow_unsafe_durability: Unsafe = False,
) -> None:
    """Run everything: the API and delivery in one process, an embedded PostgreSQL in --data."""
    listening = listen(host, port)
    with place(data, database_url) as where:
        logs.configure(where.settings.log_level)
        _listen_for_prometheus(metrics_listen)
        uvloop.run(_serve(where, listening, base_path, delivery, allow_unsafe_durability))


def deliver(
    *,
    data: Data = DEFAULT_DATA,
    database_url: Url = None,
    metrics_listen: Annotated[
        str | None, Parameter(help="Where Prometheus may ask, such as 127.0.0.1:9091.")
    ] = None,
    allow_unsafe_durability: Unsafe = False,
) -> None:
    """Deliver to providers, and nothing else: beside `serve --no-delivery`."""
    with place(data, database_url) as where:
        logs.configure(where.settings.log_level)
        _listen_for_prometheus(metrics_listen)
        uvloop.run(_deliver(where, allow_unsafe_durability))


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, or a sentence that says what to do."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except (OSError, OverflowError) as trouble:
        listening.close()
        raise StartupError(
            f"Cannot listen on {host} port {port}: {trouble}. Stop what uses it, or "
            "choose another with --port."
        ) from trouble
    listening.set_inheritable(False)
    return listening


def _listen_for_prometheus(where: str | None) -> None:
    if where is None:
        return
    host, _, port = where.rpartition(":")
    if not port.isdigit():
        raise config.ConfigurationError("--metrics-listen must be such as 127.0.0.1:9090.")
    try:
        start_http_server(int(port), host or "127.0.0.1", metrics.REGISTRY)
    except (OSError, OverflowError) as trouble:
        raise StartupError(
            f"Cannot listen on {where} for Prometheus: {trouble}. Stop what uses it, or choose "
            "another with --metrics-listen."
        ) from trouble


@asynccontextmanager
async def at_work(
    where: Place, *, delivers: bool, base_path: str, allow_unsafe: bool
) -> AsyncIterator[Running]:
    """A migrated database, and Guerdon at work on it."""
    sealer, allowed = where.sealer(), allowed_networks(where.settings)
    openid = config.openid(where.settings)
    watching = asyncio.create_task(_watch(where))
    try:
        ready = await _made_ready(where, allow_unsafe)
        async with (
            ready.opened() as database,
            app.running(
                database,
                sealer,
                allowed,
                delivers=delivers,
                metrics_token=where.settings.metrics_token,
                base_path=base_path,
                environment=where.settings.environment,
                openid=openid,
            ) as running,
        ):
            yield running
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


def allowed_networks(settings: config.Settings) -> tuple[egress.Network, ...]:
    """Where providers may be although it is private; ``ConfigurationError`` if it is no list."""
    try:
        return egress.networks(settings.provider_allow)
    except ValueError as trouble:
        raise config.ConfigurationError(
            f"GUERDON_PROVIDER_ALLOW must list networks such as 10.1.0.0/16,fd00::/8: {trouble}."
        ) from trouble


async def _made_ready(where: Place, allow_unsafe: bool) -> Place:
    """A migrated place; a server that we joined may end meanwhile, and is then taken over."""
    while True:
        joined = where.server is not None and not where.server.owns_server
        try:
            ready, ran = await migrated(where)
            await refuse_unsafe(where.service, allowed=allow_unsafe)
        except psycopg.OperationalError as trouble:
            if not joined:
                raise
            _log.warning("the server that was joined ended", error=str(trouble))
            await asyncio.sleep(_WATCH_SECONDS)
        else:
            for name in ran:
                _log.info("migrated", migration=name)
            return ready


async def _watch(where: Place) -> None:
    """Starts our PostgreSQL again if it died."""
    while where.server is not None:
        await asyncio.sleep(_WATCH_SECONDS)
        try:
            done = await where.server.revive()
            if done == "started again":
                _log.error("postgresql had died and was started again")
            elif done == "taken over":
                _log.warning("the process that ran postgresql ended; this one runs it now")
        except (StartupError, psycopg.Error) as trouble:
            _log.error("postgresql does not start", error=str(trouble))


async def serve_web(running: Running, listening: socket.socket) -> None:
    """Answers requests until a signal says to stop."""
    settings = uvicorn.Config(
        running.web,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        http=Connection,
    )
    server = Server(settings)

    def stop() -> None:
        running.end_streams()
        server.should_exit = True
        # The first signal asks for an orderly end; a second one ends at once.
        asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    await server.serve(sockets=[listening])


async def _serve(
    where: Place, listening: socket.socket, base_path: str, delivers: bool, allow_unsafe: bool
) -> None:
    async with at_work(
        where, delivers=delivers, base_path=base_path, allow_unsafe=allow_unsafe
    ) as running:
        host, port = listening.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        where_it_is = f"Guerdon answers on http://{shown}:{port}{base_path}"
        Console(stderr=True).print(where_it_is, markup=False, highlight=False, soft_wrap=True)
        await serve_web(running, listening)


async def _deliver(where: Place, allow_unsafe: bool) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with at_work(where, delivers=True, base_path="/", allow_unsafe=allow_unsafe):
        Console(stderr=True).print("Guerdon delivers.")
        await stop.wait()
