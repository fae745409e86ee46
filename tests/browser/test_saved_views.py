"""Saved views: a tab of one's own or of the team's, told as changed, within each role's rights."""

from playwright.async_api import Browser, expect
from tests.browser.conftest import Reader, another
from tests.browser.test_desk import audited
from tests.browser.test_transactions import GIVEN, LATER


async def test_a_view_is_saved_changed_and_deleted(reader: Reader, browser: Browser) -> None:
    house = reader.house
    house.provider.answer = GIVEN
    await house.redeem("User 123", until="success")
    house.provider.answer = LATER
    await house.redeem("ada", until="postponed")
    await reader.sign_in("manager")
    page = reader.page
    await reader.go("/redeem/transactions?view=all&user=ada&sort=created")
    await page.locator("summary", has_text="Save view").click()
    assert await reader.axe() == []
    await page.get_by_label("Name", exact=True).fill("Ada's")
    await page.get_by_role("button", name="Save for me").click()
    tab = page.get_by_role("link", name="Ada's 1")
    await expect(tab).to_have_attribute("aria-current", "page")
    await expect(page.get_by_text("changed")).to_have_count(0)
    # A filter more makes it another list; Reset leads back, Save makes it the view's.
    await page.locator("#find").fill("status:postponed")
    await page.keyboard.press("Enter")
    await expect(page.locator(".saved .badge")).to_have_text("changed")
    assert await reader.axe() == []
    await page.get_by_role("link", name="Reset").click()
    await expect(page.locator(".token")).to_have_count(1)
    await page.go_back()
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.locator(".saved .badge")).to_have_count(0)
    await page.get_by_role("link", name="All", exact=True).click()
    await tab.click()
    await expect(page.locator(".token")).to_have_count(2)
    # The same list for the team; a name is there once, and a refusal keeps what was typed.
    await reader.go("/redeem/transactions?view=all&status=postponed")
    await page.locator("summary", has_text="Save view").click()
    await page.get_by_label("Name", exact=True).fill("Later ones")
    await page.get_by_role("button", name="Save for the team").click()
    await expect(page.get_by_role("link", name="Later ones 1")).to_be_visible()
    await reader.go("/redeem/transactions?view=all&status=postponed")
    await page.locator("summary", has_text="Save view").click()
    await page.get_by_label("Name", exact=True).fill("later ONES")
    await page.get_by_role("button", name="Save for the team").click()
    await expect(page.locator(".wrong")).to_contain_text("is taken")
    await expect(page.get_by_label("Name", exact=True)).to_have_value("later ONES")
    assert await reader.axe() == []
    async with another(browser, house, java_script_enabled=False) as colleague:
        await colleague.sign_in("support")
        theirs = colleague.page
        await expect(theirs.get_by_role("link", name="Ada's")).to_have_count(0)
        await theirs.get_by_role("link", name="Later ones").click()
        await expect(theirs.get_by_role("button", name="Delete this view")).to_have_count(0)
        await theirs.goto(theirs.url.replace("status=postponed", "status=success"))
        await expect(theirs.locator(".saved .button.off")).to_have_count(2)
        token = await theirs.locator("input[name=csrf]").first.input_value()
        for path in ("team-views", f"team-views/{theirs.url.partition('saved=')[2]}/delete"):
            answer = await theirs.context.request.post(
                f"{house.url}/redeem/transactions/{path}",
                form={"csrf": token, "name": "x", "query": "view=all"},
                headers={"Origin": house.url},
            )
            assert answer.status == 403
    await reader.go("/redeem/transactions")
    await page.get_by_role("link", name="Later ones").click()
    await page.locator("summary", has_text="Delete").click()
    await page.get_by_role("button", name="Delete this view").click()
    await expect(page.get_by_role("link", name="Later ones")).to_have_count(0)
    await expect(page.locator(".token")).to_have_count(1)
    done = await audited(house, "view.")
    assert len({target for _, target, _ in done}) == 1
    query = "view=all&status=postponed"
    assert [detail for _, _, detail in done] == [{"name": "Later ones", "query": query}] * 2
    assert len(await audited(house, "console.refused")) == 2
