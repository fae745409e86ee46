"""Which database a command works on: the embedded one of a data directory, or one of your own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import psycopg
from cyclopts import Parameter
from psycopg import conninfo

from guerdon import config, ids
from guerdon.db.embedded import EmbeddedServer, StartupError
from guerdon.db.migrate import SERVICE_ROLE
from guerdon.db.pool import Database
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

    def pool(self, max_size: int = 16) -> Database:
        """An unopened pool with the rights of the service."""
        return Database(self.service, role=self.role, max_size=max_size)

    def sealer(self) -> Sealer:
        """Opens and closes what is sealed at rest."""
        return Sealer(*config.secret_keys(self.settings, self.data, ids.secret_bytes(32)))


@contextmanager
def place(data: Path, database_url: str | None) -> Iterator[Place]:
    """The database of a command; an embedded server that it started ends with it."""
    settings = config.from_environment()
    url = database_url or settings.database_url
    if url is not None:
        yield Place(_checked(url), url, SERVICE_ROLE, None, None, settings)
        return
    server = EmbeddedServer.open(data.resolve())
    try:
        yield Place(server.owner_url, server.service_url, None, server, data.resolve(), settings)
    finally:
        server.close()


def _checked(url: str) -> str:
    try:
        conninfo.conninfo_to_dict(url)
        with psycopg.connect(url, connect_timeout=5) as connection:
            version = connection.info.server_version // 10_000
    except psycopg.ProgrammingError as trouble:
        raise StartupError(f"This is no database URL: {trouble}") from trouble
    except psycopg.OperationalError as trouble:
        raise StartupError(f"The database cannot be reached: {str(trouble).strip()}") from trouble
    if version < OLDEST_VERSION:
        raise StartupError(
            f"This PostgreSQL is version {version}; Guerdon needs {OLDEST_VERSION} or newer."
        )
    return url


async def refuse_unsafe(database: Database, *, allowed: bool) -> None:
    """Refuses a server that may lose what it has acknowledged, unless told in as many words."""
    async with database.pool.connection() as connection:
        lax = []
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            cursor = await connection.execute("SELECT current_setting(%s) AS value", (setting,))
            row = await cursor.fetchone()
            if row is not None and row.value in ("off", "local"):
                lax.append(f"{setting} = {row.value}")
    if lax and not allowed:
        raise StartupError(
            f"This PostgreSQL may lose what it has acknowledged: {', '.join(lax)}. Turn it on, or "
            "start with --allow-unsafe-durability if you accept lost redemptions."
        )
