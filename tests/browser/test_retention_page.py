"""Settings > Retention, and what is personal in exports: asked for in so many words, by role."""

from pathlib import Path

from playwright.async_api import Browser, expect
from tests.browser.conftest import Reader, another
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
    reader: Reader, browser: Browser, tmp_path: Path
) -> None:
    house = reader.house
    house.provider.answer = GIVEN
    await house.redeem("ada", until="success")
    await reader.sign_in("manager")
    page = reader.page
    await reader.go("/redeem/transactions?view=all")

    async def exported(kind: str) -> str:
        async with page.expect_download() as download:
            await page.get_by_role("button", name=kind).click()
        path = tmp_path / "export"
        await (await download.value).save_as(path)
        return path.read_text("utf-8")

    await page.get_by_text("Export", exact=True).click()
    assert "@" not in await exported("CSV")
    await page.get_by_label("With email and address").check()
    assert await reader.axe() == []
    assert "email,address" in await exported("CSV")
    lines = await exported("JSON Lines")
    assert '"email":"ada@example.com","address":"1 Main St"' in lines
    await reader.go("/settings/audit?action=transactions.exported")
    await expect(page.get_by_text("personal yes")).to_have_count(2)
    async with another(browser, house) as support:
        await support.sign_in("support")
        await support.go("/redeem/transactions?view=all")
        await support.page.get_by_text("Export", exact=True).click()
        await expect(support.page.get_by_label("With email and address")).to_have_count(0)
        forced = await support.page.evaluate(
            """async () => {
              const form = document.querySelector("form[action$=export]");
              const body = new URLSearchParams(new FormData(form));
              body.set("format", "csv");
              body.set("personal", "1");
              return (await fetch(form.action, { method: "POST", body })).status;
            }"""
        )
        assert forced == 403
