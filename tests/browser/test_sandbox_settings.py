"""Settings > Sandbox: a test programme says so everywhere, its time is let go by, it is wiped."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect
from tests.browser.conftest import House, Reader, another, open_house
from tests.conftest import ALL_SCOPES, make_key

from guerdon.db.pool import Database
from guerdon.sealing import Sealer

PATH = "/settings/sandbox"


@pytest.fixture
async def trying(database: Database, sealer: Sealer) -> AsyncIterator[House]:
    """The usual house, whose programme is a test one."""
    async with open_house(database, sealer, test=True) as opened:
        yield opened


@pytest.fixture
async def tester(browser: Browser, trying: House) -> AsyncIterator[Reader]:
    async with another(browser, trying, viewport={"width": 1280, "height": 860}) as opened:
        yield opened
        assert opened.complaints == []


async def option_of(house: House, name: str) -> str:
    """A new option of the provider of this name."""
    found = (await house.api.call("GET", "/v1/providers")).body["items"]
    provider = next(one["id"] for one in found if one["name"] == name)
    body = {"type": "digital", "title": "Try me", "price": 10, "providerId": provider}
    return str((await house.api.call("POST", "/v1/options", body)).body["name"])


async def said(page: Page, words: str) -> None:
    await expect(page.locator("p.alert.good")).to_contain_text(words)


async def test_time_goes_by_and_the_provider_answers_as_it_is_told(tester: Reader) -> None:
    house, page = tester.house, tester.page
    await tester.sign_in("manager")
    await expect(page).to_have_title("SANDBOX · 1 · Transactions · Guerdon")
    await page.get_by_role("link", name="Sandbox").click()
    await expect(page.locator("h1 + .badge")).to_have_text("SANDBOX")
    assert await tester.axe() == []
    await page.get_by_label("Name", exact=True).fill("Shaky")
    await page.get_by_label("How it answers").select_option("broken")
    await page.get_by_role("button", name="Add it").click()
    await said(page, "options may choose it")
    await page.get_by_label("Name", exact=True).fill("Shaky")
    await page.get_by_role("button", name="Add it").click()
    await expect(page.locator("#summary")).to_contain_text("already")
    await expect(page.get_by_label("Name", exact=True)).to_have_value("Shaky")
    house.option = await option_of(house, "Shaky")
    await house.redeem("ada", until="recoverable-failure")
    await page.get_by_label("How Shaky answers").select_option("busy-once")
    await page.get_by_role("button", name="Save Shaky").click()
    await said(page, "answers so")
    await expect(page.get_by_label("How Shaky answers")).to_have_value("busy-once")
    assert await tester.axe() == []
    # Whoever delivers remembers a provider for two seconds.
    tried = ""
    while not tried:
        made = await house.redeem("ada")
        seen = await house.tried(made)
        tried = made if seen["status"] == "pending" else ""
    await page.get_by_role("button", name="1 hour goes by").click()
    await said(page, "Time went on: 1 message")
    await house.stands(tried, "success")
    await page.get_by_label("Or", exact=True).fill("400")
    await page.get_by_label("Unit").select_option("days")
    await page.get_by_role("button", name="Let it go by").click()
    await expect(page.locator("#summary")).to_contain_text("must be 1 to 366")
    await expect(page.get_by_label("Or", exact=True)).to_have_value("400")
    assert await tester.axe() == []
    await page.get_by_label("Or", exact=True).fill("2")
    await page.get_by_role("button", name="Let it go by").click()
    await expect(page.get_by_text("2 d 1 h in all")).to_be_visible()


async def test_it_is_wiped_once_its_name_is_typed(tester: Reader) -> None:
    house, page = tester.house, tester.page
    house.provider.answer = (200, b"")
    await house.redeem("ada", until="success")
    await tester.sign_in("admin")
    await tester.go(PATH)
    name = page.get_by_label("Type the programme's name")
    await name.fill("2")
    await page.get_by_role("button", name="Wipe 1").click()
    await expect(page.locator("#summary")).to_contain_text("Nothing was wiped")
    assert (await house.api.call("GET", "/v1/members/ada")).status == 200
    await name.fill("1")
    await page.get_by_role("button", name="Wipe 1").click()
    await said(page, "2 members and 1 transaction are gone")
    await expect(page.get_by_text("Last wiped")).to_be_visible()
    assert await tester.axe() == []
    assert (await house.api.call("GET", "/v1/members/ada")).status == 404
    assert (await house.api.call("GET", f"/v1/options/{house.option}")).status == 200
    await tester.go("/settings/audit?action=sandbox.")
    await expect(page.locator("tbody tr")).to_contain_text("admin@example.com")
    await tester.go("/redeem/transactions?view=all")
    await expect(page.get_by_text("Nobody has redeemed yet")).to_be_visible()


async def test_without_javascript_and_only_its_own(
    trying: House, browser: Browser, database: Database
) -> None:
    far = trying.api.with_key(await make_key(database, "2", ALL_SCOPES, test=True))
    body = {"name": "Far", "webhookUrl": "sandbox:gives"}
    theirs = (await far.call("POST", "/v1/providers", body)).body["id"]
    near = {"name": "Near", "webhookUrl": "sandbox:gives"}
    await trying.api.call("POST", "/v1/providers", near)
    async with another(browser, trying, java_script_enabled=False) as reader:
        await reader.sign_in("manager")
        await reader.go(PATH)
        await reader.page.get_by_role("button", name="7 days go by").click()
        await said(reader.page, "Time went on")
    async with another(browser, trying) as reader:
        await reader.sign_in("manager")
        await reader.go(PATH)
        await expect(reader.page.get_by_text("Far", exact=True)).to_have_count(0)
        hidden = reader.page.locator("input[name=provider]")
        await hidden.evaluate("(element, id) => { element.value = id }", theirs)
        await reader.page.get_by_label("How Near answers").select_option("gone")
        await reader.page.get_by_role("button", name="Save Near").click()
        await expect(reader.page.get_by_text("There is no such provider")).to_be_visible()
    shown = (await far.call("GET", f"/v1/providers/{theirs}")).body
    assert shown["webhookUrl"] == "sandbox:gives"


async def test_a_live_programme_has_no_such_page(reader: Reader) -> None:
    await reader.sign_in("admin")
    await expect(reader.page).to_have_title("STAGING · 1 · Transactions · Guerdon")
    await expect(reader.page.get_by_role("link", name="Sandbox")).to_have_count(0)
    await reader.go(PATH)
    await expect(reader.page.get_by_text("This programme is live")).to_be_visible()
    await reader.go("/account")
    token = await reader.page.locator("input[name=csrf]").first.get_attribute("value")
    for action, form in (
        ("/advance", {"seconds": "60"}),
        ("/wipe", {"again": "1"}),
        ("/providers", {"name": "P", "way": "gives"}),
    ):
        answer = await reader.page.context.request.post(
            reader.house.url + PATH + action,
            form={"csrf": token or "", **form},
            headers={"Origin": reader.house.url},
        )
        assert answer.status == 404, action
    assert (await reader.house.api.call("GET", "/v1/members/ada")).status == 200
