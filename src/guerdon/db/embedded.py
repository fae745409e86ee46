"""The embedded PostgreSQL at work: started, joined, taken over and stopped by us alone.

    DIR/lock   held by the process that owns the server

The socket is in a private folder under the run-time directory (long paths fail); there is no TCP,
and every connection gives a password.
"""

import asyncio
import fcntl
import signal
import subprocess
import time
from pathlib import Path
from typing import IO, Literal

import psycopg
from psycopg import sql

from guerdon import clock
from guerdon.db.cluster import Cluster, StartupError

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
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


class EmbeddedServer:
    """A running server of a data directory: ours (``owns_server``), or one that we joined."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._cluster = Cluster(data)
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def open(cls, data: Path) -> "EmbeddedServer":
        """Initialises and starts the server of ``data``, or joins the one that is running.

        From the main thread only: the server ends with the thread that started it. Raises
        :class:`StartupError`.
        """
        server = cls(data)
        try:
            data.mkdir(parents=True, exist_ok=True)
            server._take_over_or_join()
        except OSError as trouble:
            raise StartupError(
                f"The data directory {data} cannot be used: {trouble.strerror}. Give --data a "
                "directory that this user may write, on a disk with room."
            ) from trouble
        return server

    @property
    def owns_server(self) -> bool:
        """Whether this process started the server and will stop it."""
        return self._lock is not None

    @property
    def owner_url(self) -> str:
        """How the role that owns the schema connects; it migrates."""
        return self._cluster.conninfo("guerdon_owner", "guerdon")

    @property
    def service_url(self) -> str:
        """How the service connects."""
        return self._cluster.conninfo("guerdon_service", "guerdon")

    @property
    def superuser_url(self) -> str:
        """How the superuser connects: for making databases beside ours."""
        return self._cluster.conninfo("postgres", "postgres")

    async def revive(self) -> Literal["started again", "taken over"] | None:
        """Starts the server again if ours died, or if the process whose server we joined ended.

        Answers what was needed. The socket stays where it is, so pools find it again. Recovery
        may take long: meanwhile the loop goes on, and only the start itself is on its thread.
        """
        if self._lock is not None:
            if self._process is not None and self._process.poll() is None:
                return None
            before = self._launch()
            await asyncio.to_thread(self._await_up, before)
            return "started again"
        if not self._own():
            return None
        try:
            await asyncio.to_thread(self._cluster.prepare)
            before = self._launch()
            await asyncio.to_thread(self._await_up, before)
        except BaseException:
            self.close()
            raise
        return "taken over"

    def close(self) -> None:
        """Stops the server if it is ours, and waits for it."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait()
            self._cluster.leave_socket_folder()
        self._process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    # Joining ----------------------------------------------------------------------------------

    def _take_over_or_join(self) -> None:
        """Whoever holds the lock may be starting, running or just ending: look until one fits."""
        deadline = clock.monotonic() + _START_SECONDS
        while not self._take_over():
            trouble = self._try_to_join()
            if trouble is None:
                return
            if clock.monotonic() > deadline:
                raise StartupError(
                    f"Another process holds {self._data}, but its server does not answer "
                    f"({trouble}). Stop that process, or wait for it, and try again."
                )
            time.sleep(0.1)

    def _try_to_join(self) -> str | None:
        try:
            self._cluster.read_secrets()
            with psycopg.connect(self.owner_url, connect_timeout=2):
                return None
        except (StartupError, OSError, ValueError, KeyError, psycopg.OperationalError) as trouble:
            return str(trouble).strip()

    # Starting ---------------------------------------------------------------------------------

    def _take_over(self) -> bool:
        """Becomes the owner and starts the server, unless another process is the owner."""
        if not self._own():
            return False
        try:
            self._cluster.prepare()
            self._await_up(self._launch())
        except BaseException:
            self.close()
            raise
        return True

    def _own(self) -> bool:
        lock = (self._data / "lock").open("a+", encoding="ascii")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._lock = lock
        return True

    def _launch(self) -> int:
        """Starts the process; it ends with this thread. Answers where its words begin."""
        command = self._cluster.command(_SETTINGS)
        before = self._cluster.turn_log()
        self._cluster.log.touch(mode=0o600)  # errors quote rows
        with self._cluster.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own binary
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C is for us; we stop the server when nothing needs it any more.
                start_new_session=True,
            )
        return before

    def _await_up(self, before: int) -> None:
        process = self._process
        assert process is not None, "it was just started"
        deadline = clock.monotonic() + _START_SECONDS
        while True:
            try:
                self._ensure_roles()
                return
            except psycopg.OperationalError as trouble:
                last = str(trouble)
            said = self._cluster.log.read_bytes()[before:].decode("utf-8", "replace")
            if process.poll() is not None:
                raise self._cluster.explained("PostgreSQL did not start", said)
            if clock.monotonic() > deadline:
                raise self._cluster.explained("PostgreSQL did not become ready", f"{last}\n{said}")
            time.sleep(0.02)

    def _ensure_roles(self) -> None:
        with psycopg.connect(self.superuser_url, autocommit=True, connect_timeout=5) as connection:
            for role, rights in (("guerdon_owner", "CREATEROLE"), ("guerdon_service", "")):
                there = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,))
                if there.fetchone() is None:
                    connection.execute(
                        sql.SQL("CREATE ROLE {} LOGIN {} PASSWORD {}").format(
                            sql.Identifier(role), sql.SQL(rights), self._cluster.password(role)
                        )
                    )
            there = connection.execute("SELECT 1 FROM pg_database WHERE datname = 'guerdon'")
            if there.fetchone() is None:
                connection.execute("CREATE DATABASE guerdon OWNER guerdon_owner")
