"""What the command says when it may not: a sentence with the way out, and never a stack."""

import socket
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest
from tests.acceptance.terminal import KEY, Terminal

from guerdon.db import embedded
from guerdon.db.embedded import EmbeddedServer


@pytest.fixture
def terminal(tmp_path: Path, database_url: str) -> Terminal:
    return Terminal(tmp_path, database_url)


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("GUERDON_DATABASE_URL", "postgres://[", "This is no database URL"),
        ("GUERDON_DATABASE_URL", "postgres://nobody@127.0.0.1:1/x", "cannot be reached"),
        ("GUERDON_DIRECT_URL", "postgres://nobody@127.0.0.1:1/x", "cannot be reached"),
        ("GUERDON_SECRET_KEY", None, "Set GUERDON_SECRET_KEY"),
        ("GUERDON_SECRET_KEY", "abc", "64 hexadecimal digits"),
        ("GUERDON_SECRET_KEY", KEY.hex() + ",abc", "64 hexadecimal digits"),
        ("GUERDON_LOG_LEVEL", "loud", "GUERDON_LOG_LEVEL"),
        ("GUERDON_PROVIDER_ALLOW", "home", "GUERDON_PROVIDER_ALLOW"),
    ],
)
async def test_a_setting_that_does_not_fit_is_named(
    terminal: Terminal, variable: str, value: str | None, says: str
) -> None:
    done = await terminal.type("serve", "--port", "0", **{variable: value})
    assert says in done.refused()


async def test_a_port_that_is_taken_is_named_with_the_way_out(terminal: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for flags, way_out in (
            (["serve", "--port", port], "another with --port"),
            (["demo", "--port", port], "another with --port"),
            (["provider", "fake", "--port", port], "another with --port"),
            (
                ["serve", "--port", "0", "--metrics-listen", f"127.0.0.1:{port}"],
                "another with --metrics-listen",
            ),
        ):
            said = (await terminal.type(*flags)).refused()
            assert port in said
            assert way_out in said


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (["serve", "--port", "123456"], "Cannot listen"),
        (["serve", "--host", "no such host", "--port", "0"], "Cannot listen"),
        (["serve", "--port", "0", "--metrics-listen", "here"], "such as 127.0.0.1:9090"),
        (["provider", "fake", "--behaviour", "nonsense"], "--behaviour is one of"),
        (["transactions", "export", "--namespace", "7"], "no namespace '7'"),
        (["keys", "rotate-master"], "a new key"),
    ],
)
async def test_flags_that_do_not_fit_are_told(
    terminal: Terminal, typed: list[str], says: str
) -> None:
    assert says in (await terminal.type(*typed)).refused()


async def _refused_as_unsafe(terminal: Terminal, setting: str) -> None:
    for command in (["serve", "--port", "0"], ["deliver"]):
        said = (await terminal.type(*command)).refused()
        assert f"{setting} = off" in said
        assert "--allow-unsafe-durability" in said


async def test_a_server_without_synchronous_commit_is_refused(terminal: Terminal) -> None:
    name = terminal.query("SELECT current_database()")[0][0]
    terminal.query(f"ALTER DATABASE {name} SET synchronous_commit = off")
    await _refused_as_unsafe(terminal, "synchronous_commit")


async def test_a_server_without_fsync_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for setting in ("fsync", "full_page_writes"):
        monkeypatch.setitem(embedded._SETTINGS, setting, "off")
        with closing(EmbeddedServer.open(tmp_path / setting)) as lax:
            await _refused_as_unsafe(Terminal(tmp_path, lax.superuser_url), setting)
        monkeypatch.setitem(embedded._SETTINGS, setting, "on")


async def test_rotating_with_the_environments_key_seals_everything_anew(
    terminal: Terminal,
) -> None:
    fresh = bytes(range(100, 132))
    both = f"{fresh.hex()},{KEY.hex()}"
    done = await terminal.type("keys", "rotate-master", GUERDON_SECRET_KEY=both)
    done.worked()
    assert "0 secrets and replies" in done.err
    terminal.query(f"INSERT INTO process (process_id, delivers) VALUES ('{UUID(int=1)}', true)")
    busy = await terminal.type("keys", "rotate-master", GUERDON_SECRET_KEY=both)
    assert "Stop every serve and deliver" in busy.refused()
