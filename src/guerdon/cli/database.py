"""Which database a command works on: the embedded one of a data directory, or one of your own."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import psycopg
from cyclopts import Parameter
from psycopg import conninfo
from rich.console import Console
from rich.markup import escape

from guerdon import config, ids
from guerdon.db.cluster import StartupError
from guerdon.db.embedded import EmbeddedServer
from guerdon.db.migrate import SERVICE_ROLE, migrate, missing_role
from guerdon.db.pool import Database, behind_a_pooler
from guerdon.sealing import Sealer

OLDEST_VERSION = 14

Data = Annotated[
    Path,
    Parameter(help="Where the embedded PostgreSQL and the keys are; made if it is not there."),
]
Url = Annotated[
    str | None,
    Parameter(help="A PostgreSQL of your own instead; or set GUERDON_DATABASE_URL."),
]
DEFAULT_DATA = Path("guerdon-data")


@dataclass(frozen=True, slots=True)
class Place:
    """A database at hand. ``role`` is taken on where the URL's own role has more rights."""

    owner: str
    service: str
    role: str | None
    server: EmbeddedServer | None
    data: Path | None
    settings: config.Settings

    @asynccontextmanager
    async def opened(self, max_size: int = 16) -> AsyncIterator[Database]:
        """A pool with the rights of the service."""
        database = Database(self.service, role=self.role, max_size=max_size)
        try:
            await database.open()
            yield database
        finally:
            await database.close()

    def sealer(self) -> Sealer:
        """Opens and closes what is sealed at rest."""
        return Sealer(*config.secret_keys(self.settings, self.data, ids.secret_bytes(32)))


async def migrated(where: Place) -> tuple[Place, list[str]]:
    """Brings the schema up to this release; answers the place to work on, and what ran.

    Where the URL's role may not take on the service's, people are told, and it does all itself.
    """
    ran = await migrate(where.owner)
    if where.role is None or (advice := await missing_role(where.service)) is None:
        return where, ran
    Console(stderr=True).print(f"[bold yellow]guerdon:[/] {escape(advice)}", highlight=False)
    return replace(where, role=None), ran


@contextmanager
def place(data: Path, database_url: str | None) -> Iterator[Place]:
    """The database of a command; an embedded server that it started ends with it.

    A database that goes away meanwhile is a sentence and not a stack, in every command.
    """
    settings = config.from_environment()
    url = database_url or settings.database_url
    try:
        if url is not None:
            direct = settings.direct_url or url
            for given in dict.fromkeys((url, direct)):
                _check(given, direct=given == direct)
            yield Place(direct, url, SERVICE_ROLE, None, None, settings)
            return
        with closing(EmbeddedServer.open(data.resolve())) as server:
            yield Place(
                server.owner_url, server.service_url, None, server, data.resolve(), settings
            )
    except psycopg.OperationalError as trouble:
        raise StartupError(
            f"The database went away, or refused: {str(trouble).strip()}\nSee that it runs, and "
            "start this again; what was acknowledged is stored."
        ) from trouble
    except psycopg.errors.InsufficientPrivilege as trouble:
        raise StartupError(
            f"The role of the database URL may not do this: {str(trouble).strip()}\nGive a URL of "
            "the role that owns the schema; GUERDON_DIRECT_URL may name it for migrations alone."
        ) from trouble


def _check(url: str, *, direct: bool) -> None:
    try:
        conninfo.conninfo_to_dict(url)
        with psycopg.connect(url, connect_timeout=5) as connection:
            version = connection.info.server_version // 10_000
            row = connection.execute("SELECT pg_backend_pid()").fetchone()
            pooled = row is None or behind_a_pooler(connection.info.backend_pid, row[0])
    except psycopg.ProgrammingError as trouble:
        raise StartupError(f"This is no database URL: {trouble}") from trouble
    except psycopg.OperationalError as trouble:
        raise StartupError(f"The database cannot be reached: {str(trouble).strip()}") from trouble
    if direct and pooled:
        raise StartupError(
            "This database URL leads to a connection pooler, and migrations hold a lock as long as "
            "their session lasts. Name the database itself in GUERDON_DIRECT_URL."
        )
    if version < OLDEST_VERSION:
        raise StartupError(
            f"This PostgreSQL is version {version}; Guerdon needs {OLDEST_VERSION} or newer."
        )


async def refuse_unsafe(service: str, *, allowed: bool) -> None:
    """Refuses a server that may lose what it has acknowledged, unless told in as many words."""
    async with await psycopg.AsyncConnection.connect(service) as connection:
        lax = []
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            cursor = await connection.execute("SELECT current_setting(%s)", (setting,))
            row = await cursor.fetchone()
            if row is not None and row[0] in ("off", "local"):
                lax.append(f"{setting} = {row[0]}")
    if lax and not allowed:
        raise StartupError(
            f"This PostgreSQL may lose what it has acknowledged: {', '.join(lax)}. Turn it on, or "
            "start with --allow-unsafe-durability if you accept lost redemptions."
        )
