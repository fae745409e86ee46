"""Exports: chosen in a dialog or on a page, taken at once or written in the background."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect
from tests.browser.conftest import House, Reader, another
from tests.browser.exporting import open_dialog, take
from tests.browser.test_desk import audited
from tests.browser.test_transactions import GIVEN

from guerdon.db.pool import ReadTx
from guerdon.redemption.exports import writing
from guerdon.transactions.exports.model import Export
from guerdon.transactions.exports.store import Step

NARROW = {"width": 320, "height": 640}


@pytest.fixture
async def gate(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncio.Event]:
    """Every export is long, and is not written before this is set; at the end it is, or the house
    would wait for it."""
    opened = asyncio.Event()
    step = writing.step

    async def held(tx: ReadTx, export: Export) -> Step:
        await opened.wait()
        return await step(tx, export)

    monkeypatch.setattr(writing, "step", held)
    monkeypatch.setattr(writing, "MOST_STREAMED", 0)
    yield opened
    opened.set()


async def fits(page: Page) -> bool:
    return bool(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


async def test_the_dialog_by_keyboard(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = GIVEN
    made = await house.redeem("ada", until="success")
    await reader.sign_in("viewer")
    page = reader.page
    await reader.go("/redeem/transactions?view=all&status=success&cols=id,status&tz=Asia/Tokyo")
    await page.keyboard.press("e")
    dialog = page.get_by_role("alertdialog")
    await expect(dialog).to_contain_text("All · status success")
    await expect(dialog).to_contain_text("1 transaction, newest first")
    await expect(page.get_by_label("CSV")).to_be_focused()
    await expect(page.get_by_label("Time zone")).to_have_value("Asia/Tokyo")
    assert await page.get_by_role("checkbox", checked=True).count() == 2
    assert await reader.axe() == []
    await page.keyboard.press("Escape")
    await expect(dialog).not_to_be_visible()
    await expect(page.locator("#export")).to_be_focused()
    assert await audited(house, "transactions.exported") == []
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("CSV")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Tab")
    await page.keyboard.press("ArrowDown")
    async with page.expect_download() as downloading:
        await page.keyboard.press("Enter")
    download = await downloading.value
    assert download.suggested_filename.startswith("transaction-events-all-status-success-")
    assert download.suggested_filename.endswith("-Asia-Tokyo.jsonl")
    lines = (await download.path()).read_text("utf-8").splitlines()
    assert [json.loads(line)["eventSeq"] for line in lines] == [1, 2, 3, 4]
    assert json.loads(lines[0]).items() >= {"id": made, "status": "success"}.items()
    await expect(page.locator("#said")).to_contain_text("on its way")
    await expect(dialog).not_to_be_visible()
    await expect(page.locator("#export")).to_be_focused()
    assert len(await audited(house, "transactions.exported")) == 1
    # What was taken is told, with a description that can be kept beside the file.
    await page.get_by_role("link", name="Exports", exact=True).click()
    await expect(page.get_by_role("cell", name="taken")).to_be_visible()
    assert await reader.axe() == []
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="JSON that describes").click()
    described = await downloading.value
    assert described.suggested_filename == download.suggested_filename + ".json"
    said = json.loads((await described.path()).read_text("utf-8"))
    assert (said["rows"], said["onePerRow"], said["timeZone"]) == (4, "event", "Asia/Tokyo")


async def test_the_page_without_javascript_at_320_pixels(house: House, browser: Browser) -> None:
    house.provider.answer = GIVEN
    made = await house.redeem("ada", until="success")
    async with another(browser, house, java_script_enabled=False, viewport=NARROW) as reader:
        await reader.sign_in("support")
        await reader.go("/redeem/transactions?view=all&user=ada")
        page = reader.page
        await open_dialog(page)
        await expect(page.get_by_text("take the role manager; yours is support")).to_be_visible()
        for box in reversed(await page.get_by_role("checkbox", checked=True).all()):
            await box.uncheck()
        await page.get_by_label("Plain, for spreadsheets").check()
        await page.get_by_role("button", name="Export", exact=True).click()
        await expect(page.get_by_role("alert")).to_contain_text("Tick at least one column")
        await expect(page.get_by_label("Plain, for spreadsheets")).to_be_checked()
        await page.get_by_label("ID", exact=True).check()
        assert list(csv.reader(io.StringIO(await take(page)))) == [["id"], [made]]
    async with another(browser, house, viewport=NARROW) as reader:
        await reader.sign_in("viewer")
        await reader.go("/redeem/transactions/export?view=all")
        assert await fits(reader.page)
        assert await reader.axe() == []
        await reader.go("/redeem/exports")
        await expect(reader.page.get_by_role("cell", name="taken")).to_be_visible()
        assert await fits(reader.page)
        await reader.go("/redeem/transactions?view=all")
        await open_dialog(reader.page)
        assert await reader.page.locator("#dialog").evaluate("d => d.scrollWidth <= d.clientWidth")
        assert await reader.axe() == []


async def test_a_long_one_is_followed_and_fetched(
    gate: asyncio.Event, reader: Reader, browser: Browser
) -> None:
    house = reader.house
    house.provider.answer = GIVEN
    made = [await house.redeem("ada", until="success") for _ in range(2)]
    await reader.sign_in("manager")
    page = reader.page
    await reader.go("/redeem/transactions?view=all")
    await open_dialog(page)
    await page.get_by_label("With email and address").check()
    await page.get_by_role("button", name="Export", exact=True).click()
    await expect(page.get_by_role("heading", name="Export: under way")).to_be_visible()
    assert await reader.axe() == []
    async with another(browser, house, viewport=NARROW) as support:
        await support.sign_in("support")
        await support.page.goto(page.url)
        await expect(support.page.get_by_text("Stop", exact=True)).to_have_attribute(
            "aria-disabled", "true"
        )
        gate.set()
        await expect(page.get_by_role("heading", name="Export: finished")).to_be_visible()
        await expect(support.page.get_by_role("heading", name="Export: finished")).to_be_visible()
        barred = support.page.get_by_text("Download", exact=True)
        await expect(barred).to_have_attribute("aria-disabled", "true")
        assert await fits(support.page)
        assert await support.axe() == []
    assert await reader.axe() == []
    async with page.expect_download() as downloading:
        await page.get_by_role("button", name="Download CSV").click()
    text = (await (await downloading.value).path()).read_text("utf-8")
    head, *rows = csv.reader(io.StringIO(text))
    assert head[-2:] == ["email", "address"]
    assert [(row[0], row[-2]) for row in rows] == [
        (one, "ada@example.com") for one in reversed(made)
    ]
    assert len(await audited(house, "export.downloaded")) == 1
    # An erasure takes it away, and it says so.
    assert (await house.api.call("DELETE", "/v1/members/User%20123")).status == 204
    await page.reload()
    await expect(page.get_by_role("heading", name="Export: withdrawn")).to_be_visible()
    await expect(page.get_by_role("button", name="Download")).to_have_count(0)
    assert await reader.axe() == []


async def test_it_can_be_stopped_by_who_began_it(gate: asyncio.Event, reader: Reader) -> None:
    house = reader.house
    house.provider.answer = GIVEN
    await house.redeem("ada", until="success")
    await reader.sign_in("viewer")
    page = reader.page
    await reader.go("/redeem/transactions?view=all")
    await open_dialog(page)
    await page.get_by_role("button", name="Export", exact=True).click()
    await page.get_by_role("button", name="Stop").click()
    await expect(page.get_by_role("heading", name="Export: stopped")).to_be_visible()
    await expect(page.get_by_text("by viewer@example.com. Half a file")).to_be_visible()
    assert await reader.axe() == []
    ((actor, _, _),) = await audited(house, "export.stopped")
    assert actor == "operator:viewer@example.com"
