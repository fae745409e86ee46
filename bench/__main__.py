"""``make bench``: durable accepts and settled transactions a second, beside pgbench.

Everything runs on one embedded PostgreSQL with fsync on, one after the other: pgbench with one
transaction a redemption (``redemption.sql``: the same rows, no HTTP), then the API over real HTTP.
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
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from rich.console import Console
from rich.table import Table

from guerdon.db.cluster import binary
from guerdon.db.embedded import EmbeddedServer
from guerdon.db.migrate import migrate

SECONDS = 10
CONNECTIONS = 64
MEMBERS = 5000
console = Console()


def pgbench(server: EmbeddedServer, members: int, clients: int) -> float:
    """Transactions a second of ``redemption.sql``."""
    where = conninfo_to_dict(server.owner_url)
    ran = subprocess.run(
        [binary("pgbench"), "-n", "-M", "prepared", "-c", str(clients), "-j", "2"]
        + ["-T", str(SECONDS), "-D", f"members={members}"]
        + ["-f", str(Path(__file__).with_name("redemption.sql")), "pgbench"],
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
        raise SystemExit(f"pgbench failed: {ran.stderr[-2000:]}")
    return float(found[1])


def prepare_pgbench(server: EmbeddedServer) -> None:
    """A database of its own with the same schema."""
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE pgbench OWNER guerdon_owner")
    url = make_conninfo(server.owner_url, dbname="pgbench")
    asyncio.run(migrate(url))
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO account (slot, member_id, namespace, available) SELECT 0, "
            "('00000000-0000-8000-8000-' || lpad(n::text, 12, '0'))::uuid, 'bench', 1000000000 "
            "FROM generate_series(1, %s) n",
            (MEMBERS,),
        )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Served:
    """A ``guerdon serve`` in a process of its own, furnished for the bench."""

    def __init__(self, data: Path, *flags: str) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "guerdon", "serve", "--data", str(data)]
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port), *flags],
            env={"GUERDON_PROVIDER_ALLOW": "127.0.0.0/8", "GUERDON_LOG_LEVEL": "error"},
        )
        made = subprocess.run(
            [sys.executable, "-m", "guerdon", "keys", "create", "--data", str(data)]
            + ["--namespace", "bench", "--scopes", "members,options,redeem,read"],
            capture_output=True,
            text=True,
            check=True,
        )
        self.key = made.stdout.strip()
        deadline = time.monotonic() + 30
        while True:
            try:
                self.call("GET", "/readyz")
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("guerdon serve did not become ready") from None
                time.sleep(0.05)

    def call(self, method: str, path: str, body: object = None, kind: str = "application/json"):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=None if body is None else raw,
            method=method,
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": kind},
        )
        with urllib.request.urlopen(request) as answer:
            text = answer.read()
        return json.loads(text) if "ndjson" not in kind else text

    def furnish(self, provider_port: int) -> str:
        """Members with tokens, a provider and an option; answers the option's name."""
        lines = b"\n".join(
            b'{"userId":"member-%d","grant":1000000000,"reference":"g%d"}' % (n, n)
            for n in range(MEMBERS)
        )
        self.call("POST", "/v1/members/batch", lines, "application/x-ndjson")
        provider = self.call(
            "POST",
            "/v1/providers",
            {
                "name": f"bench {self.port}",
                "webhookUrl": f"http://127.0.0.1:{provider_port}/",
                "maxInFlight": 200,
            },
        )
        option = {"type": "digital", "title": "Free Tickets", "price": 1}
        return str(
            self.call("POST", "/v1/options", option | {"providerId": provider["id"]})["name"]
        )

    def load(self, option: str, members: int) -> dict[str, float]:
        """Redemptions for ``SECONDS`` from another process."""
        ran = subprocess.run(
            [sys.executable, "-m", "bench.load", str(self.port), self.key, option]
            + [str(CONNECTIONS), str(SECONDS), str(members)],
            capture_output=True,
            text=True,
            check=True,
        )
        return dict(json.loads(ran.stdout))

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def settled(data: Path, option: str, served: Served) -> float:
    """Settled transactions a second: from the first accept to the last settlement."""
    started = time.perf_counter()
    served.load(option, MEMBERS)
    server = EmbeddedServer.open(data)
    with psycopg.connect(server.owner_url, autocommit=True) as connection:
        while True:
            query = "SELECT count(*) FILTER (WHERE status = 'success'), count(*) FROM transaction"
            row = connection.execute(query + " WHERE option_name = %s", (option,)).fetchone()
            assert row is not None
            if row[0] == row[1]:
                return float(row[0]) / (time.perf_counter() - started)
            time.sleep(0.1)


def main() -> None:
    data = Path(tempfile.mkdtemp(prefix="guerdon-bench-"))
    server = EmbeddedServer.open(data)
    asyncio.run(migrate(server.owner_url))
    prepare_pgbench(server)
    console.print(f"pgbench, {SECONDS} s each …")
    peer = max(pgbench(server, MEMBERS, clients) for clients in (16, 48))
    peer_hot = max(pgbench(server, 1, clients) for clients in (16, 48))
    server.close()

    provider_port = free_port()
    provider = subprocess.Popen([sys.executable, "-m", "bench.provider", str(provider_port)])
    console.print("guerdon serve --no-delivery …")
    served = Served(data, "--no-delivery")
    option = served.furnish(provider_port)
    accepts = served.load(option, MEMBERS)
    hot = served.load(option, 1)
    served.stop()
    # What the accepts left in the queue is not what the next part measures.
    server = EmbeddedServer.open(data)
    with psycopg.connect(server.owner_url, autocommit=True) as connection:
        connection.execute("TRUNCATE message, transaction, event, attempt, transaction_personal")
        connection.execute("TRUNCATE posting, idempotency_key")
        connection.execute("UPDATE account SET available = 1000000000, held = 0, member_seq = 0")
    server.close()
    console.print("guerdon serve, with delivery …")
    served = Served(data)
    ended = settled(data, served.furnish(provider_port), served)
    served.stop()
    provider.terminate()

    table = Table("what", "a second", "of pgbench", "p50 ms", "p99 ms", title="Guerdon bench")
    table.add_row("pgbench, one transaction a redemption", f"{peer:,.0f}", "1.00", "", "")
    for name, ran, base in (
        ("accepts over HTTP, durable", accepts, peer),
        ("accepts of one hot member", hot, peer_hot),
    ):
        rate = ran["accepted_per_second"]
        table.add_row(
            name,
            f"{rate:,.0f}",
            f"{rate / base:.2f}",
            f"{ran['p50_ms']:.1f}",
            f"{ran['p99_ms']:.1f}",
        )
        console.print(name, ran["statuses"])
    table.add_row("pgbench, one hot member", f"{peer_hot:,.0f}", "1.00", "", "")
    table.add_row("settled end to end", f"{ended:,.0f}", f"{ended / peer:.2f}", "", "")
    console.print(table)


if __name__ == "__main__":
    main()
