"""A programme's theme and texts: chosen in the console, worn by the widget after the host's own."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, expect
from tests.browser.conftest import House, Reader
from tests.browser.hosting import Host, hosted, visiting

COLOUR = "node => getComputedStyle(node).{}"


@pytest.fixture
async def host(house: House) -> AsyncIterator[Host]:
    async with hosted(house) as opened:
        yield opened


async def choose(reader: Reader) -> None:
    """A green accent, larger text, and points for tokens."""
    page = reader.page
    await reader.go("/settings/widget/look")
    accent = page.get_by_label("Accent: buttons").first
    await accent.fill("#ffd54a")
    low = page.locator("[data-low]")
    await expect(low).to_contain_text("2 of the contrasts are too little")
    await expect(page.locator("tr.low").first).to_contain_text("too little: 4.5 is needed")
    await accent.press("Enter")
    await expect(accent).to_have_value("#ffd54a")
    assert await reader.axe() == []
    await accent.fill("#005500")
    await expect(low).to_be_empty()
    await page.get_by_label("Size of text").fill("18")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status").first).to_contain_text("Saved")
    await expect(accent).to_have_value("#005500")
    await page.get_by_role("link", name="Words").click()
    await page.get_by_label("Rewards rewards", exact=True).fill("Treats {n}")
    await page.get_by_label("tokens, other").fill("{n} points")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#summary")).to_contain_text("may hold nothing in braces")
    await expect(page.get_by_label("tokens, other")).to_have_value("{n} points")
    assert await reader.axe() == []
    await page.get_by_label("Rewards rewards", exact=True).fill("Treats")
    await page.get_by_label("Available tokens available", exact=True).fill("Points")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status").first).to_contain_text("Saved")


async def test_the_widget_wears_what_the_console_chose(
    reader: Reader, browser: Browser, host: Host
) -> None:
    await reader.sign_in("admin")
    await choose(reader)
    async with visiting(browser, host, color_scheme="light") as visitor:
        await visitor.go()
        await expect(visitor.widget.get_by_role("tab").first).to_have_text("Treats")
        await expect(visitor.widget.get_by_text("200 points")).to_be_visible()
        await expect(visitor.widget.get_by_text("Points", exact=True)).to_be_visible()
        button = visitor.widget.locator(".main")
        assert await button.evaluate(COLOUR.format("backgroundColor")) == "rgb(0, 85, 0)"
        panel = visitor.widget.locator(".panel")
        assert await panel.evaluate(COLOUR.format("fontSize")) == "18px"
        to_us = [asked for asked in visitor.asked if host.house.url in asked]
        before = [asked for asked in to_us if not asked.endswith("/stream")]
        assert len(before) == 3, before
        # The host's own goes first: its properties, also inherited ones, and its words.
        host.css = "body { --guerdon-accent: rgb(120, 0, 0); }"
        await visitor.go()
        assert await button.evaluate(COLOUR.format("backgroundColor")) == "rgb(120, 0, 0)"
        await visitor.page.evaluate("widget.strings = { rewards: 'Presents' }")
        await visitor.page.evaluate("widget.refresh()")
        await expect(visitor.widget.get_by_role("tab").first).to_have_text("Presents")
        await expect(visitor.widget.get_by_text("Points", exact=True)).to_be_visible()


async def test_a_theme_nobody_could_read_is_refused_without_javascript_too(
    reader: Reader, browser: Browser
) -> None:
    await reader.sign_in("admin")
    state = await reader.page.context.storage_state()
    plain = await browser.new_context(java_script_enabled=False, storage_state=state)
    page = await plain.new_page()
    await page.goto(reader.house.url + "/settings/widget/look")
    await page.get_by_label("Lesser text", exact=True).last.fill("#404040")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#summary")).to_contain_text("Some people could not read this")
    await expect(page.get_by_label("Lesser text", exact=True).last).to_have_value("#404040")
    await plain.close()
