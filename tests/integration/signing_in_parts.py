"""Somebody at the console's door, who keeps cookies as a browser does."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from argon2 import PasswordHasher

from guerdon.access import store as access
from guerdon.db.pool import Database

PASSWORD = "correct horse battery staple"
_HASH = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)


async def make_operator(
    database: Database, namespace: str, email: str, role: str = "manager", *, password: bool = True
) -> None:
    """A person, with ``PASSWORD`` or with none."""
    async with database.tx() as tx:
        await access.ensure_namespace(tx, namespace)
        await access.add_operator(tx, namespace, email, role, _HASH if password else None)


async def audited(database: Database, namespace: str = "1") -> list[tuple[str, str, Any]]:
    """(action, target, detail) of the audit trail, oldest first."""
    async with database.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT action, target, detail FROM audit WHERE namespace = %s ORDER BY at, audit_id",
            (namespace,),
        )
        return [(row.action, row.target, row.detail) for row in await cursor.fetchall()]


@dataclass
class Page:
    """What the console said."""

    status: int
    text: str
    location: str | None

    @property
    def csrf(self) -> str:
        return re.findall(r'name="csrf" value="([^"]+)"', self.text)[0]


class Person:
    """A browser without a window: follows no redirects by itself."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.session = session

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Page:
        """Opens a page, of the console or elsewhere."""
        whole = path if path.startswith("http") else self.url + path
        async with self.session.get(whole, allow_redirects=False, headers=headers) as answer:
            return Page(answer.status, await answer.text(), answer.headers.get("Location"))

    async def post(self, path: str, form: Mapping[str, str]) -> Page:
        """Sends a form."""
        async with self.session.post(self.url + path, data=form, allow_redirects=False) as answer:
            return Page(answer.status, await answer.text(), answer.headers.get("Location"))

    async def send(self, page: str, path: str, **form: str) -> Page:
        """Opens a page and sends one of its forms."""
        return await self.post(path, {"csrf": (await self.get(page)).csrf, **form})

    async def sign_in(self, email: str, password: str = PASSWORD) -> Page:
        """The first step, by password."""
        return await self.post("/sign-in", {"email": email, "password": password})

    @property
    async def inside(self) -> bool:
        """Whether the console knows who this is."""
        return (await self.get("/account")).status == 200

    def cookies(self) -> dict[str, str]:
        """What is kept, by name."""
        return {cookie.key: cookie.value for cookie in self.session.cookie_jar}


@asynccontextmanager
async def somebody(url: str) -> AsyncIterator[Person]:
    """A fresh person with no cookies."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield Person(url, session)
