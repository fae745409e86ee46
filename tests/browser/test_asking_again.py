"""Ask the provider again: only where it cannot give two rewards, and with what it means."""

from playwright.async_api import expect
from tests.browser.conftest import Reader
from tests.browser.test_transactions import LATER


async def test_asking_again(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = LATER
    made = await house.redeem("User 123", until="postponed")
    await reader.sign_in("support")
    page = reader.page
    await reader.go(f"/redeem/transactions/{made}")
    off = page.locator(".again [aria-disabled]")
    await expect(off).to_have_text("Ask the provider again…")
    await expect(page.locator(".again")).to_contain_text("the reward could be given twice")
    await reader.go(f"/redeem/transactions/{made}/resend")
    await expect(page.get_by_role("alert")).to_contain_text("not set to tell repeated messages")

    (provider,) = (await house.api.call("GET", "/v1/providers")).body["items"]
    await house.api.call("PATCH", f"/v1/providers/{provider['id']}", {"idempotent": True})
    house.provider.answer = (200, b'{"status": "success"}')
    await reader.go(f"/redeem/transactions/{made}")
    await page.get_by_role("link", name="Ask the provider again").click()
    dialog = page.get_by_role("alertdialog")
    await expect(dialog.get_by_role("link", name="Leave it")).to_be_focused()
    await expect(dialog).to_contain_text("attempt 2: the same bytes, the same ID")
    assert await reader.axe() == []
    await dialog.get_by_role("button", name="Provider was down").click()
    await dialog.get_by_role("button", name="Ask the provider again").click()
    await expect(page.get_by_role("status").first).to_contain_text("The provider is asked again.")
    await house.stands(made, "success")
    assert house.provider.seen[0] == house.provider.seen[1]
    await page.reload()
    await expect(page.locator(".timeline")).to_contain_text("Provider asked again by operator")
    await expect(page.locator(".again")).to_have_count(0)
