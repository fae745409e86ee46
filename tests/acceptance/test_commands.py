"""The command as people type it: what it prints, what it answers, and what it says when it may not.

Every command is a real process on a real database.
"""

import asyncio
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from argon2 import PasswordHasher
from psycopg.conninfo import make_conninfo
from rich.console import Console
from tests.acceptance.terminal import Terminal

from guerdon import ids
from guerdon.cli.front import app


@pytest.fixture
def terminal(tmp_path: Path, database_url: str) -> Terminal:
    return Terminal(tmp_path, database_url)


def _commands(parent: Any = app, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name in parent:
        if not name.startswith("-"):
            yield from _commands(parent[name], (*path, name))


async def test_help_is_what_the_command_says(terminal: Terminal) -> None:
    everything = list(_commands())  # what is brought in can say what it does
    for path in (everything[0], ("keys", "create")):
        assert (await terminal.type(*path, "--help")).worked() == _help(path)


def _help(path: tuple[str, ...]) -> str:
    said = StringIO()
    app([*path, "--help"], console=Console(file=said, width=80), result_action="return_value")
    return said.getvalue()


def test_help_teaches_everywhere() -> None:
    paths = list(_commands())
    assert {("serve",), ("keys", "rotate-master"), ("provider", "fake")} <= set(paths)
    for path in paths:
        said = _help(path)
        assert said.startswith(f"Usage: {' '.join(('guerdon', *path))}"), path
        about = said.split("\n\n")[1]
        assert re.match(r"[A-Z].*[.:]", about, re.DOTALL), (path, about)
        # Each flag and argument says what it is for.
        for line in re.findall(r"^│[ *]+(--?[a-z-]+.*|[A-Z]+ --.*)│$", said, re.MULTILINE):
            assert len(line.split("  ")) > 1, (path, line)


async def test_the_version_is_told(terminal: Terminal) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*\n", (await terminal.type("--version")).worked())


@pytest.mark.parametrize("typed", [["nonsense"], ["serve", "--nonsense"], ["keys", "create"]])
async def test_what_is_mistyped_is_told_without_a_stack(
    terminal: Terminal, typed: list[str]
) -> None:
    done = await terminal.type(*typed)
    assert done.code == 2
    assert "Error" in done.err + done.out
    assert "Traceback" not in done.err


# migrate ----------------------------------------------------------------------------------------


@pytest.fixture
def empty(tmp_path: Path, server: str) -> Iterator[Terminal]:
    """A terminal at a database without a schema."""
    name = f"commands_{ids.random_id().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield Terminal(tmp_path, make_conninfo(server, dbname=name))
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def test_two_migrate_at_once_and_a_third_finds_nothing_to_do(empty: Terminal) -> None:
    both = await asyncio.gather(empty.type("migrate"), empty.type("migrate"))
    assert [done.code for done in both] == [0, 0]
    assert sorted("ran 0001_ground.sql" in done.err for done in both) == [False, True]
    assert (await empty.type("migrate")).err == "The schema is up to date.\n"


async def test_an_older_release_refuses_a_newer_database(terminal: Terminal) -> None:
    terminal.query("INSERT INTO schema_migration VALUES (9000, '9000_next.sql', 'x', now())")
    for command in (["migrate"], ["verify"], ["serve", "--port", "0"]):
        assert "at schema 9000" in (await terminal.type(*command)).refused()


async def test_migrations_take_the_direct_url(empty: Terminal) -> None:
    role = f"pooled_{ids.random_id().hex}"
    empty.query(f"CREATE ROLE {role} LOGIN PASSWORD 'secret'")
    pooled = make_conninfo(empty.url, user=role, password="secret")
    try:
        alone = await empty.type("migrate", GUERDON_DATABASE_URL=pooled)
        assert "GUERDON_DIRECT_URL" in alone.refused()
        done = await empty.type(
            "migrate", GUERDON_DATABASE_URL=pooled, GUERDON_DIRECT_URL=empty.url
        )
        done.worked()
        assert f'GRANT guerdon_service TO "{role}"' in " ".join(done.err.split())
        empty.query(f"GRANT guerdon_service TO {role}")
        create = ("keys", "create", "--namespace", "1", "--scopes", "read")
        made = await empty.type(*create, GUERDON_DATABASE_URL=pooled, GUERDON_DIRECT_URL=empty.url)
        assert made.worked().startswith("gk_")
        assert made.err == ""
    finally:
        empty.query(f"DROP ROLE {role}")


# keys and operators -----------------------------------------------------------------------------


async def test_a_key_is_printed_once_alone_listed_and_revoked(terminal: Terminal) -> None:
    create = ("keys", "create", "--namespace", "1", "--scopes", "read, redeem", "--label", "[b]x")
    made = await terminal.type(*create)
    assert re.fullmatch(r"gk_[A-Za-z0-9_-]{43}\n", made.worked())
    listed = (await terminal.type("keys", "list", "--namespace", "1")).worked()
    ((key_id_, scopes),) = terminal.query("SELECT key_id::text, scopes FROM api_key")
    assert scopes == ["read", "redeem"]
    assert key_id_ in listed, "whole, to be revoked by"
    assert "[b]x" in listed
    assert made.out.strip() not in listed
    assert key_id_ not in (await terminal.type("keys", "list", "--namespace", "2")).worked()
    (await terminal.type("keys", "revoke", key_id_)).worked()
    assert terminal.query("SELECT 1 FROM api_key WHERE revoked_at IS NULL") == []
    again = await terminal.type("keys", "revoke", key_id_)
    assert "guerdon keys list" in again.refused()
    trail = terminal.query("SELECT action, target FROM audit ORDER BY at")
    assert trail == [("key.created", key_id_), ("key.revoked", key_id_)]


async def test_a_programme_is_made_a_test_one_or_never(terminal: Terminal) -> None:
    def key(namespace: str, *flags: str) -> list[str]:
        return ["keys", "create", "--namespace", namespace, "--scopes", "read", *flags]

    (await terminal.type(*key("live"))).worked()
    (await terminal.type(*key("try", "--test"))).worked()
    (await terminal.type(*key("try"))).worked()
    refused = (await terminal.type(*key("live", "--test"))).refused()
    assert "never becomes a test one" in " ".join(refused.split())
    made = terminal.query("SELECT namespace, test FROM namespace ORDER BY 1")
    assert made == [("live", False), ("try", True)]


@pytest.mark.parametrize(
    ("namespace", "scopes", "says"),
    [
        ("1", "read,write", "not write"),
        ("1", "[/red]", "not [/red]"),
        ("1", " , ", "some of members, options, redeem, read, operate"),
        ("no spaces", "read", "1 to 64 letters"),
    ],
)
async def test_a_key_that_cannot_be_is_refused(
    terminal: Terminal, namespace: str, scopes: str, says: str
) -> None:
    done = await terminal.type("keys", "create", "--namespace", namespace, "--scopes", scopes)
    assert says in done.refused()
    assert terminal.query("SELECT 1 FROM api_key") == []


def _operator(email: str, role: str = "viewer", *more: str) -> list[str]:
    return ["operators", "create", email, "--namespace", "1", "--role", role, *more]


async def test_an_operator_is_made_and_made_again(terminal: Terminal) -> None:
    typed = _operator("ada@example.com", "viewer", "--password-stdin")
    first = await terminal.type(*typed, said="correct horse\n")
    assert first.worked() == ""
    assert "ada@example.com is viewer of namespace 1." in first.err
    typed = _operator("ADA@example.com", "admin", "--password-stdin")
    (await terminal.type(*typed, said="battery staple\n")).worked()
    ((role, password_hash),) = terminal.query("SELECT role, password_hash FROM operator")
    assert role == "admin"
    assert PasswordHasher().verify(password_hash, "battery staple")
    assert terminal.query("SELECT action FROM audit") == [("operator.created",)] * 2


@pytest.mark.parametrize(
    ("typed", "said", "says"),
    [
        (_operator("ada@example.com", "viewer", "--password-stdin"), "short\n", "12 characters"),
        (_operator("ada@example.com", "viewer", "--password-stdin"), "", "12 characters"),
        (_operator("ada", "viewer", "--password-stdin"), "correct horse\n", "no email address"),
    ],
)
async def test_an_operator_that_cannot_be_is_refused(
    terminal: Terminal, typed: list[str], said: str, says: str
) -> None:
    assert says in (await terminal.type(*typed, said=said)).refused()
    assert terminal.query("SELECT 1 FROM operator") == []


# members, transactions, verify ------------------------------------------------------------------

MEMBERS = """userId,email,grant,reference,attributes.tier
ada,ada@example.com,100,r1,gold
bob,,50,r2,
"""


async def _enrolled(terminal: Terminal) -> None:
    create = ("keys", "create", "--namespace", "1", "--scopes", "read")
    (await terminal.type(*create)).worked()
    file = terminal.write("members.csv", MEMBERS)
    done = await terminal.type("members", "import", file, "--namespace", "1")
    done.worked()
    assert done.err == "2 created, 0 changed, 0 refused.\n"


async def test_members_are_imported_once_however_often(terminal: Terminal) -> None:
    await _enrolled(terminal)
    again = await terminal.type("members", "import", "members.csv")  # the only namespace there is
    again.worked()
    assert terminal.query("SELECT sum(available)::int FROM account") == [(150,)]
    profiles = "SELECT email, attributes FROM member_profile WHERE email IS NOT NULL"
    assert terminal.query(profiles) == [("ada@example.com", {"tier": "gold"})]
    said = (await terminal.type("verify")).worked()
    assert "1: issued 150 adjusted 0 available 150 held 0 redeemed 0" in said
    assert "2 members, 0 transactions, 2 postings: everything adds up" in said


async def test_lines_that_cannot_be_imported_are_named_and_the_others_are(
    terminal: Terminal,
) -> None:
    await _enrolled(terminal)
    rows = ["userId,email,grant,reference", "cy,,5,", "dee,,x,r4", "..,,,", "eve,,7,r5", "fay,,1"]
    file = terminal.write("more.csv", "\n".join(rows) + "\n")
    done = await terminal.type("members", "import", file, "--namespace", "1")
    assert done.code == 1
    named = re.findall(r"^line (\d+): (\S+)", done.err, re.MULTILINE)
    assert named == [("2", "reference"), ("3", "grant"), ("4", "userId"), ("6", "This")]
    assert done.err.endswith("1 created, 0 changed, 4 refused.\n")
    ones = terminal.query("SELECT user_id FROM member ORDER BY user_id")
    assert [name for (name,) in ones] == ["ada", "bob", "eve"]


@pytest.mark.parametrize(
    ("content", "namespace", "says"),
    [
        ("userId,grnat\nada,3\n", "1", "not 'grnat'"),
        ("", "1", "userId among them"),
        ("email\nx@example.com\n", "1", "userId among them"),
        ("userId\nada\n", "7", "no namespace '7'"),
        ('userId,email\nada,"x\n', "1", "no CSV"),
    ],
)
async def test_a_file_that_is_no_list_of_members_is_refused(
    terminal: Terminal, content: str, namespace: str, says: str
) -> None:
    await _enrolled(terminal)
    file = terminal.write("wrong.csv", content)
    done = await terminal.type("members", "import", file, "--namespace", namespace)
    assert says in done.refused()


async def test_a_file_that_is_not_there_is_refused(terminal: Terminal) -> None:
    done = await terminal.type("members", "import", "nowhere.csv", "--namespace", "1")
    assert "nowhere.csv cannot be read" in done.refused()


@pytest.mark.parametrize(
    ("tampering", "where", "what"),
    [
        ("UPDATE account SET available = 101 WHERE available = 100", "member", "available 101"),
        ("UPDATE posting SET amount = 99 WHERE amount = 100", "posting 1", "amount leads to 99"),
        ("UPDATE posting SET at = at + '1 second' WHERE amount = 100", "posting 1", "hash"),
        ("DELETE FROM posting WHERE amount = 100", "member", "postings say 0"),
    ],
)
async def test_verify_names_the_row_that_is_wrong(
    terminal: Terminal, tampering: str, where: str, what: str
) -> None:
    await _enrolled(terminal)
    ((slot, member_id),) = terminal.query(
        "SELECT slot, member_id FROM account WHERE available = 100"
    )
    terminal.query(tampering)
    done = await terminal.type("verify")
    assert done.code == 1
    faults = [line for line in done.out.splitlines() if f"slot {slot} member {member_id}" in line]
    assert any(where in line and what in line for line in faults), done.out
    assert re.search(r"[1-9]\d* faults$", done.out.strip())
