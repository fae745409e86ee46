"""Behind a PgBouncer in transaction mode: its sessions belong to others in between."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from tests.conftest import ALL_SCOPES, LOOPBACK, make_key, served
from tests.integration.api_parts import furnished

from guerdon import app
from guerdon.cli.database import place
from guerdon.db.cluster import StartupError
from guerdon.db.migrate import SERVICE_ROLE, missing_role
from guerdon.db.pool import Database
from guerdon.sealing import Sealer

_BINARY = shutil.which("pgbouncer")
pytestmark = [
    pytest.mark.skipif(_BINARY is None, reason="no pgbouncer here"),
    pytest.mark.skipif(
        "GUERDON_TEST_DATABASE_URL" in os.environ, reason="its socket may be somebody else's"
    ),
]
_SETTINGS = """
[databases]
pooled = host={host} port={port} user={user} password={password} dbname={dbname}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
ignore_startup_parameters = extra_float_digits
logfile = {folder}/log
pidfile =
"""


@pytest.fixture
async def pooled(database_url: str, tmp_path: Path) -> AsyncIterator[str]:
    """The database of a test, through a PgBouncer with three sessions."""
    assert _BINARY is not None
    to = conninfo_to_dict(database_url)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = free.getsockname()[1]
    folder = tmp_path / "pgbouncer"
    folder.mkdir(mode=0o777)
    settings = folder / "settings.ini"
    settings.write_text(
        _SETTINGS.format_map({"port": 5432, **to, "listen": listen, "folder": folder})
    )
    # It does not run as root; in a user namespace it is nobody, and files stay root's.
    prefix = ["unshare", "--user"] if os.geteuid() == 0 else []
    quiet = asyncio.subprocess.DEVNULL
    running = await asyncio.create_subprocess_exec(
        *prefix, _BINARY, str(settings), stdout=quiet, stderr=quiet
    )
    url = f"host=127.0.0.1 port={listen} dbname=pooled user=anybody"
    try:
        async with asyncio.timeout(20):
            while True:
                assert running.returncode is None, (folder / "log").read_text()
                with suppress(psycopg.OperationalError), psycopg.connect(url):
                    break
                await asyncio.sleep(0.05)
        yield url
    finally:
        running.terminate()
        await running.wait()


async def test_redemptions_through_a_pooler(pooled: str, sealer: Sealer) -> None:
    """More connections than it has sessions, and each statement often enough to be prepared."""
    assert await missing_role(pooled) is None
    database = Database(pooled, role=SERVICE_ROLE)
    await database.open()
    key = await make_key(database, "1", ALL_SCOPES)
    async with (
        app.running(database, sealer, LOOPBACK) as running,
        served(running, key) as api,
        furnished(api) as shop,
    ):
        members = [await shop.member(f"member {number}", 2000) for number in range(4)]
        for _ in range(8):
            asked = await asyncio.gather(*(shop.ask(member) for member in members))
            assert [answer.status for answer in asked] == [202] * 4
            for answer in asked:
                await shop.settled(answer.body["id"], "success")
        listed = await api.call("GET", "/v1/transactions.csv")
        assert listed.body.count(b",success,") == 32
    await database.close()
    with psycopg.connect(pooled) as connection:
        row = connection.execute("SELECT current_user").fetchone()
        assert row != (SERVICE_ROLE,), "no session keeps the role of the service"


async def test_migrations_do_not_go_through_it(pooled: str, tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="GUERDON_DIRECT_URL"), place(tmp_path, pooled):
        raise AssertionError("refused")
