"""A real backup and a real restore: what was sent since the backup is not sent again."""

import asyncio
import csv
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from io import StringIO
from pathlib import Path

from aiohttp import web
from psycopg.conninfo import conninfo_to_dict
from tests.acceptance.provider import Provider
from tests.acceptance.site import Site, until
from tests.acceptance.terminal import COMMAND

from guerdon.clock import now, rfc3339
from guerdon.db.cluster import binary
from guerdon.db.embedded import EmbeddedServer


def tool(name: str, data: Path, *arguments: str) -> None:
    """pg_dump or pg_restore beside a running Guerdon, as docs/operations.md types them."""
    server = EmbeddedServer.open(data)
    assert not server.owns_server, "a guerdon process owns the server"
    where = conninfo_to_dict(server.owner_url)
    environment = os.environ | {
        "PGHOST": str(where["host"]),
        "PGUSER": str(where["user"]),
        "PGPASSWORD": str(where["password"]),
    }
    subprocess.run([str(binary(name)), *arguments], env=environment, check=True)


@asynccontextmanager
async def telling(provider: Provider) -> AsyncIterator[str]:
    """A statusUrl that says what the provider has given."""

    async def tell(request: web.Request) -> web.Response:
        asked = request.query["transactionId"]
        status = "success" if provider.given[asked] else "failure"
        return web.json_response({"transactionId": asked, "status": status})

    application = web.Application()
    application.router.add_get("/status", tell)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/status"
    await runner.cleanup()


async def refused(site: Site, at: str) -> str:
    """Why ``guerdon restored`` does nothing."""
    done = await asyncio.to_thread(
        subprocess.run,
        [COMMAND, "restored", "--at", at, *site.place()],
        env=site.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, ""), done
    return " ".join(done.stderr.split())


async def test_what_was_sent_since_the_backup_is_not_sent_again(tmp_path: Path) -> None:
    before, after = Site(tmp_path / "before"), Site(tmp_path / "after")
    dump = str(tmp_path / "guerdon.dump")
    silent, open_hearted = Provider(), Provider()
    for site in (before, after):
        site.folder.mkdir()
    try:
        async with telling(open_hearted) as status_url:
            await before.make_key()
            serving = await before.serve("--no-delivery")
            silent.start()
            open_hearted.start()
            one = await before.make_provider(silent)
            two = await before.make_provider(open_hearted, statusUrl=status_url)
            await before.make_member("ann", 100)
            lost = await before.redeem("ann", await before.make_option(one["id"]), "a")
            known = await before.redeem("ann", await before.make_option(two["id"]), "b")
            tool("pg_dump", before.data, "-Fc", "-d", "guerdon", "-f", dump)
            at = now()
            delivering = await before.deliver()
            await until(lambda: set(before.statuses().values()) == {"success"}, "both are given")
            assert "delivers on this database" in await refused(before, rfc3339(at))
            await delivering.stop()
            await serving.stop()

            after.data.mkdir()
            if (before.data / "secret.key").exists():
                shutil.copy(before.data / "secret.key", after.data)
            after.key = before.key
            await after.serve("--no-delivery")
            cleanly = ["--clean", "--if-exists", "--no-owner", "--single-transaction"]
            tool("pg_restore", after.data, *cleanly, "-d", "guerdon", dump)
            assert after.statuses() == {lost: "pending", known: "pending"}
            assert "is after --at" in await refused(after, rfc3339(at - timedelta(hours=1)))

            report = await after.run("restored", "--at", rfc3339(at))
            rows = {row["id"]: row for row in csv.DictReader(StringIO(report))}
            told = {identifier: (row["before"], row["now"]) for identifier, row in rows.items()}
            assert told == {
                lost: ("pending", "recoverable-failure"),
                known: ("pending", "success"),
            }
            assert (rows[lost]["providerSays"], rows[known]["providerSays"]) == ("", "succeeded")
            again = await after.run("restored", "--at", rfc3339(at))
            assert [row["id"] for row in csv.DictReader(StringIO(again))] == [lost]

            await after.deliver()
            await after.come_to_rest()
            assert [asked.transaction_id for asked in silent.asked] == [lost]
            assert [asked.transaction_id for asked in open_hearted.asked] == [known]
            assert after.statuses() == {lost: "recoverable-failure", known: "success"}
            await after.verify()
            cancelled = await after.api().call("POST", f"/v1/transactions/{lost}/confirm", {})
            assert cancelled.body["status"] == "success"
    finally:
        await before.close()
        await after.close()
