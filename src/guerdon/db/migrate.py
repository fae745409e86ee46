"""Migrations: plain SQL, forward only, safe with two migrators at once.

Files ``NNNN_name.sql`` run in order, each in its own database transaction with the row that records
it. An advisory lock, which dies with its session, keeps a second migrator waiting. After
them the rights of the service's role are set anew, every time: they are state, not history.
"""

import hashlib
from importlib import resources

import psycopg
from psycopg import AsyncConnection, sql

from guerdon.errors import GuerdonError

SERVICE_ROLE = "guerdon_service"
APPEND_ONLY = ("posting", "event", "attempt", "audit", "option_version")
# What may change of a namespace. Whether it is a test one is decided when it is made.
_OF_A_NAMESPACE = (
    "token_issuer, token_audience, allowed_origins, limits, version, wiped_at, advanced_seconds"
)

_LOCK = 7_218_306_641
_LEDGER_OF_MIGRATIONS = """
CREATE TABLE IF NOT EXISTS schema_migration (
    version integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now())
"""


class MigrationError(GuerdonError):
    """The schema and this release do not fit; ``detail`` says how and what to do."""


def grant_statements() -> list[str]:
    """What the service may do: read all, add all, but never change what is append-only, nor turn
    a live programme into a test one."""
    protected = ", ".join(APPEND_ONLY)
    return [
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {SERVICE_ROLE}",
        f"REVOKE UPDATE, DELETE, TRUNCATE ON {protected} FROM {SERVICE_ROLE}",
        f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON schema_migration FROM {SERVICE_ROLE}",
        f"REVOKE UPDATE, DELETE, TRUNCATE ON namespace FROM {SERVICE_ROLE}",
        f"GRANT UPDATE ({_OF_A_NAMESPACE}) ON namespace TO {SERVICE_ROLE}",
        f"GRANT EXECUTE ON FUNCTION wipe_test_members TO {SERVICE_ROLE}",
    ]


async def migrate(owner_conninfo: str) -> list[str]:
    """Brings the schema up to this release; answers the names of the migrations that it ran.

    Raises :class:`MigrationError` where the database is newer than this release, or where a
    migration that ran is not the one that this release carries.
    """
    async with await AsyncConnection.connect(owner_conninfo, autocommit=True) as connection:
        await connection.execute("SET lock_timeout = 0")
        await connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        await connection.execute(_LEDGER_OF_MIGRATIONS)
        ran = [
            name
            for version, name, text in _files()
            if await _apply(connection, version, name, text)
        ]
        await _refuse_newer(connection)
        await _grant(connection)
    return ran


def _files() -> list[tuple[int, str, str]]:
    folder = resources.files("guerdon.db").joinpath("migrations")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(int(name[:4]), name, folder.joinpath(name).read_text("utf-8")) for name in names]


async def _apply(connection: AsyncConnection, version: int, name: str, text: str) -> bool:
    digest = hashlib.sha256(text.encode()).hexdigest()
    cursor = await connection.execute(
        "SELECT sha256 FROM schema_migration WHERE version = %s", (version,)
    )
    row = await cursor.fetchone()
    if row is not None:
        if row[0] != digest:
            raise MigrationError(
                f"Migration {name} differs from the one this database ran. A released migration "
                "never changes: install the release that made this database, then upgrade."
            )
        return False
    async with connection.transaction():
        await connection.execute(text.encode())
        await connection.execute(
            "INSERT INTO schema_migration (version, name, sha256) VALUES (%s, %s, %s)",
            (version, name, digest),
        )
    return True


async def _refuse_newer(connection: AsyncConnection) -> None:
    newest = _files()[-1][0]
    cursor = await connection.execute("SELECT max(version) FROM schema_migration")
    row = await cursor.fetchone()
    if row is not None and row[0] > newest:
        raise MigrationError(
            f"This database is at schema {row[0]}, this release knows only {newest}. "
            "Install the newer release again, or restore the backup made before it."
        )


async def missing_role(conninfo: str) -> str | None:
    """What to run so that the service can be held to its own rights; ``None`` where it is."""
    async with await AsyncConnection.connect(conninfo, autocommit=True) as connection:
        try:
            # For the transaction alone: a session may belong to a pooler, and keep the role.
            async with connection.transaction():
                await connection.execute(f"SET LOCAL ROLE {SERVICE_ROLE}")
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue):
            who = sql.Identifier(connection.info.user).as_string(connection)
        else:
            return None
    return (
        f"The service runs with all rights of {who}, also to change what is append-only. To hold "
        "it to fewer, run this once as a role that may, then migrate again:\n"
        f"CREATE ROLE {SERVICE_ROLE} NOLOGIN;\nGRANT {SERVICE_ROLE} TO {who};"
    )


async def _grant(connection: AsyncConnection) -> None:
    async with connection.transaction():
        cursor = await connection.execute(
            "SELECT 1 FROM pg_roles WHERE rolname = %s", (SERVICE_ROLE,)
        )
        if await cursor.fetchone() is None and not await _make_role(connection):
            return
        for statement in grant_statements():
            await connection.execute(statement.encode())


async def _make_role(connection: AsyncConnection) -> bool:
    try:
        async with connection.transaction():
            await connection.execute(f"CREATE ROLE {SERVICE_ROLE} NOLOGIN")
            await connection.execute(f"GRANT {SERVICE_ROLE} TO CURRENT_USER")
    except psycopg.errors.InsufficientPrivilege:
        return False  # whoever migrates asks missing_role() what to tell people
    except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        return True  # roles belong to the whole server: another database's migrator made it
    return True
