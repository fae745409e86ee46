"""Members: found, understood, adjusted once, erased for good."""

from playwright.async_api import Browser, expect
from tests.browser.conftest import House, Reader, another
from tests.browser.test_transactions import LATER


async def test_a_member_is_found_and_adjusted_once(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = LATER
    await house.redeem("User 123", until="postponed")
    await reader.sign_in("manager")
    page = reader.page
    await page.get_by_role("link", name="Members").click()
    await expect(page.locator("tbody tr")).to_have_count(2)
    assert await reader.axe() == []
    await page.get_by_label("Find by").fill("user.123@EXAMPLE.com")
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="User 123").click()
    await expect(page.locator(".figure")).to_have_text(["950", "200", "1,150", "0"])
    await expect(page.get_by_text("U•••@example.com")).to_be_visible()
    assert await reader.axe() == []
    await page.get_by_role("button", name="Reveal").click()
    await expect(page.get_by_text("User.123@example.com")).to_be_visible()
    await page.get_by_label("Take away").check()
    await page.get_by_label("Tokens", exact=True).fill("1,000")
    await page.get_by_role("button", name="Go on").click()
    dialog = page.get_by_role("alertdialog")
    await expect(dialog.get_by_role("alert")).to_contain_text("950 are available")
    await dialog.get_by_role("link", name="Close").click()
    await expect(page.get_by_role("button", name="Go on")).to_be_focused()
    await page.get_by_label("Tokens", exact=True).fill("50")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("heading")).to_have_text("Take 50 tokens from User 123?")
    await expect(dialog.get_by_role("link", name="Leave it as it is")).to_be_focused()
    await expect(dialog.locator(".changes dd")).to_have_text(
        ["950 → becomes 900", "stays 200", "1,150 → becomes 1,100"]
    )
    assert await reader.axe() == []
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await page.get_by_role("button", name="Go on").click()
    await dialog.get_by_label("Reason").fill("Wrong account")
    form = await dialog.locator("form").evaluate("form => Object.fromEntries(new FormData(form))")
    await dialog.get_by_role("button", name="Take 50 tokens away").click()
    await expect(page.get_by_role("status").first).to_contain_text("Adjusted")
    again = await page.context.request.post(
        f"{house.url}/members/adjust", form=form, headers={"Origin": house.url}
    )
    assert again.ok
    member = (await house.api.call("GET", "/v1/members/User%20123")).body
    assert (member["balance"], member["available"]) == (1100, 900)
    await expect(page.locator("tbody tr").first).to_contain_text("Adjusted Wrong account")


async def test_a_balance_that_changed_meanwhile_is_told(reader: Reader) -> None:
    house = reader.house
    await reader.sign_in("manager")
    page = reader.page
    await reader.go("/members/one?user=ada")
    await page.get_by_label("Tokens", exact=True).fill("50")
    await page.get_by_role("button", name="Go on").click()
    dialog = page.get_by_role("alertdialog")
    await dialog.get_by_label("Reason").fill("Goodwill")
    await house.redeem("ada")
    # The dialog looks by itself whether it still is true; a click may come first.
    await dialog.locator("[name=seen]").evaluate("field => { field.value = '1' }")
    await dialog.get_by_role("button", name="Credit 50 tokens").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("The balance changed since")
    await expect(dialog.get_by_label("Reason")).to_have_value("Goodwill")
    await expect(dialog.locator(".changes dd").first).to_have_text("4,800 → becomes 4,850")
    await dialog.get_by_role("button", name="Credit 50 tokens").click()
    await expect(page.get_by_role("status").first).to_contain_text("Adjusted")


async def test_a_member_is_adjusted_without_java_script(house: House, browser: Browser) -> None:
    async with another(browser, house, java_script_enabled=False) as reader:
        page = reader.page
        await reader.sign_in("manager")
        await reader.go("/members/one?user=ada")
        await page.get_by_label("Tokens", exact=True).fill("no")
        await page.get_by_role("button", name="Go on").click()
        await expect(page.get_by_role("alert")).to_contain_text("A whole number is needed")
        await page.get_by_role("link", name="Close").click()
        await expect(page.get_by_label("Tokens", exact=True)).to_have_value("no")
        await page.get_by_label("Tokens", exact=True).fill("1,000")
        await page.get_by_role("button", name="Go on").click()
        await page.get_by_label("Reason").fill("Goodwill")
        await page.get_by_role("button", name="Credit 1,000 tokens").click()
        await expect(page.locator(".figure").first).to_have_text("6,000")


async def test_a_member_is_erased_only_without_open_transactions(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = LATER
    made = await house.redeem("User 123", until="postponed")
    await reader.sign_in("manager")
    page = reader.page
    await reader.go("/members/one?user=User%20123")
    await page.get_by_role("link", name="Erase personal data").click()
    await expect(page.get_by_text("Not yet possible")).to_be_visible()
    assert await reader.axe() == []
    await page.get_by_label("Type the user ID").fill("User 123")
    await page.get_by_role("button", name="Erase personal data").click()
    await expect(page.get_by_role("alert")).to_contain_text("has open transactions")
    await house.api.call("POST", f"/v1/transactions/{made}/cancel", {})
    await reader.go("/members/erase?user=User%20123")
    await page.get_by_label("Type the user ID").fill("user 123")
    await page.get_by_role("button", name="Erase personal data").click()
    await expect(page.get_by_role("alert")).to_contain_text("exactly as it is shown")
    await page.go_back()
    await page.get_by_label("Type the user ID").fill("User 123")
    await page.get_by_role("button", name="Erase personal data").click()
    await expect(page.get_by_role("status").first).to_contain_text("Erased")
    assert (await house.api.call("GET", "/v1/members/User%20123")).status == 404
    await reader.go(f"/redeem/transactions/{made}")
    await expect(page.get_by_role("heading", name="Free Tickets")).to_be_visible()
    await expect(page.get_by_text("The member was erased")).to_be_visible()


async def test_notes_stay_until_the_member_is_erased(reader: Reader, browser: Browser) -> None:
    house = reader.house
    page = reader.page
    await reader.sign_in("support")
    await reader.go("/members/one?user=ada")
    await page.get_by_label("Note").fill("Called: <b>angry</b>\nagain on Monday")
    await page.get_by_role("button", name="Add note").click()
    await expect(page.get_by_role("status").first).to_contain_text("Your note is with the others")
    note = page.locator("#notes li")
    await expect(note).to_contain_text("support@example.com")
    await expect(note.locator(".note-of")).to_have_text("Called: <b>angry</b> again on Monday")
    assert await reader.axe() == []
    async with another(browser, house, java_script_enabled=False) as viewer:
        await viewer.sign_in("viewer")
        await viewer.go("/members/one?user=ada")
        await expect(viewer.page.locator("#notes li")).to_have_count(1)
        await expect(viewer.page.locator("#notes")).to_contain_text("takes the role support")
    await house.api.call("DELETE", "/v1/members/ada")
    async with house.database.pool.connection() as connection:
        cursor = await connection.execute("SELECT count(*) FROM member_note")
        assert [tuple(row) for row in await cursor.fetchall()] == [(0,)]
