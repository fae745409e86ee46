"""A second person: set in the settings, asked for by one, approved or declined by another."""

from playwright.async_api import Browser, expect
from tests.browser.conftest import Reader, another
from tests.browser.test_cases import contradicted
from tests.browser.test_transactions import LATER


async def test_one_asks_and_another_approves(reader: Reader, browser: Browser) -> None:
    house = reader.house
    house.provider.answer = LATER
    made = await house.redeem("User 123", until="postponed")
    page = reader.page
    await reader.sign_in("admin")
    await reader.go("/settings/rules")
    await page.get_by_label("Two people decide").fill("200")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status").first).to_contain_text("Saved")
    assert await reader.axe() == []

    await reader.go("/redeem/transactions")
    await page.get_by_role("link", name="Cancel").click()
    dialog = page.get_by_role("alertdialog")
    await expect(dialog).to_contain_text("Another operator must approve this.")
    await dialog.get_by_label("Reason").fill("Stopped at the provider")
    await dialog.get_by_role("button", name="Ask to cancel and return 200 tokens").click()
    await expect(page.locator("#said")).to_contain_text("another operator must approve it")
    await expect(page.locator(f"#s-{made}")).to_contain_text("a second person is asked for")
    await page.get_by_role("link", name="Second person").click()
    await expect(dialog).to_contain_text("Stopped at the provider")
    await expect(dialog.get_by_role("link", name="Not now")).to_be_focused()
    await expect(dialog.get_by_role("button")).to_have_text(["Withdraw it"])
    assert await reader.axe() == []
    await page.keyboard.press("Escape")
    refused = await house.api.call("POST", f"/v1/transactions/{made}/cancel", {})
    assert (refused.status, refused.body["code"]) == (409, "second-person-required")
    member = await house.api.call("GET", "/v1/members/User%20123")
    assert (member.body["balance"], member.body["available"]) == (1150, 950)

    async with another(browser, house, java_script_enabled=False) as colleague:
        await colleague.sign_in("support")
        there = colleague.page
        await there.get_by_role("link", name="Second person").click()
        await expect(there.get_by_text("admin@example.com asked for this")).to_be_visible()
        await there.get_by_role("button", name="Approve: cancel and return 200 tokens").click()
        await expect(there.get_by_role("status").first).to_contain_text("the tokens went back")
        await expect(there.locator(".timeline")).to_contain_text(
            "Asked for by admin@example.com, approved by another person."
        )
    member = await house.api.call("GET", "/v1/members/User%20123")
    assert (member.body["balance"], member.body["available"]) == (1150, 1150)


async def test_declined_by_a_colleague(reader: Reader, browser: Browser) -> None:
    house = reader.house
    house.provider.answer = LATER
    made = await house.redeem("User 123", until="postponed")
    async with another(browser, house, java_script_enabled=False) as admin:
        await admin.sign_in("admin")
        await admin.go("/settings/rules")
        await admin.page.get_by_label("Two people decide").fill("1")
        await admin.page.get_by_role("button", name="Save").click()
        await admin.go(f"/redeem/transactions/{made}/confirm")
        await admin.page.get_by_role("button", name="Ask to confirm and redeem").click()
    await reader.sign_in("support")
    page = reader.page
    await page.get_by_role("link", name="Second person").click()
    dialog = page.get_by_role("alertdialog")
    await dialog.get_by_role("button", name="Decline it").click()
    await expect(page.locator("#said")).to_contain_text("Declined. Nothing was moved.")
    await expect(page.locator(f"#a-{made}")).to_contain_text("Confirm…")
    await house.stands(made, "postponed")
    await reader.go(f"/redeem/transactions/{made}/second")
    await expect(page.get_by_role("alert")).to_contain_text("settled, or void")


async def test_what_takes_a_manager_is_not_offered_to_support(
    reader: Reader, browser: Browser
) -> None:
    house = reader.house
    made = await contradicted(house, "success", "failure")
    async with another(browser, house, java_script_enabled=False) as admin:
        await admin.sign_in("admin")
        await admin.go("/settings/rules")
        await admin.page.get_by_label("Two people decide").fill("1")
        await admin.page.get_by_role("button", name="Save").click()
        await admin.go(f"/redeem/transactions/{made}/grant")
        await admin.page.get_by_label("Reason").fill("It never came")
        await admin.page.get_by_role("button", name="Ask to give 200 tokens back").click()
    await reader.sign_in("support")
    page = reader.page
    await reader.go("/redeem/cases")
    await expect(page.locator(f"#t-{made}")).to_contain_text("a second person is asked for")
    await reader.go(f"/redeem/transactions/{made}")
    await page.get_by_role("link", name="Approve or decline").click()
    dialog = page.get_by_role("alertdialog")
    await expect(dialog).to_contain_text("To approve it takes the role manager; yours is support.")
    await expect(dialog.get_by_role("button")).to_have_text(["Decline it"])


async def test_an_adjustment_takes_two_as_well(reader: Reader, browser: Browser) -> None:
    house = reader.house
    page = reader.page
    await reader.sign_in("admin")
    await reader.go("/settings/rules")
    await page.get_by_label("Two people decide").fill("500")
    await page.get_by_role("button", name="Save").click()
    await reader.go("/members/one?user=ada")
    await page.get_by_label("Tokens", exact=True).fill("500")
    await page.get_by_role("button", name="Go on").click()
    dialog = page.get_by_role("alertdialog")
    await expect(dialog).to_contain_text("Another operator must approve this.")
    await dialog.get_by_label("Reason").fill("A wrong charge")
    await dialog.get_by_role("button", name="Ask to credit 500 tokens").click()
    await expect(page.get_by_role("status").first).to_contain_text("another operator must approve")
    await page.get_by_role("link", name="Approve or decline").click()
    await expect(dialog).to_contain_text("A wrong charge")
    await expect(dialog.get_by_role("link", name="Not now")).to_be_focused()
    await expect(dialog.get_by_role("button")).to_have_text(["Withdraw it"])
    assert await reader.axe() == []
    await reader.go("/redeem/overview")
    await page.get_by_role("link", name="Adjustments to approve").click()
    await expect(page.locator("#waiting")).to_contain_text("ada +500 tokens")
    assert await reader.axe() == []

    async with another(browser, house, java_script_enabled=False) as colleague:
        await colleague.sign_in("manager")
        await colleague.go("/members")
        there = colleague.page
        await there.locator("#waiting").get_by_role("link", name="ada").click()
        await there.get_by_role("link", name="Approve or decline").click()
        await expect(there.locator(".changes dd").first).to_have_text("5,000 → becomes 5,500")
        await there.get_by_role("button", name="Approve: credit 500 tokens").click()
        await expect(there.get_by_role("status").first).to_contain_text("Adjusted")
        await expect(there.locator("tbody tr").first).to_contain_text("A wrong charge")
    await reader.go("/members/second?user=ada")
    await expect(page.get_by_role("alert")).to_contain_text("approved, declined or withdrawn")
    member = await house.api.call("GET", "/v1/members/ada")
    assert member.body["available"] == 5500


async def test_what_cannot_be_taken_any_more_can_still_be_declined(
    reader: Reader, browser: Browser
) -> None:
    house = reader.house
    async with another(browser, house, java_script_enabled=False) as admin:
        await admin.sign_in("admin")
        await admin.go("/settings/rules")
        await admin.page.get_by_label("Two people decide").fill("1")
        await admin.page.get_by_role("button", name="Save").click()
        await admin.go("/members/adjust?user=ada&way=take&amount=5000")
        await admin.page.get_by_label("Reason").fill("Left the programme")
        await admin.page.get_by_role("button", name="Ask to take 5,000 tokens away").click()
    await house.redeem("ada", until="postponed")
    page = reader.page
    await reader.sign_in("manager")
    await reader.go("/members/one?user=ada")
    await page.get_by_role("link", name="Approve or decline").click()
    dialog = page.get_by_role("alertdialog")
    await expect(dialog.get_by_role("alert")).to_contain_text("4,800 are available")
    await dialog.get_by_role("button", name="Approve").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("cannot be taken")
    await dialog.get_by_role("button", name="Decline it").click()
    await expect(page.get_by_role("status").first).to_contain_text("Declined. Nothing was moved.")
    await expect(page.get_by_role("button", name="Go on")).to_be_visible()
