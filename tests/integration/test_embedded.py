"""The embedded PostgreSQL: made, joined, killed, taken over; and what it says when it cannot."""

import asyncio
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from guerdon.db import cluster
from guerdon.db.cluster import StartupError
from guerdon.db.embedded import EmbeddedServer
from guerdon.db.migrate import migrate

# Opens a server, says which process it is and who owns it, and holds it until its input ends.
_HOLDER = """
import sys
from pathlib import Path
from guerdon.db.embedded import EmbeddedServer
data = Path(sys.argv[1])
server = EmbeddedServer.open(data)
pid = (data / "postgres" / "postmaster.pid").read_text().split()[0]
print(pid, server.owns_server, flush=True)
sys.stdin.read()
server.close()
"""
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be other users")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def running(data: Path) -> Iterator[EmbeddedServer]:
    with closing(EmbeddedServer.open(data)) as server:
        yield server


def _postmaster(data: Path) -> int:
    return int((data / "postgres" / "postmaster.pid").read_text("ascii").split("\n", 1)[0])


def _has_ended(pid: int) -> bool:
    """Waits for the end of a process, however long a stop may take."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 60)[0])
    finally:
        os.close(handle)


@contextmanager
def _holder(data: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds a server; killed at the end if it still runs."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(data)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        try:
            yield holder
        finally:
            holder.kill()


async def _revived(server: EmbeddedServer) -> str:
    """What reviving did, tried again while the old server's children are still on their way out."""
    while True:
        with suppress(StartupError):
            done = await server.revive()
            if done is not None:
                return done


def _one(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


def _keep(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")


def test_what_is_made_is_closed_to_others_and_safe(running: EmbeddedServer, data: Path) -> None:
    assert running.owns_server
    socket = Path(str(_one(running.superuser_url, "SHOW unix_socket_directories")))
    for path, mode in (
        (data / "postgres", 0o700),
        (data / "postgres.secrets", 0o600),
        (data / "postgres.log", 0o600),
        (socket, 0o700),
    ):
        assert path.stat().st_mode & 0o777 == mode, path
    said = {
        setting: _one(running.superuser_url, f"SHOW {setting}")
        for setting in ("listen_addresses", "fsync", "full_page_writes", "synchronous_commit")
    }
    assert said.pop("listen_addresses") == ""
    assert set(said.values()) == {"on"}
    methods = "SELECT string_agg(DISTINCT auth_method, ' ') FROM pg_hba_file_rules"
    assert _one(running.superuser_url, methods) == "scram-sha-256"
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(running.service_url, password="guessed")


async def test_each_role_has_its_rights(running: EmbeddedServer) -> None:
    await migrate(running.owner_url)
    assert _one(running.owner_url, "SELECT current_user") == "guerdon_owner"
    assert _one(running.service_url, "SELECT slots FROM installation") == 2
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        _one(running.service_url, "DELETE FROM posting RETURNING 1")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        _keep(running.service_url)


async def test_a_second_one_joins_and_the_server_outlives_it(
    running: EmbeddedServer, data: Path
) -> None:
    with closing(EmbeddedServer.open(data)) as second:
        assert not second.owns_server
        assert second.owner_url == running.owner_url
        assert await second.revive() is None
        _keep(second.owner_url)
    assert _one(running.owner_url, "SELECT answer FROM kept") == 42


async def test_who_joined_takes_over_where_the_socket_was(
    running: EmbeddedServer, data: Path
) -> None:
    with closing(EmbeddedServer.open(data)) as second:
        _keep(second.owner_url)
        before = second.owner_url
        running.close()
        assert await second.revive() == "taken over"
        assert second.owns_server
        assert second.owner_url == before
        assert _one(before, "SELECT answer FROM kept") == 42


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_server_that_died_is_started_again(
    running: EmbeddedServer, data: Path, number: signal.Signals
) -> None:
    assert await running.revive() is None
    _keep(running.owner_url)
    killed = _postmaster(data)
    os.kill(killed, number)
    assert await _revived(running) == "started again"
    assert _postmaster(data) != killed
    assert _one(running.owner_url, "SELECT answer FROM kept") == 42


def test_nothing_outlives_a_killed_owner(data: Path) -> None:
    with _holder(data) as holder:
        assert holder.stdout is not None
        pid, owns = holder.stdout.readline().split()
        assert owns == "True"
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert _has_ended(int(pid))
    with closing(EmbeddedServer.open(data)) as again:
        assert again.owns_server
        assert _one(again.owner_url, "SELECT current_database()") == "guerdon"


def test_two_may_start_on_one_fresh_directory_at_once(data: Path) -> None:
    with _holder(data) as first, _holder(data) as second:
        said = []
        for holder in (first, second):
            assert holder.stdout is not None
            said.append(holder.stdout.readline().split())
        assert {owns for _, owns in said} == {"True", "False"}
        assert len({pid for pid, _ in said}) == 1
        for holder in (first, second):
            holder.communicate()
            assert holder.returncode == 0
    assert _has_ended(int(said[0][0]))


def test_a_stop_does_not_wait_for_who_is_connected(running: EmbeddedServer, data: Path) -> None:
    pid = _postmaster(data)
    with psycopg.connect(running.owner_url) as connection:
        connection.execute("SELECT 1")
        socket = Path(connection.info.host)
        running.close()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert not socket.exists(), "nothing is left lying about"
    assert not Path(f"/proc/{pid}").exists()


def test_a_data_directory_may_lie_deeper_than_sockets_reach(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-long-name-of-a-folder"] * 10)
    assert len(str(deep)) > 200
    with closing(EmbeddedServer.open(deep)) as server:
        assert _one(server.service_url, "SELECT 1") == 1


def test_what_a_killed_initialisation_left_is_swept_away(data: Path) -> None:
    (data / "postgres.new" / "base").mkdir(parents=True)
    (data / "postgres.secrets").write_text('{"passwords": {"postgres": "x"}, "socket": ""}')
    with closing(EmbeddedServer.open(data)) as server:
        assert server.owns_server
    assert not (data / "postgres.new").exists()


def test_a_log_that_grew_too_long_is_put_aside(
    running: EmbeddedServer, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.close()
    monkeypatch.setattr(cluster, "_LARGEST_LOG", 1)
    (data / "postgres.log").write_text("what was said before")
    with closing(EmbeddedServer.open(data)):
        assert "said before" in (data / "postgres.log.1").read_text()
        assert "said before" not in (data / "postgres.log").read_text()


async def test_the_loop_goes_on_while_a_server_recovers(
    running: EmbeddedServer, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.kill(_postmaster(data), signal.SIGKILL)
    through, may_look = EmbeddedServer._await_up, threading.Event()

    def held_up(server: EmbeddedServer, before: int) -> None:
        may_look.wait()
        through(server, before)

    monkeypatch.setattr(EmbeddedServer, "_await_up", held_up)
    reviving = asyncio.create_task(_revived(running))
    try:
        for _ in range(100):
            await asyncio.sleep(0)
        assert not reviving.done()
    finally:
        may_look.set()
    assert await reviving == "started again"


# What it says when it cannot ---------------------------------------------------------------------


def _refusal(data: Path) -> str:
    with pytest.raises(StartupError) as refused:
        EmbeddedServer.open(data)
    return refused.value.detail


def test_a_directory_that_cannot_be_made_is_named() -> None:
    said = _refusal(Path("/proc/guerdon"))
    assert "/proc/guerdon cannot be used" in said
    assert "--data" in said


def test_a_file_where_the_directory_should_be_is_named(data: Path) -> None:
    data.write_text("")
    assert str(data) in _refusal(data)


def test_something_else_where_the_cluster_should_be_is_left_alone(data: Path) -> None:
    (data / "postgres").mkdir(parents=True)
    (data / "postgres" / "diary.txt").write_text("dear diary")
    assert "is no PostgreSQL cluster" in _refusal(data)
    assert (data / "postgres" / "diary.txt").read_text() == "dear diary"


def test_a_cluster_of_another_version_is_refused_unharmed(
    running: EmbeddedServer, data: Path
) -> None:
    running.close()
    version = data / "postgres" / "PG_VERSION"
    ours = version.read_text()
    version.write_text("13\n")
    said = _refusal(data)
    assert "made by PostgreSQL 13" in said
    assert "docs/operations.md" in said
    version.write_text(ours)
    with closing(EmbeddedServer.open(data)) as again:
        assert _one(again.service_url, "SELECT 1") == 1


@pytest.mark.parametrize("content", [None, "", '{"passwords": {"postg'])
def test_lost_passwords_are_told_with_the_file(
    running: EmbeddedServer, data: Path, content: str | None
) -> None:
    running.close()
    secrets = data / "postgres.secrets"
    secrets.unlink()
    if content is not None:
        secrets.write_text(content)
    said = _refusal(data)
    assert str(secrets) in said
    assert "backup" in said


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m,mode=755", "none", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("this user may not mount a file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_too_small_for_the_cluster_is_told_and_left_clean(small_disk: Path) -> None:
    said = _refusal(small_disk / "data")
    assert "could not be initialised" in said
    assert f"The disk of {small_disk / 'data'} is full" in said
    assert not (small_disk / "data" / "postgres.new").exists()


def test_a_disk_with_no_room_at_all_is_told(small_disk: Path) -> None:
    data = small_disk / "data"
    data.mkdir()
    with suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as filler:
        while filler.write(b"\0" * 65536):
            pass
    assert f"{data} cannot be used: No space left on device" in _refusal(data)


@as_root
def test_a_folder_that_neither_root_nor_nobody_may_enter_is_named(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    os.chown(closed, 12345, 12345)
    said = _refusal(closed / "data")
    assert "does not run as root" in said
    assert "(mode 0700)" in said
    assert "ordinary user" in said


@as_root
def test_root_without_user_namespaces_runs_it_as_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    through = cluster._run

    def without_namespaces(
        mode: str, arguments: list[str], keep: int | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        if mode == "namespace":
            return subprocess.CompletedProcess(arguments, 1, b"", b"no user namespace")
        return through(mode, arguments, keep)

    monkeypatch.setattr(cluster, "_run", without_namespaces)
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        data = Path(name) / "data"
        with closing(EmbeddedServer.open(data)) as server:
            assert _one(server.service_url, "SELECT 1") == 1
            assert Path(f"/proc/{_postmaster(data)}").stat().st_uid == 65534
            assert (data / "postgres").stat().st_uid == 65534
            assert (data / "postgres.secrets").stat().st_uid == 0
