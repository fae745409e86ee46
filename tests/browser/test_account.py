"""Your account: a second step set up and used in a real browser, with scripts and without."""

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect
from tests.browser.conftest import House, Reader, another, open_house
from tests.integration.openid_issuer import OpenIdIssuer, issuing
from tests.integration.test_sign_in_second_step import code_at

from guerdon.db.pool import Database
from guerdon.sealing import Sealer


async def set_up(page: Page, database: Database) -> str:
    """Turns it on from the page of the account; answers the secret."""
    await page.get_by_role("button", name="Set up a second step").click()
    secret = (await page.locator("#secret").inner_text()).replace(" ", "")
    await page.get_by_label("Code", exact=True).fill(await code_at(database, secret, -1))
    await page.get_by_role("button", name="Turn it on").click()
    await expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    return secret


async def first_step(reader: Reader, role: str) -> None:
    await reader.go("/sign-in")
    await reader.page.get_by_label("Email").fill(f"{role}@example.com")
    await reader.page.get_by_label("Password").fill("correct horse battery staple")
    await reader.page.get_by_role("button", name="Sign in", exact=True).click()


async def test_a_second_step_from_setting_up_to_resetting(
    reader: Reader, browser: Browser, database: Database
) -> None:
    house, page = reader.house, reader.page
    await reader.sign_in("viewer")
    await page.get_by_role("link", name="viewer@example.com").click()
    await expect(page.get_by_role("heading", name="Your account", level=1)).to_be_visible()
    assert await reader.axe() == []
    await page.get_by_role("button", name="Set up a second step").click()
    picture = page.get_by_role("img", name=re.compile("QR code"))
    box = await picture.locator("svg").bounding_box()
    assert box is not None
    assert box["width"] > 150
    secret = (await page.locator("#secret").inner_text()).replace(" ", "")
    assert await reader.axe() == []
    await page.get_by_label("Code", exact=True).fill("12345")
    await page.get_by_role("button", name="Turn it on").click()
    await expect(page.get_by_role("alert")).to_contain_text("not right")
    await page.get_by_label("Code", exact=True).fill(await code_at(database, secret, -1))
    await page.get_by_role("button", name="Turn it on").click()
    codes = await page.locator(".recovery li").all_inner_texts()
    assert len(codes) == 10
    assert await reader.axe() == []
    await page.get_by_role("link", name="I have kept them").click()
    await expect(page.get_by_text("10 of 10 recovery codes are left")).to_be_visible()
    assert await reader.axe() == []
    await page.get_by_role("button", name="Sign out", exact=True).click()
    await first_step(reader, "viewer")
    await expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    await page.get_by_text("The device is not at hand").click()
    assert await reader.axe() == []
    await page.get_by_label("One of your recovery codes").fill(codes[0])
    await page.get_by_role("button", name="Sign in with a recovery code").click()
    await page.wait_for_url("**/redeem/transactions*")
    async with another(browser, house) as admin:
        await admin.sign_in("admin")
        await admin.go("/settings/team")
        assert await admin.axe() == []
        reset = "Reset second step of viewer@example.com"
        await admin.page.get_by_role("button", name=reset).click()
        await expect(admin.page.get_by_role("button", name=reset)).to_have_count(0)
        assert admin.complaints == []
    await page.reload()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await reader.sign_in("viewer")


async def test_it_works_without_scripts_and_narrow(
    house: House, browser: Browser, database: Database
) -> None:
    async with another(
        browser, house, java_script_enabled=False, viewport={"width": 320, "height": 700}
    ) as reader:
        page = reader.page
        await reader.sign_in("support")
        await reader.go("/account")
        secret = await set_up(page, database)
        await reader.go("/account")
        await page.get_by_role("button", name="Sign out everywhere").click()
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        await first_step(reader, "support")
        await page.get_by_label("Code of your").fill(await code_at(database, secret))
        await page.get_by_role("button", name="Sign in", exact=True).click()
        await page.wait_for_url("**/redeem/transactions*")
        await reader.go("/account")
        await page.get_by_label("to turn it off").fill(await code_at(database, secret, 1))
        await page.get_by_role("button", name="Turn it off").click()
        await expect(page.get_by_role("status").first).to_contain_text("The second step is off")


@pytest.mark.parametrize("width", [320, 1400])
async def test_nothing_of_it_is_wider_than_the_window(
    width: int, house: House, browser: Browser, database: Database
) -> None:
    async with another(browser, house, viewport={"width": width, "height": 700}) as reader:
        page = reader.page
        await reader.sign_in("manager")
        await reader.go("/account")
        await page.get_by_role("button", name="Set up a second step").click()
        await expect(page.locator("#secret")).to_be_visible()
        wide = "document.documentElement.scrollWidth > innerWidth"
        assert not await page.evaluate(wide)
        assert await reader.axe() == []
        secret = (await page.locator("#secret").inner_text()).replace(" ", "")
        await page.get_by_label("Code", exact=True).fill(await code_at(database, secret, -1))
        await page.get_by_role("button", name="Turn it on").click()
        await expect(page.locator(".recovery li")).to_have_count(10)
        assert not await page.evaluate(wide)


@pytest.fixture
async def issuer() -> AsyncIterator[OpenIdIssuer]:
    async with issuing() as at_work:
        yield at_work


async def test_signing_in_through_the_organisation(
    browser: Browser, database: Database, sealer: Sealer, issuer: OpenIdIssuer
) -> None:
    issuer.email = "manager@example.com"
    async with (
        open_house(database, sealer, "/ops", openid=issuer.settings) as house,
        another(browser, house) as reader,
    ):
        page = reader.page
        await reader.go("/members")
        assert await reader.axe() == []
        await page.get_by_role("link", name="Sign in through your organisation").click()
        await page.wait_for_url(f"{house.url}/members")
        await expect(page.get_by_role("heading", name="Members", level=1)).to_be_visible()
        issuer.claims = {"email_verified": False}
        await page.get_by_role("button", name="Sign out", exact=True).click()
        await page.get_by_role("link", name="Sign in through your organisation").click()
        await expect(page.get_by_role("alert")).to_contain_text("did not vouch for you")
        assert await reader.axe() == []
        issuer.claims = {}
        async with database.pool.connection() as connection:
            await connection.execute("INSERT INTO namespace (namespace) VALUES ('2')")
            await connection.execute(
                "INSERT INTO operator (operator_id, namespace, email, role) "
                "SELECT gen_random_uuid(), '2', email, role FROM operator WHERE role = 'manager'"
            )
        await page.get_by_role("link", name="Sign in through your organisation").click()
        await expect(page.get_by_role("heading", name="Which programme?")).to_be_visible()
        assert await reader.axe() == []
        await page.get_by_role("button", name="2", exact=True).click()
        await expect(page.get_by_text("programme 2")).to_be_visible()
