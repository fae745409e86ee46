"""A real Chromium against a real Guerdon, with a provider that can be told how to answer."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvicorn
from aiohttp import web
from argon2 import PasswordHasher
from playwright.async_api import Browser, BrowserContext, Page, async_playwright
from tests.conftest import ALL_SCOPES, LOOPBACK, Api, make_key

from guerdon import app, ids
from guerdon.access import store as access
from guerdon.app import Running
from guerdon.config import OpenId
from guerdon.db.pool import Database
from guerdon.sealing import Sealer
from guerdon.web.connection import Connection

PLAIN_HOST = "rewards.test"
PASSWORD = "correct horse battery staple"
AXE = (Path(__file__).parent / "axe.min.js").read_text("utf-8")
# A theme changes colours and nothing else, so the rest is looked at once.
SCHEMES = {"light": {}, "dark": {"runOnly": ["color-contrast", "link-in-text-block"]}}
_CHROMIUM = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def _chromium() -> str | None:
    return next((found for name in _CHROMIUM if (found := shutil.which(name))), None)


def _exists(path: str) -> bool:
    return Path(path).exists()


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium: the machine's own, or Playwright's. Without one these tests are left out."""
    async with async_playwright() as playwright:
        path = _chromium()
        if path is None and not _exists(playwright.chromium.executable_path):
            why = "There is no Chromium here: run .ci/chromium as root, or playwright install."
            if os.environ.get("GUERDON_BROWSER") == "required":
                pytest.fail(why)
            pytest.skip(why)
        opened = await playwright.chromium.launch(
            executable_path=path,
            args=[
                "--no-sandbox",
                "--disable-dev-shm-usage",
                # A host that browsers do not trust as they trust the loopback.
                f"--host-resolver-rules=MAP {PLAIN_HOST} 127.0.0.1",
            ],
        )
        yield opened
        await opened.close()


async def axe(page: Page) -> list[str]:
    """What axe-core finds wrong with a page as it stands, in both themes."""
    found: list[str] = []
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE)
    for scheme, rules in SCHEMES.items():
        await page.emulate_media(color_scheme=scheme)
        result = await page.evaluate("(rules) => axe.run(document, rules)", rules)
        found += [
            f"{scheme}: {violation['id']}: {node['html'][:160]}"
            for violation in result["violations"]
            for node in violation["nodes"]
        ]
    return found


@dataclass
class Provider:
    """A provider on the loopback; ``answer`` is what it says, once ``answers`` are used up."""

    url: str
    answer: tuple[int, bytes] = (201, b"")
    seen: list[dict[str, Any]] = field(default_factory=list)
    hold: asyncio.Event | None = None
    answers: list[tuple[int, bytes]] = field(default_factory=list)


@asynccontextmanager
async def _provider() -> AsyncIterator[Provider]:
    listening = socket.create_server(("127.0.0.1", 0))
    provider = Provider(f"http://127.0.0.1:{listening.getsockname()[1]}/rewards")

    async def reply(request: web.Request) -> web.Response:
        provider.seen.append(await request.json())
        if provider.hold is not None:
            await provider.hold.wait()
        status, body = provider.answers.pop(0) if provider.answers else provider.answer
        return web.Response(status=status, body=body, content_type="application/json")

    application = web.Application()
    application.router.add_post("/rewards", reply)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    try:
        yield provider
    finally:
        await runner.cleanup()


@dataclass
class House:
    """A Guerdon that people can visit: its address, its API, and what is in it."""

    url: str
    api: Api
    provider: Provider
    running: Running
    database: Database
    option: str = ""

    async def redeem(self, user_id: str, *, until: str | None = None, **more: Any) -> str:
        """Redeems for a member; waits until the transaction stands as ``until``, if any."""
        body = {"optionName": self.option, "userId": user_id, **more}
        made = await self.api.call("POST", "/v1/redemptions", body, key=str(ids.random_id()))
        assert made.status == 202, made.body
        if until is not None:
            await self.stands(made.body["id"], until)
        return str(made.body["id"])

    async def stands(self, transaction_id: str, status: str) -> dict[str, Any]:
        """Waits until a transaction has a status."""
        async with asyncio.timeout(20):
            while True:
                found = await self.api.call("GET", f"/v1/transactions/{transaction_id}")
                if found.body["status"] == status:
                    return dict(found.body)
                await asyncio.sleep(0.05)

    async def tried(self, transaction_id: str) -> dict[str, Any]:
        """Waits until an attempt has ended, however it went."""
        async with asyncio.timeout(20):
            while True:
                found = await self.api.call("GET", f"/v1/transactions/{transaction_id}")
                if found.body["attempts"]:
                    return dict(found.body)
                await asyncio.sleep(0.05)

    async def member(self, user_id: str, tokens: int) -> None:
        """A member with tokens."""
        quoted = user_id.replace(" ", "%20")
        profile = {"email": f"{quoted.replace('%20', '.')}@example.com", "address": "1 Main St"}
        await self.api.call("PUT", f"/v1/members/{quoted}", profile)
        grant = {"amount": tokens, "reason": "Welcome"}
        key = str(ids.random_id())
        granted = await self.api.call("POST", f"/v1/members/{quoted}/grants", grant, key=key)
        assert granted.status == 201, granted.body


@asynccontextmanager
async def open_house(
    database: Database,
    sealer: Sealer,
    base_path: str = "/",
    *,
    port: int = 0,
    furnished: bool = True,
    openid: OpenId | None = None,
    test: bool = False,
) -> AsyncIterator[House]:
    """A Guerdon at work, and in it, if ``furnished``: operators, a provider, an option, members;
    ``test``: its programme is a test one."""
    async with (
        app.running(
            database, sealer, LOOPBACK, base_path=base_path, environment="staging", openid=openid
        ) as running,
        _provider() as provider,
    ):
        config = uvicorn.Config(
            running.web, http=Connection, log_level="warning", lifespan="off", ws="none"
        )
        server = uvicorn.Server(config)
        listening = socket.create_server(("127.0.0.1", port))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}{base_path.rstrip('/')}"
        try:
            async with aiohttp.ClientSession(url + "/") as session:
                key = await make_key(database, "1", ALL_SCOPES, test=test)
                house = House(url, Api(session, key), provider, running, database)
                if furnished:
                    await _furnish(house)
                yield house
        finally:
            running.end_streams()
            server.should_exit = True
            await serving


async def _furnish(house: House) -> None:
    hashed = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
    async with house.database.tx() as tx:
        for role in ("viewer", "support", "manager", "admin"):
            await access.add_operator(tx, "1", f"{role}@example.com", role, hashed)
    settings = {"name": "Rewards", "webhookUrl": house.provider.url, "timeoutSeconds": 2}
    made = await house.api.call("POST", "/v1/providers", settings)
    option = {
        "type": "physical",
        "title": "Free Tickets",
        "price": 200,
        "providerId": made.body["id"],
    }
    created = await house.api.call("POST", "/v1/options", option)
    assert created.status == 201, created.body
    house.option = created.body["name"]
    await house.member("User 123", 1150)
    await house.member("ada", 5000)


@pytest.fixture
async def house(database: Database, sealer: Sealer) -> AsyncIterator[House]:
    """The usual one, at the root of its host."""
    async with open_house(database, sealer) as opened:
        yield opened


class Reader:
    """A person with a browser, signed in; everything the browser complains of is kept, and apart
    from it what our policy refused."""

    def __init__(self, house: House, page: Page) -> None:
        self.house = house
        self.page = page
        self.complaints: list[str] = []
        self.violations: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._watch)

    def _hear(self, message: Any) -> None:
        if "Content Security Policy" in message.text:
            self.violations.append(message.text)
        # A refused form is an answer of ours; Chromium notes every such status by itself.
        if (
            message.type == "error"
            and "the server responded with a status of 4" not in message.text
        ):
            self.complaints.append(message.text)

    def _watch(self, request: Any) -> None:
        origin = "/".join(self.house.url.split("/")[:3])
        if not request.url.startswith((origin, "data:", "about:")):
            self.complaints.append(f"asked elsewhere: {request.url}")

    async def go(self, path: str) -> None:
        """Opens a page of the console."""
        await self.page.goto(self.house.url + path)

    async def sign_in(self, role: str) -> None:
        """Signs in as one of the operators."""
        await self.go("/sign-in")
        await self.page.get_by_label("Email").fill(f"{role}@example.com")
        await self.page.get_by_label("Password").fill(PASSWORD)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.wait_for_url("**/redeem/transactions*")

    async def axe(self) -> list[str]:
        """What axe-core finds wrong with the page as it stands, in both themes."""
        return await axe(self.page)


@pytest.fixture
async def reader(browser: Browser, house: House) -> AsyncIterator[Reader]:
    """A manager at a desk; at the end the browser must have had nothing to complain of."""
    context = await browser.new_context(
        viewport={"width": 1400, "height": 860}, permissions=["clipboard-write"]
    )
    opened = Reader(house, await context.new_page())
    yield opened
    await context.close()
    assert opened.complaints == []


@asynccontextmanager
async def another(browser: Browser, house: House, **settings: Any) -> AsyncIterator[Reader]:
    """Another person, with a browser of their own; whatever goes wrong, nothing is against our
    policy."""
    context: BrowserContext = await browser.new_context(**settings)
    opened = Reader(house, await context.new_page())
    try:
        yield opened
    finally:
        await context.close()
    assert opened.violations == []
