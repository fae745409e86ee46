"""The filter bar: what is typed becomes tokens, to be changed, negated, copied and taken away."""

from playwright.async_api import Browser, expect
from tests.browser.conftest import Reader, another
from tests.browser.test_transactions import GIVEN, LATER, UNSURE


async def test_tokens_are_guessed_changed_and_taken_away(reader: Reader, browser: Browser) -> None:
    house = reader.house
    house.provider.answer = GIVEN
    made = await house.redeem("User 123", until="success")
    house.provider.answer = UNSURE
    unsure = await house.redeem("ada", until="recoverable-failure")
    async with another(browser, house, java_script_enabled=False) as plain:
        await plain.sign_in("support")
        page = plain.page
        find, tokens = page.get_by_label("Find by ID"), page.locator(".token")

        async def type_in(text: str) -> None:
            await find.fill(text)
            await page.get_by_role("button", name="Find").click()

        # A guess is said, and can be made another.
        await type_in("adadadad")
        await expect(tokens).to_contain_text(["idadadadad"])
        await expect(page.locator(".guess")).to_contain_text("taken as the beginning of an ID")
        await page.locator(".guess").get_by_role("link", name="user").click()
        await expect(tokens).to_contain_text(["useradadadad"])
        await page.get_by_role("link", name="Remove user adadadad").click()
        await expect(tokens).to_have_count(0)
        # Negations, results and actors.
        await type_in("-user:ada")
        await expect(tokens).to_contain_text(["usernot ada"])
        await expect(page.locator("tbody tr")).to_have_count(1)
        await expect(page.locator(f"#t-{made}")).to_be_visible()
        await plain.go("/redeem/transactions?view=all")
        await type_in("result:5xx")
        await expect(page.locator("tbody tr")).to_have_count(1)
        await expect(page.locator(f"#t-{unsure}")).to_be_visible()
        await type_in("actor:provider")
        await expect(page.get_by_role("heading", name="No transactions match")).to_be_visible()
        await expect(page.get_by_role("link", name="Without result 5xx, 1")).to_be_visible()
        await page.get_by_role("link", name="Without result 5xx, 1").click()
        await expect(page.locator(f"#t-{made}")).to_be_visible()
        # A token's words go back into the box to be changed.
        await page.get_by_role("link", name="Change actor").click()
        await expect(find).to_have_value("actor:provider")
        await expect(find).to_be_focused()
        await expect(tokens).to_have_count(0)
        # What does not read stays, marked, and the rest holds.
        answer = await page.goto(house.url + "/redeem/transactions?view=all&user=ada&sort=size")
        assert answer is not None
        assert answer.status == 422
        await expect(page.locator(".token.wrong")).to_contain_text("size")
        await expect(page.locator("tbody tr")).to_have_count(1)


async def test_filters_are_copied_as_a_query_and_as_a_call(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = LATER
    await house.redeem("User 123", until="postponed")
    await reader.sign_in("viewer")
    page = reader.page
    await reader.go("/redeem/transactions?view=all&user=User+123&status=-success&price=>5")
    await page.locator("summary", has_text="Copy these").click()
    assert await reader.axe() == []
    await expect(page.get_by_label("As a query")).to_have_value(
        '-status:success user:"User 123" price:>5'
    )
    call = await page.get_by_label("As a call").input_value()
    assert f"curl -G {house.url}/v1/transactions" in call
    assert "--data-urlencode 'userId=User 123'" in call
    assert "no filter for: price:>5" in call
    await page.get_by_role("button", name="Copy as API call").click()
    await expect(page.locator("#said")).to_have_text("Copied.")


async def test_payloads_are_searched_in_a_span(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = GIVEN
    made = await house.redeem("User 123", until="success")
    house.provider.answer = LATER
    await house.redeem("ada", until="postponed")
    await reader.sign_in("manager")
    page = reader.page
    find = page.get_by_label("Find by ID")
    await find.fill('payload:"V-1881"')
    await page.keyboard.press("Enter")
    alert = page.locator("main [role=alert]")
    await expect(alert).to_contain_text("payload=V-1881 needs a span of at most 31 days")
    await expect(page.locator(".token.wrong")).to_contain_text("V-1881")
    await expect(page.locator("tbody tr")).to_have_count(2)
    assert await reader.axe() == []
    await alert.get_by_role("link", name="the last 7d").click()
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(page.locator(f"#t-{made}")).to_be_visible()
    await expect(page.locator("main")).to_contain_text("This list is not live")
    # What the search does not know is not promised: neither a file of all, nor a decision on all.
    await expect(page.locator("#live, #export, [name=scope][value=all]")).to_have_count(0)
    assert await reader.axe() == []
    await page.locator("[data-expand]").click()
    await expect(page.locator(".timeline")).to_be_visible()
    await page.get_by_role("link", name="Change payload V-1881").click()
    await find.fill("payload:User.123@example.com")
    await page.keyboard.press("Enter")
    await expect(alert).to_contain_text("an email is found by email:, exactly")
    await find.fill("payload:nowhere")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="No transactions match")).to_be_visible()
    await expect(page.get_by_role("link", name="Without payload nowhere, 2")).to_be_visible()
    await expect(
        page.get_by_role("link", name="Without created last 7d", exact=True)
    ).to_be_visible()
