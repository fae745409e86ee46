"""The walk through the sandbox is walked: its curls, in a shell, against a real server."""

import asyncio
import json
import os
import re
import shutil
from collections.abc import AsyncIterator

import pytest
from tests.conftest import ALL_SCOPES, make_key, served
from tests.faults.redeeming import eventually, statement
from tests.house.documents import page, section
from tests.house.test_docs_examples import same_shape

from guerdon.app import Running
from guerdon.db.pool import Database

_END = "== the end of a block =="


class Shell:
    """One shell from block to block."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def run(self, block: str) -> str:
        """What a block prints."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{block}\necho; echo '{_END}'\n".encode())
        said = await self._process.stdout.readuntil(f"{_END}\n".encode())
        return said.decode().removesuffix(f"{_END}\n").strip()


@pytest.fixture
async def shell(guerdon: Running, database: Database) -> AsyncIterator[Shell]:
    """A shell that knows the server and a key of a test programme."""
    if not (shutil.which("bash") and shutil.which("curl")):
        pytest.skip("The examples are for bash and curl.")
    key = await make_key(database, "try", ALL_SCOPES, test=True)
    async with served(guerdon, key) as api:
        url = str(api._session._base_url).rstrip("/")
        process = await asyncio.create_subprocess_exec(
            "bash",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"GUERDON": url, "KEY": key},
        )
        yield Shell(process)
        assert process.stdin is not None
        process.stdin.close()
        assert await process.wait() == 0


async def test_the_walk_through_the_sandbox(shell: Shell, database: Database) -> None:
    walk = section(page("docs/sandbox.md"), "## Five minutes")
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", walk, re.MULTILINE | re.DOTALL)
    assert [kind for kind, _ in blocks].count("sh") == 6
    first, *rest = blocks
    assert "GUERDON=" in first[1]
    assert "KEY=" in first[1]
    for (_, block), (kind, told) in zip(rest[::2], rest[1::2], strict=True):
        said = await shell.run(block)
        if kind == "json":
            assert same_shape(json.loads(told), json.loads(said), {}), said
            continue
        # What takes a moment is looked at again.
        look = block.strip().splitlines()[-1]

        async def comes(look: str = look, told: str = told) -> bool:
            return await shell.run(look) == told.strip()

        await eventually(comes)
        if "429" in told:  # the answer is judged first, and the provider slowed down after it
            await eventually(lambda: slowed(database))


async def slowed(database: Database) -> bool:
    async with database.read() as tx:
        row = await tx.first(statement("SELECT slow_until FROM provider_health"))
    return row is not None and row.slow_until is not None
