"""Exports as a person at the console has them: the form, the file, the pages after it."""

import csv
import io
import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import aiohttp

from guerdon import clock
from guerdon.db.pool import Database, Row
from guerdon.db.sql import Statement
from guerdon.redemption.exports import writing
from guerdon.transactions.exports import store
from guerdon.transactions.exports.model import Export, Plan
from guerdon.transactions.lists.pages import Wanted

FORM = "/redeem/transactions/export"
USUAL = {"rows": "transaction", "zone": "UTC", "dates": "iso", "format": "csv"}


class Person:
    """Somebody who is signed in at the console."""

    def __init__(self, session: aiohttp.ClientSession, cookie: Mapping[str, str]) -> None:
        self._session = session
        self._cookie = cookie

    async def get(self, path: str) -> tuple[int, str]:
        async with self._session.get(path, headers=self._cookie) as answer:
            return answer.status, await answer.text()

    async def post(self, path: str, **fields: Any) -> tuple[int, Mapping[str, str], str]:
        """Sends a form as a page of this person's would."""
        _, page = await self.get(FORM)
        token = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
        assert token is not None
        form = aiohttp.FormData({"csrf": token[1]})
        for name, value in fields.items():
            for one in value if isinstance(value, list) else [value]:
                form.add_field(name, one)
        async with self._session.post(
            path, data=form, headers=self._cookie, allow_redirects=False
        ) as answer:
            return answer.status, answer.headers, await answer.text()

    async def export(self, *columns: str, **fields: str) -> str:
        """What is streamed for a form that was filled in so."""
        status, _, text = await self.post(FORM, col=list(columns), **(USUAL | fields))
        assert status == 200, text
        return text


def cells(text: str) -> list[list[str]]:
    """The rows of a CSV."""
    return list(csv.reader(io.StringIO(text, newline="")))


async def begun(database: Database, *columns: str, namespace: str = "1") -> Export:
    """An export of everything as it is now, to be kept."""
    async with database.tx() as tx:
        wanted = await writing.frozen(tx, Wanted(namespace), clock.now())
        plan = Plan(wanted, columns or ("id",), "transaction", "UTC", "iso", "csv", "0")
        export_id = await store.add(
            tx, namespace, "operator:x", "x.csv", {"view": "all"}, "All", plan, kept=True
        )
    return await stands(database, export_id, namespace)


async def stands(database: Database, export_id: UUID, namespace: str = "1") -> Export:
    """An export as it is now."""
    async with database.read() as tx:
        found = await store.export(tx, namespace, export_id)
    assert found is not None
    return found


async def content(database: Database, export: Export) -> str:
    """What is kept of an export's file."""
    async with database.read() as tx:
        return b"".join([part async for part in store.content(tx, export.export_id)]).decode()


async def asked(database: Database, text: str, **given: Any) -> list[Row]:
    """Rows that a test asks for itself."""
    async with database.tx() as tx:
        return await tx.all(Statement("test", "", text.encode()), given)
