"""What a user's type checker makes of the Python client: both kinds' methods, and the examples."""

from pathlib import Path

import pytest
from mypy import api as mypy
from tests.house.code import ROOT
from tests.house.documents import blocks, page

ASSERTED = """
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, assert_type

from guerdon_client import AsyncCallbackSender, AsyncClient, CallbackSender, Case, Client
from guerdon_client import FullTransaction, Member, News, Page, Transaction

def waits(c: Client, s: CallbackSender) -> None:
    assert_type(c.members.get("ada"), Member)
    assert_type(c.members.erase("ada"), None)
    assert_type(c.transactions.page(limit=5), Page[Transaction])
    assert_type(c.transactions.iterate(status="success"), Iterator[Transaction])
    assert_type(c.cases.iterate(closed=True), Iterator[Case])
    assert_type(s.send("t", "success"), News)

async def awaits(c: AsyncClient, s: AsyncCallbackSender) -> None:
    _ = assert_type(c.members.get("ada"), Coroutine[Any, Any, Member])
    assert_type(await c.transactions.get("t"), FullTransaction)
    assert_type(c.transactions.iterate(), AsyncIterator[Transaction])
    assert_type(await c.cases.resolve("t", "leave", "Settled"), Case)
    assert_type(await c.transactions.resend("t"), Transaction)
    assert_type(await s.send("t", "failure", message="Sold out"), News)
"""
WRONG = """
from guerdon_client import AsyncClient, Client

def waits(c: Client) -> None:
    c.members.get(5)
    c.members.grant("ada", 5)
    c.transactions.iterate(status="sucess")

async def awaits(c: AsyncClient) -> None:
    c.members.get("ada")
"""


def checked(folder: Path, *names: str) -> list[str]:
    """What a strict mypy says of files that use the client."""
    settings = folder / "mypy.ini"
    settings.write_text(
        f"[mypy]\nstrict = True\nmypy_path = {ROOT}/clients/python/src\n"
        f"cache_dir = {ROOT}/.mypy_cache\nscripts_are_modules = True\n"
    )
    said, trouble, _ = mypy.run(["--config-file", str(settings), *(str(folder / n) for n in names)])
    assert trouble == ""
    return [line.rpartition("[")[2].rstrip("]") for line in said.splitlines() if "error:" in line]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "asserted.py").write_text(ASSERTED)
    (tmp_path / "wrong.py").write_text(WRONG)
    for number, example in enumerate(blocks(page("clients/python/README.md"), "python")):
        (tmp_path / f"example{number}.py").write_text(example)
    return tmp_path


def test_types_are_whole(folder: Path) -> None:
    right = [path.name for path in folder.glob("*.py") if path.name != "wrong.py"]
    assert len(right) > 5
    assert checked(folder, *right) == []
    assert checked(folder, "wrong.py") == ["arg-type", "call-arg", "arg-type", "unused-coroutine"]
