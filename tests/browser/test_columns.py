"""Columns: chosen and ordered by boxes and arrows, kept in the address, followed by live news."""

import csv
import io

from playwright.async_api import Browser, expect
from tests.browser.conftest import Reader, another
from tests.browser.exporting import exported
from tests.browser.test_transactions import LATER, UNSURE

HEADS = "thead th:not(:first-child, :last-child)"


async def test_columns_are_chosen_and_live(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = UNSURE
    made = await house.redeem("User 123", until="recoverable-failure")
    await reader.sign_in("manager")
    await house.api.call("POST", f"/v1/transactions/{made}/confirm", {"reason": "x"})
    house.provider.answer = LATER
    made = await house.redeem("ada", until="postponed")
    every = "id,status,type,price,age,http,latency,updated,assignee,note,namespace,snapshot"
    await reader.go(f"/redeem/transactions?view=all&cols={every}")
    page = reader.page
    row = page.locator(f"#t-{made}")
    cells = await row.locator("td").all_inner_texts()
    assert cells[3:5] == ["physical", "200"]
    assert cells[6] == "201"
    assert cells[7].endswith("ms")
    assert cells[11] == "1"
    assert "version 1" in cells[12]
    assert await reader.axe() == []
    # The usual columns, then one more, put before the others.
    await page.locator("summary", has_text="Columns").click()
    await page.get_by_role("link", name="The usual ones").click()
    await expect(page.locator(HEADS)).to_have_count(6)
    await page.locator("summary", has_text="Columns").click()
    await page.get_by_label("Provider’s status", exact=True).check()
    up = page.get_by_role("button", name="Move Provider’s status up")
    for _ in range(9):
        await up.press("Enter")
    await expect(up).to_be_focused()
    assert await reader.axe() == []
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator(HEADS).first).to_have_text("Provider’s status")
    await expect(page.locator(f"#h-{made}")).to_have_text("201")
    # News reaches the cells that are shown, and the file has the columns of the list.
    await expect(page.locator("#live")).to_have_attribute("data-state", "live")
    await house.api.call("POST", f"/v1/transactions/{made}/confirm", {})
    await expect(page.locator(f"#s-{made}")).to_contain_text("Success")
    head, first, *_ = csv.reader(io.StringIO(await exported(page)))
    names = ["httpStatus", "id", "option", "title", "status", "userId", "events", "createdAt"]
    assert head == names
    assert first[:2] == ["201", made]


async def test_columns_without_javascript(reader: Reader, browser: Browser) -> None:
    house = reader.house
    house.provider.answer = LATER
    await house.redeem("ada", until="postponed")
    async with another(browser, house, java_script_enabled=False) as plain:
        await plain.sign_in("viewer")
        page = plain.page
        await plain.go("/redeem/transactions?view=all&user=ada")
        await page.locator("summary", has_text="Columns").click()
        await page.get_by_label("Events", exact=True).uncheck()
        await page.get_by_role("button", name="Move Option up").click()
        await expect(page.locator(HEADS)).to_have_text(
            ["Option", "ID", "Status", "User ID", "Created at , show oldest first"],
        )
        await expect(page.get_by_role("button", name="Move Option up")).to_be_focused()
        await expect(page.locator(".token")).to_have_count(1)
        answer = await page.goto(house.url + "/redeem/transactions?view=all&cols=id,colour")
        assert answer is not None
        assert answer.status == 422
        await expect(page.locator(".token.wrong")).to_contain_text("id,colour")
        await expect(page.locator(HEADS)).to_have_count(6)
        await page.get_by_role("link", name="Remove cols").click()
        await expect(page.locator(".token")).to_have_count(0)
