"""Settings > Retention, and what is personal in exports: asked for in so many words, by role."""

from playwright.async_api import Browser, expect
from tests.browser.conftest import Reader, another
from tests.browser.exporting import exported, open_dialog, take
from tests.browser.test_transactions import GIVEN


async def test_days_are_set_by_who_says_that_they_know(reader: Reader) -> None:
    await reader.sign_in("admin")
    page = reader.page
    await page.get_by_role("link", name="Retention").click()
    await expect(page.get_by_text("Nothing is removed")).to_be_visible()
    assert await reader.axe() == []
    save = page.get_by_role("button", name="Save")
    await page.get_by_label("Days after closing").fill("90")
    await page.get_by_label("Days where people looked").fill("30")
    await save.click()
    await expect(page.locator("#summary")).to_contain_text("cannot go earlier")
    assert await reader.axe() == []
    await page.get_by_label("Days where people looked").fill("365")
    await save.click()
    await expect(page.locator("#summary")).to_contain_text("Say that you know it")
    await page.get_by_label("I know that fewer days").check()
    await save.click()
    await expect(page.get_by_role("status").first).to_contain_text("Saved")
    await expect(page.get_by_label("Days after closing")).to_have_value("90")
    # More days need no such word.
    await page.get_by_label("Days after closing").fill("120")
    await save.click()
    await expect(page.get_by_label("Days after closing")).to_have_value("120")
    await reader.go("/settings/audit?action=retention.")
    await expect(page.get_by_text("90 → 120")).to_be_visible()


async def test_an_export_has_what_is_personal_only_for_whom_it_may(
    reader: Reader, browser: Browser
) -> None:
    house = reader.house
    house.provider.answer = GIVEN
    await house.redeem("ada", until="success")
    await reader.sign_in("manager")
    page = reader.page
    await reader.go("/redeem/transactions?view=all")
    assert "@" not in await exported(page)
    await open_dialog(page)
    await page.get_by_label("With email and address").check()
    assert await reader.axe() == []
    assert "email,address" in await take(page)
    lines = await exported(page, "JSON Lines", "With email and address")
    assert '"email":"ada@example.com","address":"1 Main St"' in lines
    await reader.go("/settings/audit?action=transactions.exported")
    await expect(page.get_by_text("personal yes")).to_have_count(2)
    async with another(browser, house) as support:
        await support.sign_in("support")
        await support.go("/redeem/transactions?view=all")
        await open_dialog(support.page)
        await expect(support.page.get_by_label("With email and address")).to_be_disabled()
        await expect(support.page.get_by_role("checkbox", name="Last note")).to_be_disabled()
        forced = await support.page.evaluate(
            """async () => {
              const form = document.querySelector("form.exporting");
              const body = new URLSearchParams(new FormData(form));
              body.set("format", "csv");
              body.set("personal", "1");
              return (await fetch(form.action, { method: "POST", body })).status;
            }"""
        )
        assert forced == 403
