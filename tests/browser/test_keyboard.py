"""By keyboard alone: suggestions in the search box, the palette, and every single key."""

from playwright.async_api import Browser, expect
from tests.browser.conftest import Reader, another
from tests.browser.test_transactions import LATER


async def test_the_search_box_suggests_and_picks(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = LATER
    await house.redeem("User 123", until="postponed")
    await house.redeem("ada", until="postponed")
    await reader.sign_in("viewer")
    page = reader.page
    await reader.go("/redeem/transactions?view=all")
    await page.keyboard.press("/")
    box = page.get_by_role("combobox", name="Find by ID")
    await expect(box).to_have_attribute("aria-expanded", "true")
    options = page.locator("#suggestions [role=option]")
    await expect(options.first).to_contain_text("status:")
    await page.keyboard.type("sta")
    await expect(options).to_have_count(1)
    await page.keyboard.press("ArrowDown")
    await expect(box).to_have_attribute("aria-activedescendant", "suggested-1")
    assert await reader.axe() == []
    await page.keyboard.press("Enter")
    await expect(box).to_have_value("status:")
    await expect(page.get_by_role("option", name="Postponed 2")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(box).to_have_attribute("aria-expanded", "false")
    await page.keyboard.press("ArrowDown")
    await page.get_by_role("option", name="Postponed 2").click()
    await expect(page.locator(".token")).to_contain_text(["postponed"])
    await page.get_by_label("Find by ID").fill("Us")
    await page.get_by_role("option", name="User 123").click()
    await expect(page.locator(".token")).to_contain_text(["postponed", "User 123"])
    await expect(page.locator("tbody tr")).to_have_count(1)
    await page.get_by_label("Find by ID").fill("option:free")
    await page.get_by_role("option", name="Free Tickets").click()
    await expect(page.locator(".token")).to_contain_text(["postponed", "Free Tickets", "User 123"])


async def test_the_palette_leads_anywhere(reader: Reader, browser: Browser) -> None:
    house = reader.house
    house.provider.answer = LATER
    made = await house.redeem("User 123", until="postponed")
    await reader.sign_in("viewer")
    page = reader.page
    places = page.locator("#palette [role=option]")
    await reader.go("/providers")
    for typed, url in [
        (made[:8], f"/redeem/transactions/{made}"),
        ("User 1", "/members/one?user=User+123"),
        ("tickets", f"/redeem/options/{house.option}"),
        ("failed", "/redeem/transactions?view=failed-today"),
        ("overv", "/redeem/overview"),
    ]:
        await page.keyboard.press("Control+k")
        await expect(page.get_by_role("dialog", name="Jump to")).to_be_visible()
        await expect(places.first).to_be_visible()
        await page.keyboard.type(typed)
        await expect(places).to_have_count(1)
        if typed == "tickets":
            assert await reader.axe() == []
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(house.url + url)
    await page.get_by_role("link", name="Jump to").click()
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.get_by_role("link", name="Jump to")).to_be_focused()
    async with another(browser, house, java_script_enabled=False) as plain:
        await plain.sign_in("viewer")
        await plain.page.get_by_role("link", name="Jump to").click()
        await plain.page.get_by_label("Any ID, member").fill(made[:8])
        await plain.page.keyboard.press("Enter")
        await plain.page.get_by_role("link", name=made[:8]).click()
        await expect(plain.page).to_have_url(f"{house.url}/redeem/transactions/{made}")
        await plain.page.get_by_role("link", name="Keys").click()
        await expect(plain.page.get_by_role("heading", name="Keys")).to_be_visible()


async def test_single_keys_do_what_the_list_of_keys_says(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = LATER
    made = [await house.redeem("ada", until="postponed") for _ in range(3)]
    await reader.sign_in("manager")
    page = reader.page
    await page.keyboard.press("j")
    await page.keyboard.press("o")
    await expect(page.locator(f"#d-{made[0]} .timeline")).to_be_visible()
    await page.keyboard.press("y")
    await expect(page.locator("#said")).to_have_text("Copied.")
    await page.locator(f"[data-expand='{made[0]}']").focus()
    await page.keyboard.press("n")
    await page.keyboard.type("c k ?")
    await expect(page.get_by_label("Note (for operators")).to_have_value("c k ?")
    await page.locator(f"[data-expand='{made[0]}']").focus()
    await page.keyboard.press("x")
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("Shift+X")
    await expect(page.locator(".pick:checked")).to_have_count(3)
    await page.keyboard.press("Shift+C")
    await expect(page.get_by_role("alertdialog")).to_contain_text("Cancel and return")
    await page.keyboard.press("Escape")
    await page.keyboard.press("e")
    await expect(page.get_by_label("CSV")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator("#export")).to_be_focused()
    await page.keyboard.press("g")
    await page.keyboard.press("o")
    await expect(page).to_have_url(house.url + "/redeem/options")
    await page.keyboard.press("?")
    await expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    assert await reader.axe() == []
    await page.keyboard.press("Escape")
    for key, place in (("u", "/members"), ("t", "/redeem/transactions")):
        await page.keyboard.press("g")
        await page.keyboard.press(key)
        await expect(page).to_have_url(house.url + place)
