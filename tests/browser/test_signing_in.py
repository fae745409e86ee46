"""Signing in: sessions that cannot be fixed, forged or kept after signing out."""

import aiohttp
from playwright.async_api import Browser, expect
from tests.browser.conftest import PASSWORD, House, Reader, another

from guerdon.access import sessions
from guerdon.access import store as access


async def test_signing_in_and_out(reader: Reader) -> None:
    page = reader.page
    await reader.go("/redeem/transactions?view=all&status=success")
    await expect(page).to_have_url(
        reader.house.url + "/sign-in?next=%2Fredeem%2Ftransactions%3Fview%3Dall%26status%3Dsuccess"
    )
    assert await reader.axe() == []
    await page.get_by_label("Email").fill("viewer@example.com")
    await page.get_by_label("Password").fill("wrong password")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    assert await page.get_by_label("Email").input_value() == "viewer@example.com"
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page).to_have_url(
        reader.house.url + "/redeem/transactions?view=all&status=success"
    )
    (cookie,) = [c for c in await page.context.cookies() if c["name"] == "guerdon"]
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    async with aiohttp.ClientSession(cookies={"guerdon": cookie["value"]}) as session:
        where = reader.house.url + "/redeem/transactions"
        async with session.get(where, allow_redirects=False) as answer:
            assert answer.status == 303


async def test_a_session_is_always_a_fresh_one(house: House, browser: Browser) -> None:
    async with another(browser, house) as reader:
        planted = {"name": "guerdon", "value": "planted", "url": house.url}
        await reader.page.context.add_cookies([planted])
        await reader.sign_in("viewer")
        (cookie,) = [c for c in await reader.page.context.cookies() if c["name"] == "guerdon"]
        assert cookie["value"] != "planted"


async def test_a_new_password_ends_every_session(house: House, browser: Browser) -> None:
    async with another(browser, house) as reader:
        await reader.sign_in("manager")
        async with house.database.tx() as tx:
            await access.add_operator(tx, "1", "manager@example.com", "viewer", None)
        await reader.page.reload()
        await expect(reader.page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_sessions_are_stored_by_their_hash_alone(house: House, browser: Browser) -> None:
    async with another(browser, house) as reader:
        await reader.sign_in("viewer")
        (cookie,) = [c for c in await reader.page.context.cookies() if c["name"] == "guerdon"]
        async with house.database.read() as tx:
            known = await sessions.recognise(tx, cookie["value"])
            assert known is not None
            assert known[0].email == "viewer@example.com"
            assert await sessions.recognise(tx, sessions.hash_of(cookie["value"]).hex()) is None
