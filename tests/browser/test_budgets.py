"""What a page costs: bytes as they travel, and how often the server is asked."""

from typing import Any

from playwright.async_api import Browser, expect
from tests.browser.conftest import House, another
from tests.browser.test_transactions import GIVEN

FIRST_LOAD, SCRIPTS, STYLE, NEXT_PAGE, EXPANSION = 45_000, 24_000, 12_000, 10_000, 4_000


async def test_the_list_is_light(house: House, browser: Browser) -> None:
    house.provider.answer = GIVEN
    await house.member("rich", 100_000)
    for _ in range(50):
        await house.redeem("rich", until="success")
    async with another(browser, house) as reader:
        asked: list[Any] = []
        await reader.sign_in("support")
        state = await reader.page.context.storage_state()
    async with another(browser, house, storage_state=state) as reader:
        reader.page.on("requestfinished", lambda request: asked.append(request))
        await reader.go("/redeem/transactions?view=all")
        await expect(reader.page.locator("tbody tr")).to_have_count(50)
        await expect(reader.page.locator("#live")).to_have_attribute("data-state", "live")
        await reader.page.wait_for_load_state("load")
        sizes = {}
        for request in asked:  # what came from the browser's own store has a size below nothing
            size = (await request.sizes())["responseBodySize"]
            sizes[request.url] = max(size, sizes.get(request.url, 0))
        assert sum(sizes.values()) <= FIRST_LOAD, sizes
        assert sum(size for url, size in sizes.items() if url.endswith(".js")) <= SCRIPTS
        assert sum(size for url, size in sizes.items() if url.endswith(".css")) <= STYLE
        assert len(asked) + 1 <= 8, sizes  # the live stream is one more, and goes on
        asked.clear()
        await (
            reader.page.get_by_role("link", name="Older")
            .or_(reader.page.get_by_role("link", name="Created at"))
            .first.click()
        )
        await expect(reader.page.locator("#live")).to_have_attribute("data-state", "live")
        pages = [request for request in asked if request.resource_type == "document"]
        (page,) = pages
        assert (await page.sizes())["responseBodySize"] <= NEXT_PAGE
        asked.clear()
        await reader.page.locator("[data-expand]").first.click()
        await expect(reader.page.locator(".timeline")).to_be_visible()
        (fragment,) = [request for request in asked if request.url.endswith("/events")]
        assert (await fragment.sizes())["responseBodySize"] <= EXPANSION
