"""The export dialog, as people use it."""

from playwright.async_api import Page, expect


async def open_dialog(page: Page) -> None:
    """Presses Export and waits for the form."""
    await page.get_by_role("link", name="Export", exact=True).click()
    await expect(page.get_by_role("heading", name="Export transactions").last).to_be_visible()


async def take(page: Page) -> str:
    """Sends the form; what comes back as a file."""
    async with page.expect_download() as downloading:
        await page.get_by_role("button", name="Export", exact=True).click()
    return (await (await downloading.value).path()).read_text("utf-8")


async def exported(page: Page, *labels: str) -> str:
    """The list as a file, with some more of the form's boxes ticked."""
    await open_dialog(page)
    for label in labels:
        await page.get_by_label(label).check()
    return await take(page)
