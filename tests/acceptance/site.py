"""A place where guerdon runs as real processes, and everything that ends with it."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import namedtuple_row
from tests.acceptance.provider import Provider
from tests.conftest import ALL_SCOPES, Api, make_key

from guerdon import ids
from guerdon.db.embedded import EmbeddedServer
from guerdon.db.migrate import SERVICE_ROLE, migrate
from guerdon.db.pool import Database

NAMESPACE = "1"
_COMMAND = Path(sys.executable).parent / "guerdon"
_PATIENCE_SECONDS = 45.0


async def until(happened: Callable[[], Any], what: str) -> None:
    """Waits for a state of the outside world; a failure, not a measurement, when it never comes."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        answer = happened()
        if isinstance(answer, Awaitable):
            answer = await answer
        if answer:
            return
        assert time.monotonic() < deadline, f"this never came about: {what}"
        await asyncio.sleep(0.05)


@contextmanager
def empty_database(server: str) -> Iterator[str]:
    """A superuser's conninfo of an empty database, for a site that several tests look at."""
    name = f"acceptance_{ids.random_id().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield make_conninfo(server, dbname=name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


class Process:
    """One guerdon process in a process group of its own; what it says is in a file."""

    def __init__(self, arguments: list[str], environment: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                [str(_COMMAND), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
            )
        self.pid = self._popen.pid
        self.delivers = "--no-delivery" not in arguments

    @property
    def alive(self) -> bool:
        return self._popen.poll() is None

    def said(self) -> str:
        """Everything it has written so far."""
        return self.log.read_text("utf-8", "replace")

    def pause(self) -> None:
        """Stops it in its tracks: what arrives from now on it does not see."""
        os.killpg(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Ends the pause: for the process, no time has passed."""
        os.killpg(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """kill -9."""
        if self.alive:
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()

    async def stop(self) -> int:
        """Asks for an orderly end; answers the exit code."""
        self._popen.send_signal(signal.SIGTERM)
        await until(lambda: not self.alive, f"the end of {self.log.name}")
        return self._popen.returncode

    def resident_bytes(self) -> int:
        """How much memory it has in hand (``VmRSS``)."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None, status
        return int(found[1]) * 1024


class Site:
    """Guerdon on one database: of a data directory (``data``), or of a superuser's ``url``."""

    def __init__(self, folder: Path, *, url: str | None = None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.url = url
        self.environment = os.environ | {
            "GUERDON_PROVIDER_ALLOW": "127.0.0.0/8",
            "GUERDON_SECRET_KEY": bytes(range(32)).hex(),
        }
        # Where the test itself owns PostgreSQL, so that it stays away when it is killed.
        self.server: EmbeddedServer | None = None
        self.processes: list[Process] = []
        self.providers: list[Provider] = []
        self._sessions: list[aiohttp.ClientSession] = []
        self.key = ""
        self.port = 0

    def place(self, url: str | None = None) -> list[str]:
        """The flag that names the database; ``url`` instead of the site's own."""
        chosen = url or self.url
        return ["--data", str(self.data)] if chosen is None else ["--database-url", chosen]

    # Processes ----------------------------------------------------------------------------------

    def start(self, *arguments: str, url: str | None = None) -> Process:
        """Starts a command; it ends with the site at the latest."""
        log = self.folder / f"{len(self.processes)}-{arguments[0]}.log"
        process = Process([*arguments, *self.place(url)], self.environment, log)
        self.processes.append(process)
        return process

    async def serve(self, *flags: str, url: str | None = None) -> Process:
        """``guerdon serve``, once it answers; started again, it has the port of the first time."""
        process = self.start("serve", "--port", str(self.port), *flags, url=url)
        await self._await_words(process, "Guerdon answers on")
        found = re.search(r"http://127\.0\.0\.1:(\d+)", process.said())
        assert found is not None, process.said()
        self.port = int(found[1])
        await until(self.is_ready, "readiness")
        return process

    async def deliver(self, url: str | None = None) -> Process:
        """``guerdon deliver``, once it is at work."""
        process = self.start("deliver", url=url)
        await self._await_words(process, "Guerdon delivers")
        return process

    async def _await_words(self, process: Process, words: str) -> None:
        await until(lambda: words in process.said() or not process.alive, f"{words!r}")
        assert process.alive, process.said()

    async def run(self, *arguments: str) -> str:
        """Runs a command to its end; answers what it printed. Fails if the command does."""
        done = await asyncio.to_thread(
            subprocess.run,
            [str(_COMMAND), *arguments, *self.place()],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=self.environment,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    async def verify(self) -> None:
        """``guerdon verify``: the ledger adds up."""
        assert "everything adds up" in await self.run("verify")

    async def make_key(self) -> None:
        """A key for everything. On a fresh data directory the command initialises it, too."""
        if self.url is None:
            scopes = ",".join(ALL_SCOPES)
            told = await self.run("keys", "create", "--namespace", NAMESPACE, "--scopes", scopes)
            self.key = told.strip()
            return
        await migrate(self.url)
        database = Database(self.url, role=SERVICE_ROLE)
        await database.open()
        self.key = await make_key(database, NAMESPACE, ALL_SCOPES)
        await database.close()

    async def close(self) -> None:
        """Ends what is left: requests, providers, processes, and a PostgreSQL of theirs."""
        for session in self._sessions:
            await session.close()
        for provider in self.providers:
            await provider.close()
        postgres = self.postgres_pid()
        for process in self.processes:
            process.kill()
        if self.server is not None:
            self.server.close()
        if postgres is not None:
            # Its parent's death stops it (SIGINT); it may not outlive the test either way.
            await until(lambda: self.postgres_pid() is None, "the end of PostgreSQL")

    # The database -------------------------------------------------------------------------------

    def postgres_pid(self) -> int | None:
        """The process of the data directory's PostgreSQL, if it runs."""
        with suppress(OSError, ValueError):
            text = (self.data / "postgres" / "postmaster.pid").read_text("ascii")
            pid = int(text.split("\n", 1)[0])
            if str(self.data) in Path(f"/proc/{pid}/cmdline").read_text():
                return pid
        return None

    def kill_postgres(self, *, children: bool) -> None:
        """kill -9 of the postmaster, whose children then end by themselves, or of them too."""
        postmaster = self.postgres_pid()
        assert postmaster is not None, "PostgreSQL runs"
        family = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for pid in (postmaster, *(map(int, family) if children else ())):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def superuser(self) -> str:
        """A superuser's conninfo; with a data directory only while its server runs."""
        if self.url is not None:
            return self.url
        server = self.server
        if server is None:
            server = EmbeddedServer.open(self.data)
            assert not server.owns_server, "a guerdon process owns the server"
        return make_conninfo(server.superuser_url, dbname="guerdon")

    def connect(self) -> psycopg.Connection[Any]:
        """A superuser's session, each statement committed by itself."""
        return psycopg.connect(self.superuser(), autocommit=True, row_factory=namedtuple_row)

    def query(self, text: str, parameters: dict[str, Any] | None = None) -> list[Any]:
        """The rows of one statement, in a session of its own."""
        with self.connect() as connection:
            cursor = connection.execute(text, parameters)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []

    def statuses(self) -> dict[str, str]:
        """The status of every transaction."""
        rows = self.query("SELECT transaction_id::text AS id, status FROM transaction")
        return {row.id: row.status for row in rows}

    def movements(self) -> dict[str, list[str]]:
        """The movements of every transaction, in order."""
        found: dict[str, list[str]] = {}
        for row in self.query(
            "SELECT cause_id::text AS id, movement FROM posting "
            "WHERE movement IN ('hold', 'capture', 'release') ORDER BY cause_id, leg"
        ):
            found.setdefault(row.id, []).append(row.movement)
        return found

    def lapse_leases(self) -> None:
        """Time passes for leases of processes that are gone."""
        with self.connect() as connection:
            self._lapse_leases(connection)

    def _lapse_leases(self, connection: psycopg.Connection[Any]) -> None:
        # The youngest entries in the list of processes, as many as deliver, are those that live.
        living = sum(process.alive and process.delivers for process in self.processes)
        connection.execute(
            "UPDATE message SET lease_until = now() WHERE lease_until > now() AND lease_owner "
            "NOT IN (SELECT process_id FROM process ORDER BY started_at DESC LIMIT %s)",
            (living,),
        )

    async def come_to_rest(self) -> None:
        """Time passes for the leases of the dead and for all retries, until nothing is owed."""
        with self.connect() as connection:

            def at_rest() -> bool:
                self._lapse_leases(connection)
                connection.execute(
                    "UPDATE message SET due_at = now() WHERE state = 'queued' AND due_at > now()"
                )
                return connection.execute("SELECT 1 FROM message LIMIT 1").fetchone() is None

            await until(at_rest, "an empty outbox")

    # The API ------------------------------------------------------------------------------------

    async def is_ready(self) -> bool:
        try:
            return (await self.api().call("GET", "/readyz")).status == 200
        except aiohttp.ClientError:
            return False

    def api(self) -> Api:
        """The API with the site's key."""
        if not self._sessions:
            self._sessions.append(
                aiohttp.ClientSession(
                    f"http://127.0.0.1:{self.port}",
                    connector=aiohttp.TCPConnector(limit=0, force_close=True),
                )
            )
        return Api(self._sessions[0], self.key)

    async def make_provider(
        self, provider: Provider, *, url: str | None = None, **settings: Any
    ) -> dict[str, Any]:
        """A provider of the programme; answers it with its secrets."""
        self.providers.append(provider)
        body = {"name": f"P{provider.port}", "webhookUrl": url or provider.url, "dialect": "json"}
        made = await self.api().call("POST", "/v1/providers", body | settings)
        assert made.status == 201, made.body
        return made.body

    async def make_option(self, provider_id: str) -> str:
        """An option for 5 tokens; answers its name."""
        body = {"type": "digital", "title": "Ticket", "price": 5, "providerId": provider_id}
        made = await self.api().call("POST", "/v1/options", body)
        assert made.status == 201, made.body
        return str(made.body["name"])

    async def make_member(self, user_id: str, tokens: int = 1_000_000) -> None:
        """A member with tokens."""
        path = f"/v1/members/{user_id}"
        assert (await self.api().call("PUT", path, {})).status == 201
        grant = {"amount": tokens, "reason": "test"}
        made = await self.api().call("POST", f"{path}/grants", grant, key=f"grant-{user_id}")
        assert made.status == 201, made.body

    async def redeem(self, user_id: str, option: str, key: str, **more: Any) -> str:
        """An accepted redemption; answers its ID."""
        body = {"userId": user_id, "optionName": option} | more
        made = await self.api().call("POST", "/v1/redemptions", body, key=key)
        assert made.status == 202, json.dumps(made.body)
        return str(made.body["id"])
