"""Real parts for every test: one PostgreSQL for the session, a fresh migrated database for each."""

import asyncio
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import aiohttp
import psycopg
import pytest
import uvicorn
from psycopg.conninfo import make_conninfo

from guerdon import app, ids
from guerdon.access import keys
from guerdon.access import store as access
from guerdon.app import Running
from guerdon.db.embedded import EmbeddedServer
from guerdon.db.migrate import SERVICE_ROLE, migrate
from guerdon.db.pool import Database
from guerdon.providers import egress
from guerdon.sealing import Sealer
from guerdon.web.connection import Connection

LOOPBACK = egress.networks("127.0.0.0/8,::1/128")
ALL_SCOPES = ["members", "options", "redeem", "read", "operate"]
# Each of several workers on one server has its own.
_MEMORY, _ROOM = Path("/dev/shm"), 4 * 1024**3
TEMPLATE = f"guerdon_template_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"


@pytest.fixture(scope="session")
def server_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the session's PostgreSQL is: in memory where there is room, for a database is hundreds
    of files, and each test has one of its own."""
    if not _MEMORY.is_dir() or shutil.disk_usage(_MEMORY).free < _ROOM:
        yield tmp_path_factory.mktemp("server")
        return
    with tempfile.TemporaryDirectory(dir=_MEMORY, prefix="guerdon-tests-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def server(server_folder: Path) -> Iterator[str]:
    """The conninfo of a superuser: of the embedded server, or of GUERDON_TEST_DATABASE_URL."""
    outside = os.environ.get("GUERDON_TEST_DATABASE_URL")
    if outside:
        _make_template(outside)
        yield outside
        return
    embedded = EmbeddedServer.open(server_folder)
    try:
        # What no test outlives need not reach the disk; those that pull plugs start their own.
        with psycopg.connect(embedded.superuser_url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        _make_template(embedded.superuser_url)
        yield embedded.superuser_url
    finally:
        embedded.close()


def _make_template(superuser: str) -> None:
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {TEMPLATE}")
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    asyncio.run(migrate(make_conninfo(superuser, dbname=TEMPLATE)))


@pytest.fixture
def database_url(server: str) -> Iterator[str]:
    """A superuser's conninfo of a fresh, migrated database."""
    name = f"test_{ids.random_id().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        # File by file is the quicker way where a checkpoint waits for no disk.
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy")
        try:
            yield make_conninfo(server, dbname=name)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A pool on a fresh database, with the rights of the service."""
    # The role at the session's start as well, for tests that speak SQL of their own.
    as_service = make_conninfo(database_url, options=f"-c role={SERVICE_ROLE}")
    opened = Database(as_service, role=SERVICE_ROLE)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(bytes(range(32)))


@pytest.fixture
async def guerdon(database: Database, sealer: Sealer) -> AsyncIterator[Running]:
    """Everything at work on a fresh database; providers may be on the loopback."""
    async with app.running(database, sealer, LOOPBACK, metrics_token="metrics") as running:
        yield running


async def make_key(
    database: Database, namespace: str, scopes: list[str], *, test: bool = False
) -> str:
    """An API key, in the clear; ``test``: of a test namespace."""
    key = keys.new_key()
    async with database.tx() as tx:
        await access.ensure_namespace(tx, namespace, test=test)
        await access.add_key(tx, namespace, keys.hash_of(key), scopes, "test")
    return key


@dataclass
class Answer:
    """What the API said."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Api:
    """The API over real HTTP, with one key."""

    def __init__(self, session: aiohttp.ClientSession, key: str) -> None:
        self._session = session
        self.key = key

    def with_key(self, key: str) -> "Api":
        """The same API with another key."""
        return Api(self._session, key)

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        data: bytes | BinaryIO | None = None,
    ) -> Answer:
        """One request; ``key`` is its Idempotency-Key, ``path`` is sent as it stands."""
        sent = {"Authorization": f"Bearer {self.key}", **(headers or {})}
        if key is not None:
            sent["Idempotency-Key"] = key
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        url = aiohttp.client.URL(str(self._session._base_url).rstrip("/") + path, encoded=True)
        async with self._session.request(
            method, url, json=body, data=data, headers=sent
        ) as response:
            text = await response.read()
            kind = response.headers.get("Content-Type", "")
            whole = "json" in kind and "ndjson" not in kind and text
            parsed = await response.json(content_type=None) if whole else text
            return Answer(response.status, response.headers, parsed)


@asynccontextmanager
async def served(running: Running, key: str) -> AsyncIterator[Api]:
    """The API of a Guerdon at work, served by uvicorn on a free port."""
    config = uvicorn.Config(
        running.web, http=Connection, log_level="warning", lifespan="off", ws="none"
    )
    web = uvicorn.Server(config)
    # Listening before it serves: whoever connects early waits in the backlog.
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    serving = asyncio.create_task(web.serve(sockets=[listening]))
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            yield Api(session, key)
    finally:
        web.should_exit = True
        await serving


@pytest.fixture
async def api(guerdon: Running, database: Database) -> AsyncIterator[Api]:
    """The API, with a key of namespace "1" that may do all."""
    async with served(guerdon, await make_key(database, "1", ALL_SCOPES)) as api:
        yield api
