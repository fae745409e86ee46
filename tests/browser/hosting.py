"""A host's site on an origin of its own: it embeds the widget, and signs tokens for a member."""

import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey
from playwright.async_api import Browser, Locator, Page
from tests.browser.conftest import House, axe

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/icon"><link rel="stylesheet" href="/shop.css">
<script type="module" src="{guerdon}/widget/v1.js"></script>
<script type="module" src="/shop.js"></script></head>
<body><main><h1>Shop</h1>{body}</main></body></html>
"""
SCRIPT = """
window.heard = [];
window.reasons = [];
const widget = (window.widget = document.querySelector("guerdon-widget"));
for (const type of ["ready", "redeemed", "status", "balance", "error", "redirect"])
  document.addEventListener(`guerdon:${type}`, ({ detail }) => heard.push([type, detail]));
if (widget) widget.token = async ({ reason }) => {
  reasons.push(reason);
  return (await fetch(`/token?reason=${reason}`)).text();
};
"""


@dataclass
class Host:
    """The site, and what it does; ``life`` are the seconds that its next tokens live."""

    url: str
    house: House
    key: ECKey
    member: str = "User 123"
    life: list[int] = field(default_factory=list)
    css: str = ""
    policy: str = ""
    body: str = ""

    def token(self, life: int = 900) -> str:
        now = int(time.time())
        claims = {"sub": self.member, "iat": min(now, now + life - 1), "exp": now + life}
        return jwt.encode({"alg": "ES256"}, claims, self.key)

    async def page(self, _request: web.Request) -> web.Response:
        element = f'<guerdon-widget endpoint="{self.house.url}"></guerdon-widget>'
        text = PAGE.format(guerdon=self.house.url, body=self.body or element)
        headers = {"Content-Security-Policy": self.policy} if self.policy else {}
        return web.Response(text=text, content_type="text/html", headers=headers)

    async def sign(self, _request: web.Request) -> web.Response:
        return web.Response(text=self.token(self.life.pop(0) if self.life else 900))


@asynccontextmanager
async def hosted(house: House) -> AsyncIterator[Host]:
    """A site whose key is registered and whose origin is allowed."""
    key = ECKey.generate_key("P-256")
    pem = key.as_pem(private=False).decode()
    body = {"algorithm": "ES256", "publicKey": pem}
    assert (await house.api.call("POST", "/v1/member-keys", body)).status == 201
    listening = socket.create_server(("127.0.0.1", 0))
    host = Host(f"http://127.0.0.1:{listening.getsockname()[1]}", house, key)
    allowed = {"allowedOrigins": [host.url]}
    assert (await house.api.call("PATCH", "/v1/namespace", allowed)).status == 200

    async def style(_request: web.Request) -> web.Response:
        return web.Response(text=host.css, content_type="text/css")

    async def script(_request: web.Request) -> web.Response:
        return web.Response(text=SCRIPT, content_type="text/javascript")

    async def nothing(_request: web.Request) -> web.Response:
        return web.Response(status=204)

    application = web.Application()
    application.router.add_get("/", host.page)
    application.router.add_get("/token", host.sign)
    application.router.add_get("/shop.css", style)
    application.router.add_get("/shop.js", script)
    application.router.add_get("/icon", nothing)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    try:
        yield host
    finally:
        await runner.cleanup()


class Visitor:
    """A member with a browser; what it complains of is kept."""

    def __init__(self, host: Host, page: Page) -> None:
        self.host = host
        self.page = page
        self.complaints: list[str] = []
        self.asked: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.asked.append(f"{request.method} {request.url}"))

    def _hear(self, message: Any) -> None:
        # Chromium notes by itself what a test cut off or refused; that is an answer of ours.
        ours = ("status of 4", "status of 5", "net::ERR_FAILED", "ERR_INTERNET_DISCONNECTED")
        if message.type == "error" and not any(text in message.text for text in ours):
            self.complaints.append(message.text)

    @property
    def widget(self) -> Locator:
        return self.page.locator("guerdon-widget")

    def button(self, name: str) -> Locator:
        return self.widget.get_by_role("button", name=name)

    @property
    def dialog(self) -> Locator:
        return self.widget.locator("dialog.ask")

    async def go(self) -> None:
        """Opens the host's page, and waits until the catalogue is there."""
        await self.page.goto(self.host.url)
        await self.widget.get_by_role("button", name="Free Tickets").wait_for()

    async def redeem(self) -> None:
        """Asks for the tickets and says yes."""
        await self.button("Redeem: Free Tickets").click()
        await self.button("Redeem for 200 tokens").click()

    async def reads(self, text: str) -> None:
        """Waits for a sentence in the dialog."""
        await self.dialog.get_by_text(text).wait_for()

    async def has(self, available: str, held: str | None = None) -> None:
        """Waits for a balance."""
        await self.widget.locator(".balance strong", has_text=available).wait_for()
        if held is not None:
            await self.button(f"{held} on hold").wait_for()
        else:
            await self.button("on hold").wait_for(state="detached")

    async def heard(self, kind: str) -> list[Any]:
        """The events of a kind that the host's page heard."""
        told: list[list[Any]] = await self.page.evaluate("heard")
        return [detail for type_, detail in told if type_ == kind]

    async def transactions(self) -> list[dict[str, Any]]:
        """What the member has, as the API tells it."""
        where = f"/v1/transactions?userId={self.host.member.replace(' ', '%20')}"
        found: list[dict[str, Any]] = (await self.host.house.api.call("GET", where)).body["items"]
        return found

    async def focused(self) -> str:
        """The text of what has the focus, inside the widget."""
        text: str = await self.page.evaluate(
            "document.querySelector('guerdon-widget').shadowRoot.activeElement?.innerText ?? ''"
        )
        return text.strip()

    async def axe(self) -> list[str]:
        """What axe-core finds wrong, in both themes."""
        return await axe(self.page)


@asynccontextmanager
async def visiting(browser: Browser, host: Host, **settings: Any) -> AsyncIterator[Visitor]:
    """A member with a browser of their own, who had nothing to complain of."""
    context = await browser.new_context(**{"locale": "en-GB", **settings})
    visitor = Visitor(host, await context.new_page())
    try:
        yield visitor
    finally:
        await context.close()
    assert visitor.complaints == []
