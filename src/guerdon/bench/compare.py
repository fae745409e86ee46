"""Durable accepts and settled transactions a second, beside pgbench.

Everything runs on one embedded PostgreSQL with fsync on, one after the other: pgbench with one
transaction a redemption (``redemption.sql``: the same rows, no HTTP), then Guerdon over real HTTP,
in processes of their own. At the end the ledger is proved.
"""

import asyncio
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from rich.console import Console
from rich.table import Table

from guerdon import clock
from guerdon.db.cluster import binary
from guerdon.db.embedded import EmbeddedServer
from guerdon.db.migrate import migrate
from guerdon.errors import GuerdonError

_MEMBERS = 5000
_MEMBERS_A_CALL = 1000


class BenchFailed(GuerdonError):
    """A part of the benchmark did not run."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long each part runs, and over how many connections."""

    seconds: int
    connections: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What one part did."""

    per_second: float
    p50_ms: float | None = None
    p99_ms: float | None = None


def run(plan: Plan, console: Console) -> None:
    """Measures, and prints a table of rates and ratios."""
    with tempfile.TemporaryDirectory(prefix="guerdon-bench-") as folder:
        data = Path(folder)
        data.chmod(0o755)
        console.print("pgbench, one transaction a redemption …")
        many, one = _pgbench_both(data, plan)
        with _provider() as provider_port:
            console.print("guerdon serve --no-delivery: accepts …")
            with _serving(data, "--no-delivery") as site:
                option = site.furnish(provider_port, "accepts")
                accepts = site.load(option, _MEMBERS, plan)
                wide = site.load(option, _MEMBERS, Plan(plan.seconds, plan.connections * 4))
                hot = site.load(option, 1, plan)
            _forget_the_queue(data)
            console.print("guerdon serve: accepts and settles …")
            with _serving(data) as site:
                ended = _settled(data, site.furnish(provider_port, "settled"), site, plan)
        _prove(data, console)
    table = Table("what", "a second", "of pgbench", "p50 ms", "p99 ms", title="guerdon bench")
    _row(table, "pgbench, one transaction a redemption", many, many)
    _row(table, f"accepts over HTTP, {plan.connections} connections", accepts, many)
    _row(table, f"accepts over HTTP, {plan.connections * 4} connections", wide, many)
    _row(table, "settled end to end, provider over HTTP", ended, many)
    _row(table, "pgbench, one hot member", one, one)
    _row(table, "accepts over HTTP of one hot member", hot, one)
    console.print(table)


def _row(table: Table, name: str, ran: Measured, base: Measured) -> None:
    times = ["" if ms is None else f"{ms:.1f}" for ms in (ran.p50_ms, ran.p99_ms)]
    ratio = f"{ran.per_second / base.per_second:.2f}"
    table.add_row(name, f"{ran.per_second:,.0f}", ratio, *times)


def _pgbench_both(data: Path, plan: Plan) -> tuple[Measured, Measured]:
    """With many members, and with one: the better of few and of many clients."""
    server = EmbeddedServer.open(data)
    try:
        asyncio.run(migrate(server.owner_url))
        url = _database_of_pgbench(server)
        return (
            Measured(max(_pgbench(url, _MEMBERS, clients, plan) for clients in (16, 48))),
            Measured(max(_pgbench(url, 1, clients, plan) for clients in (16, 48))),
        )
    finally:
        server.close()


def _database_of_pgbench(server: EmbeddedServer) -> str:
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE pgbench OWNER guerdon_owner")
    url = make_conninfo(server.owner_url, dbname="pgbench")
    asyncio.run(migrate(url))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO account (slot, member_id, namespace, available) SELECT 0, "
            "('00000000-0000-8000-8000-' || lpad(n::text, 12, '0'))::uuid, 'bench', 1000000000 "
            "FROM generate_series(1, %s) n",
            (_MEMBERS,),
        )
        connection.execute("VACUUM ANALYZE")
    return url


def _pgbench(url: str, members: int, clients: int, plan: Plan) -> float:
    where = conninfo_to_dict(url)
    with resources.as_file(resources.files(__package__) / "redemption.sql") as script:
        ran = subprocess.run(  # noqa: S603 - PostgreSQL's own
            [binary("pgbench"), "-n", "-M", "prepared", "-c", str(clients), "-j", "2"]
            + ["-T", str(plan.seconds), "-D", f"members={members}", "-f", str(script), "pgbench"],
            env={
                "PGHOST": str(where["host"]),
                "PGUSER": str(where["user"]),
                "PGPASSWORD": str(where["password"]),
            },
            capture_output=True,
            text=True,
            check=False,
        )
    found = re.search(r"tps = ([\d.]+)", ran.stdout)
    if ran.returncode != 0 or found is None:
        raise BenchFailed(f"pgbench failed: {ran.stderr[-2000:]}")
    return float(found[1])


@contextmanager
def _provider() -> Iterator[int]:
    port = _free_port()
    process = subprocess.Popen(_python("guerdon.bench.provider", str(port)))  # noqa: S603 - our own
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


@dataclass(frozen=True, slots=True)
class _Site:
    """A ``guerdon serve`` in a process of its own."""

    port: int
    key: str

    def call(
        self, method: str, path: str, body: object = None, kind: str = "application/json"
    ) -> bytes:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=None if body is None else raw,
            method=method,
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": kind},
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - on the loopback
            return bytes(answer.read())

    def furnish(self, provider_port: int, name: str) -> str:
        """Members with tokens, a provider and an option; answers the option's name."""
        for first in range(0, _MEMBERS, _MEMBERS_A_CALL):
            lines = b"\n".join(
                b'{"userId":"member-%d","grant":1000000000,"reference":"g%d"}' % (n, n)
                for n in range(first, first + _MEMBERS_A_CALL)
            )
            self.call("POST", "/v1/members/batch", lines, "application/x-ndjson")
        url = f"http://127.0.0.1:{provider_port}/"
        settings = {"name": name, "webhookUrl": url, "maxInFlight": 200}
        provider = json.loads(self.call("POST", "/v1/providers", settings))
        option = {"type": "digital", "title": "Free Tickets", "price": 1}
        made = self.call("POST", "/v1/options", option | {"providerId": provider["id"]})
        return str(json.loads(made)["name"])

    def load(self, option: str, members: int, plan: Plan) -> Measured:
        """Redemptions from a process of their own."""
        what = [str(self.port), self.key, option, str(plan.connections), str(plan.seconds)]
        ran = subprocess.run(  # noqa: S603 - our own
            _python("guerdon.bench.load", *what, str(members)),
            capture_output=True,
            text=True,
            check=True,
        )
        told = json.loads(ran.stdout)
        if told["statuses"].keys() != {"202"}:
            raise BenchFailed(f"Not everything was accepted: {told['statuses']}.")
        return Measured(told["accepted_per_second"], told["p50_ms"], told["p99_ms"])


@contextmanager
def _serving(data: Path, *flags: str) -> Iterator[_Site]:
    where = ["--data", str(data)]
    key = subprocess.run(  # noqa: S603 - our own
        _python("guerdon", "keys", "create", *where, "--namespace", "bench")
        + ["--scopes", "members,options,redeem,read"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    site = _Site(_free_port(), key)
    process = subprocess.Popen(  # noqa: S603 - our own
        _python("guerdon", "serve", *where, "--port", str(site.port), *flags),
        env={"GUERDON_PROVIDER_ALLOW": "127.0.0.0/8", "GUERDON_LOG_LEVEL": "error"},
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_ready(site, process)
        yield site
    finally:
        process.terminate()
        process.wait()


def _wait_until_ready(site: _Site, process: subprocess.Popen[bytes]) -> None:
    deadline = clock.monotonic() + 30
    while True:
        try:
            site.call("GET", "/readyz")
        except OSError as trouble:
            if process.poll() is not None or clock.monotonic() > deadline:
                raise BenchFailed("guerdon serve did not become ready.") from trouble
            time.sleep(0.05)
        else:
            return


def _settled(data: Path, option: str, site: _Site, plan: Plan) -> Measured:
    """Settled transactions a second: from the first accept to the last settlement."""
    count = (
        "SELECT count(*) FILTER (WHERE status = 'success') AS settled, count(*) AS accepted "
        "FROM transaction WHERE option_name = %s"
    )
    started = clock.monotonic()
    site.load(option, _MEMBERS, plan)
    server = EmbeddedServer.open(data)
    with psycopg.connect(server.owner_url, autocommit=True) as connection:
        while True:
            row = connection.execute(count, (option,)).fetchone()
            assert row is not None, "a count has a row"
            if row[0] == row[1]:
                return Measured(row[0] / (clock.monotonic() - started))
            time.sleep(0.1)


def _forget_the_queue(data: Path) -> None:
    """What the accepts left to deliver is not what the next part measures."""
    server = EmbeddedServer.open(data)
    try:
        with psycopg.connect(server.owner_url, autocommit=True) as connection:
            connection.execute("UPDATE provider SET paused = true")
    finally:
        server.close()


def _prove(data: Path, console: Console) -> None:
    console.print("guerdon verify …")
    proof = subprocess.run(  # noqa: S603 - our own
        _python("guerdon", "verify", "--data", str(data)),
        capture_output=True,
        text=True,
        check=False,
    )
    if proof.returncode != 0:
        raise BenchFailed(f"The ledger does not add up after the benchmark: {proof.stdout}")


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
