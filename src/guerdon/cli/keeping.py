"""The commands that keep a house: migrate, verify, keys, operators, transactions."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Literal
from uuid import UUID

from argon2 import PasswordHasher
from cyclopts import App, Parameter
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Column, Table

from guerdon.access import keys as api_keys
from guerdon.access import store as access
from guerdon.access.principal import SCOPES
from guerdon.cli.database import DEFAULT_DATA, Data, Place, Url, migrated, place
from guerdon.cli.rotation import rotate_master
from guerdon.config import ConfigurationError
from guerdon.db import installation
from guerdon.db.pool import Database, Row
from guerdon.redemption import audit

_console = Console(stderr=True)
_SHORTEST_PASSWORD = 12
Test = Annotated[
    bool,
    Parameter(
        name="--test",
        negative=(),
        help="If the programme is new, make it a test one, with a sandbox; it stays one for ever.",
    ),
]

keys = App(name="keys", help="API keys: create, list, revoke.")
operators = App(name="operators", help="People who sign in to the console.")


def migrate(*, data: Data = DEFAULT_DATA, database_url: Url = None) -> None:
    """Bring the database's schema up to this release. Safe while another migrates."""
    with place(data, database_url) as where:
        _, ran = asyncio.run(migrated(where))
    for name in ran:
        _console.print(f"ran {name}")
    _console.print("The schema is up to date.")


def verify(*, data: Data = DEFAULT_DATA, database_url: Url = None) -> None:
    """Prove that the ledger adds up. Exits 0 if it does, 1 if not, naming each row at fault."""
    with place(data, database_url) as where:
        proof = asyncio.run(_verify(where))
    for namespace, totals in sorted(proof.totals.items()):
        print(  # noqa: T201 - the answer of the command
            f"{namespace}: issued {totals.issued} adjusted {totals.adjusted} available "
            f"{totals.available} held {totals.held} redeemed {totals.redeemed}"
        )
    print(  # noqa: T201 - the answer of the command
        f"{proof.members} members, {proof.transactions} transactions, {proof.postings} postings: "
        + ("everything adds up" if not proof.faults else f"{proof.faults} faults")
    )
    sys.exit(1 if proof.faults else 0)


async def _verify(where: Place) -> audit.Proof:
    async with _opened(where) as database:
        async with database.read() as tx:
            slots = await installation.slots(tx)
        with Progress(console=_console, disable=not _console.is_terminal) as bar:
            task = bar.add_task("verifying", total=max(1, await audit.size(database)))
            return await audit.prove(
                database,
                slots,
                lambda fault: print(f"{fault.where}: {fault.what}"),  # noqa: T201 - the answer
                lambda read: bar.advance(task, read),
            )


@asynccontextmanager
async def _opened(where: Place) -> AsyncIterator[Database]:
    """An open pool for one command, on a migrated schema."""
    ready, _ = await migrated(where)
    async with ready.opened(4) as database:
        yield database


@keys.command
def create(
    *,
    namespace: Annotated[str, Parameter(help="The programme the key belongs to.")],
    scopes: Annotated[str, Parameter(help=f"Comma-separated, of {', '.join(SCOPES)}.")],
    label: Annotated[str, Parameter(help="What people will know it by.")] = "",
    test: Test = False,
    data: Data = DEFAULT_DATA,
    database_url: Url = None,
) -> None:
    """Create an API key. It is printed once, alone on standard output, and stored as a hash."""
    wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
    unknown = sorted(set(wanted) - set(SCOPES))
    if unknown or not wanted:
        raise ConfigurationError(
            f"--scopes takes some of {', '.join(SCOPES)}"
            + (f"; not {', '.join(unknown)}." if unknown else ".")
        )
    key = api_keys.new_key()
    with place(data, database_url) as where:
        asyncio.run(_create_key(where, namespace, key, wanted, label, test))
    print(key)  # noqa: T201 - the answer of the command


async def _create_key(
    where: Place, namespace: str, key: str, scopes: list[str], label: str, test: bool
) -> None:
    async with _opened(where) as database, database.tx() as tx:
        await access.ensure_namespace(tx, namespace, test=test)
        key_id = await access.add_key(tx, namespace, api_keys.hash_of(key), scopes, label)
        await access.audit(
            tx,
            namespace=namespace,
            actor="command",
            action="key.created",
            target=str(key_id),
            detail={"scopes": scopes, "label": label},
            address=None,
        )


@keys.command(name="list")
def list_(
    *,
    namespace: Annotated[str | None, Parameter(help="Only the keys of this programme.")] = None,
    data: Data = DEFAULT_DATA,
    database_url: Url = None,
) -> None:
    """List API keys: never the keys themselves, which nobody knows."""
    with place(data, database_url) as where:
        rows = asyncio.run(_list_keys(where, namespace))
    # The ID is shown whole, however narrow the terminal: it is what `keys revoke` takes.
    names = ("Namespace", "Scopes", "Label", "Created", "Revoked")
    table = Table(Column("ID", min_width=36, no_wrap=True), *names)
    for row in rows:
        revoked = "" if row.revoked_at is None else f"{row.revoked_at:%Y-%m-%d %H:%M}"
        table.add_row(
            str(row.key_id),
            row.namespace,
            ", ".join(row.scopes),
            escape(row.label),
            f"{row.created_at:%Y-%m-%d %H:%M}",
            revoked,
        )
    Console().print(table)


async def _list_keys(where: Place, namespace: str | None) -> list[Row]:
    async with _opened(where) as database, database.read() as tx:
        return await access.keys(tx, namespace)


@keys.command
def revoke(
    key_id: Annotated[UUID, Parameter(help="Its ID, as `guerdon keys list` shows it.")],
    *,
    data: Data = DEFAULT_DATA,
    database_url: Url = None,
) -> None:
    """Revoke an API key. Running processes refuse it within five seconds."""
    with place(data, database_url) as where:
        revoked = asyncio.run(_revoke_key(where, key_id))
    if not revoked:
        raise ConfigurationError(f"There is no valid key {key_id}; see `guerdon keys list`.")


async def _revoke_key(where: Place, key_id: UUID) -> bool:
    async with _opened(where) as database, database.tx() as tx:
        found = [row for row in await access.keys(tx, None) if row.key_id == key_id]
        if not found or not await access.revoke_key(tx, key_id):
            return False
        await access.audit(
            tx,
            namespace=found[0].namespace,
            actor="command",
            action="key.revoked",
            target=str(key_id),
            detail={"label": found[0].label},
            address=None,
        )
    return True


keys.command(rotate_master)


@operators.command(name="create")
def create_operator(
    email: Annotated[str, Parameter(help="What they sign in with.")],
    *,
    namespace: Annotated[str, Parameter(help="The programme they may work on.")],
    role: Annotated[
        Literal["viewer", "support", "manager", "admin"],
        Parameter(help="What they may do: read; act on one; options and bulk; keys and team."),
    ],
    password_stdin: Annotated[
        bool, Parameter(negative=(), help="Read the password from standard input.")
    ],
    test: Test = False,
    data: Data = DEFAULT_DATA,
    database_url: Url = None,
) -> None:
    """Create an operator, or give one a new role and password."""
    if not password_stdin:
        raise ConfigurationError("Give --password-stdin and pipe the password in.")
    password = sys.stdin.readline().rstrip("\r\n")
    if len(password) < _SHORTEST_PASSWORD:
        raise ConfigurationError(f"A password has at least {_SHORTEST_PASSWORD} characters.")
    if "@" not in email:
        raise ConfigurationError(f"{email!r} is no email address.")
    password_hash = PasswordHasher().hash(password)
    with place(data, database_url) as where:
        asyncio.run(_create_operator(where, namespace, email, role, password_hash, test))
    _console.print(escape(f"{email} is {role} of namespace {namespace}."))


async def _create_operator(
    where: Place, namespace: str, email: str, role: str, password_hash: str, test: bool
) -> None:
    async with _opened(where) as database, database.tx() as tx:
        await access.ensure_namespace(tx, namespace, test=test)
        await access.add_operator(tx, namespace, email, role, password_hash)
        await access.audit(
            tx,
            namespace=namespace,
            actor="command",
            action="operator.created",
            target=email,
            detail={"role": role},
            address=None,
        )
