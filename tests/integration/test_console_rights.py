"""Every page and action of the console, by every role, in its own programme and in another's."""

import re
from collections.abc import AsyncIterator
from uuid import UUID

import aiohttp
import pytest
from tests.conftest import Api, make_key

from guerdon.access import sessions
from guerdon.access import store as access
from guerdon.access.operators import RIGHTS, ROLES
from guerdon.app import Running
from guerdon.console import doors
from guerdon.console.assets import Assets
from guerdon.console.figures import Figures
from guerdon.console.live import Feed
from guerdon.console.pages import Pages
from guerdon.console.site import Page
from guerdon.db.pool import Database

NOBODYS = str(UUID(int=1))


def table(guerdon: Running) -> list[Page]:
    parts, assets = guerdon.parts, Assets()
    figures = Figures(parts.database)
    pages = Pages(parts, assets, figures, "test")
    return doors.table(parts, pages, figures, Feed(parts.database), assets)


@pytest.fixture
async def visitor(api: Api) -> AsyncIterator[aiohttp.ClientSession]:
    """Somebody at the console's door."""
    base = str(api._session._base_url)
    async with aiohttp.ClientSession(base, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


async def cookie_of(database: Database, namespace: str, role: str) -> dict[str, str]:
    async with database.tx() as tx:
        email = f"{role}@{namespace}.example"
        await access.ensure_namespace(tx, namespace)
        await access.add_operator(tx, namespace, email, role, "$argon2id$none")
    async with database.tx() as tx:
        (row,) = await sessions.candidates(tx, email)
        cookie = await sessions.begin(tx, row.operator_id, None)
    return {"Cookie": f"guerdon={cookie}"}


def path_of(page: Page, identifier: str = NOBODYS) -> str:
    return re.sub(r"\{\w+\}", identifier, page.path)


async def test_who_is_not_signed_in_is_sent_to_sign_in(
    guerdon: Running, visitor: aiohttp.ClientSession
) -> None:
    for page in table(guerdon):
        if page.right is None:
            continue
        form = {"csrf": "x"} if page.method == "POST" else None
        async with visitor.request(
            page.method, path_of(page), data=form, allow_redirects=False
        ) as answer:
            assert answer.status == 303, page.path
            assert answer.headers["Location"].startswith("/sign-in"), page.path


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_gets_what_it_has_the_right_to(
    role: str, guerdon: Running, database: Database, visitor: aiohttp.ClientSession
) -> None:
    cookie = await cookie_of(database, "1", role)
    for page in table(guerdon):
        if page.right is None or page.path.endswith("/live"):
            continue
        may = page.right in {str(right) for right in RIGHTS[role]}  # type: ignore[index]
        form = {} if page.method == "POST" else None
        async with visitor.request(
            page.method, path_of(page), data=form, headers=cookie, allow_redirects=False
        ) as answer:
            text = await answer.text()
            if not may:
                assert answer.status == 403, page.path
                assert "takes the role" in text, page.path
            elif page.method == "POST":  # it may, but brings no proof that the form is theirs
                assert answer.status == 403, page.path
                assert "not made for your session" in text, page.path
            else:
                assert answer.status in (200, 404), page.path


async def test_another_programmes_things_are_not_there(
    api: Api, database: Database, visitor: aiohttp.ClientSession
) -> None:
    settings = {"name": "Far", "webhookUrl": "http://127.0.0.1:9/x"}
    provider = (await api.call("POST", "/v1/providers", settings)).body["id"]
    option = {"type": "digital", "title": "T", "price": 5, "providerId": provider}
    name = (await api.call("POST", "/v1/options", option)).body["name"]
    await api.call("PUT", "/v1/members/ada", {})
    await api.call("POST", "/v1/members/ada/grants", {"amount": 9, "reason": "x"}, key="g")
    body = {"optionName": name, "userId": "ada"}
    made = (await api.call("POST", "/v1/redemptions", body, key="r")).body["id"]
    here = await cookie_of(database, "1", "admin")
    await make_key(database, "2", ["read"])
    there = await cookie_of(database, "2", "admin")
    for path in (
        f"/redeem/transactions/{made}",
        f"/redeem/transactions/{made}/events",
        f"/redeem/transactions/{made}/cancel",
        f"/redeem/options/{name}",
        f"/redeem/options/{name}/archive",
        f"/providers/{provider}",
        "/members/one?user=ada",
        "/members/erase?user=ada",
    ):
        async with visitor.get(path, headers=here) as answer:
            assert answer.status in (200, 409), path
        async with visitor.get(path, headers=there) as answer:
            assert answer.status == 404, path
    for path in ("/redeem/transactions?view=all", "/members", "/providers", "/redeem/options"):
        async with visitor.get(path, headers=there) as answer:
            text = await answer.text()
            assert made not in text
            assert name not in text
            assert provider not in text
            assert ">ada<" not in text


async def test_headers_of_every_page(api: Api, visitor: aiohttp.ClientSession) -> None:
    async with visitor.get("/sign-in") as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["Cache-Control"] == "no-store"
        text = await answer.text()
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", text)
    (sheet,) = re.findall(r'href="([^"]+console\.css)"', text)
    async with visitor.get(sheet) as answer:
        assert "immutable" in answer.headers["Cache-Control"]
    async with visitor.get("/console/static/x/../../../config.py") as answer:
        assert answer.status == 404
    async with visitor.post("/redeem/nothing") as answer:
        assert answer.status == 404
    async with visitor.delete("/sign-in") as answer:
        assert answer.status == 405
        assert answer.headers["Allow"] == "GET, POST"


async def test_guessing_is_slowed_down_without_shutting_anybody_out(
    database: Database, visitor: aiohttp.ClientSession
) -> None:
    await cookie_of(database, "1", "viewer")
    form = {"email": "viewer@1.example", "password": "guess"}
    seen = []
    for _ in range(12):
        async with visitor.post("/sign-in", data=form) as answer:
            seen.append(answer.status)
    assert seen == [422] * 10 + [429] * 2
    async with visitor.post("/sign-in", data=form | {"email": "else@1.example"}) as answer:
        assert answer.status == 422
