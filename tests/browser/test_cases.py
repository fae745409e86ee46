"""Cases: the queue, what stands against what, and closing one with its consequences spelt out."""

from playwright.async_api import Browser, expect
from tests.browser.conftest import House, Reader, another

from guerdon import clock, ids
from guerdon.providers import signing

GIVEN, NOT_GIVEN = "success", "failure"


async def contradicted(house: House, answer: str, then: str) -> str:
    """A redemption that the provider answered, and afterwards said the contrary of."""
    house.provider.answer = (200, b'{"status": "%s"}' % answer.encode())
    made = await house.redeem("User 123", until=answer)
    (provider,) = (await house.api.call("GET", "/v1/providers")).body["items"]
    path = f"/v1/providers/{provider['id']}"
    rotated = await house.api.call("POST", path + "/secrets/callbackSecret/rotate", {})
    raw = b'{"transactionId": "%s", "status": "%s", "message": "Counted again"}' % (
        made.encode(),
        then.encode(),
    )
    headers = signing.sign(
        [rotated.body["secret"]], str(ids.random_id()), clock.unix_seconds(), raw
    )
    told = await house.api.with_key("none").call(
        "POST", path + "/callbacks", data=raw, headers=headers
    )
    assert told.status == 409, told.body
    return made


async def test_a_contradiction_is_looked_into_and_corrected(reader: Reader) -> None:
    house = reader.house
    made = await contradicted(house, GIVEN, NOT_GIVEN)
    await reader.sign_in("manager")
    page = reader.page
    await page.get_by_role("navigation", name="Console").get_by_role("link", name="Cases").click()
    row = page.locator(f"#t-{made}")
    await expect(row).to_contain_text("Provider: it was not given")
    assert await reader.axe() == []
    await row.get_by_role("link", name="Free Tickets").click()
    case = page.locator(".case")
    await expect(case).to_contain_text("It was not given.")
    await expect(case).to_contain_text("provider, by callback, “Counted again”")
    assert await reader.axe() == []
    await case.get_by_role("link", name="Give the tokens back").click()
    dialog = page.get_by_role("alertdialog")
    await expect(dialog.get_by_role("heading")).to_have_text("Give 200 tokens back to User 123?")
    await expect(dialog.get_by_role("link", name="Keep the case open")).to_be_focused()
    await expect(dialog.locator("dd")).to_have_text(
        ["stays Success", "950 → becomes 1,150", "200 tokens, once"]
    )
    assert await reader.axe() == []
    await page.keyboard.press("Escape")
    await expect(case.get_by_role("link", name="Give the tokens back")).to_be_focused()
    await page.keyboard.press("Enter")
    await dialog.get_by_role("button", name="Provider says it was not given").click()
    await dialog.get_by_role("button", name="Give 200 tokens back").click()
    await expect(page.get_by_role("status").first).to_contain_text("the tokens were given back")
    await expect(case).to_contain_text("manager@example.com closed it")
    await expect(page.locator(".timeline")).to_contain_text("available 950 → 1,150")
    full = await house.api.call("GET", f"/v1/transactions/{made}")
    assert (full.body["status"], full.body["case"]["choice"]) == ("success", "grant")
    lines = await house.api.call("GET", "/v1/members/User%20123/statement?limit=1")
    (line,) = lines.body["items"]
    assert (line["movement"], line["availableChange"], line["transactionId"]) == (
        "adjust",
        200,
        made,
    )
    await reader.go("/redeem/cases")
    await expect(page.get_by_role("heading", name="No case is open")).to_be_visible()
    await reader.go("/redeem/cases?show=closed")
    await expect(row).to_contain_text("the tokens were given back, by manager@example.com")


async def test_support_closes_without_javascript_and_moves_no_tokens(
    house: House, browser: Browser
) -> None:
    made = await contradicted(house, NOT_GIVEN, GIVEN)
    async with another(browser, house, java_script_enabled=False) as reader:
        await reader.sign_in("support")
        page = reader.page
        await reader.go(f"/redeem/transactions/{made}")
        off = page.locator(".case [aria-disabled]")
        await expect(off).to_have_text("Charge the member again…")
        assert await off.get_attribute("title") == "Takes the role manager; yours is support."
        token = await page.locator("input[name=csrf]").first.input_value()
        by_hand = await page.context.request.post(
            f"{house.url}/redeem/transactions/{made}/charge",
            form={"csrf": token, "seen": "5", "reason": "by hand"},
            headers={"Origin": house.url},
        )
        assert by_hand.status == 403
        await page.get_by_role("link", name="Leave it as it is").click()
        await page.get_by_label("Reason").fill("Settled by phone")
        await page.get_by_role("button", name="Close the case, move nothing").click()
        await expect(page.get_by_role("status").first).to_contain_text("nothing was moved")
        await expect(page.locator(".timeline")).to_contain_text("Reason: Settled by phone")
        # Too late: the same address tells who was faster.
        await reader.go(f"/redeem/transactions/{made}/leave")
        await expect(page.get_by_role("alert")).to_contain_text("support@example.com closed this")
    member = await house.api.call("GET", "/v1/members/User%20123")
    assert (member.body["balance"], member.body["available"]) == (1150, 1150)


async def test_what_is_not_there_cannot_be_charged(reader: Reader) -> None:
    house = reader.house
    made = await contradicted(house, NOT_GIVEN, GIVEN)
    spent = {"amount": 1000, "reason": "Elsewhere"}
    await house.api.call("POST", "/v1/members/User%20123/charges", spent, key="spent")
    await reader.sign_in("manager")
    await reader.go(f"/redeem/transactions/{made}")
    off = reader.page.locator(".case [aria-disabled]")
    await expect(off).to_have_attribute("title", "150 tokens are available, 200 are needed.")
    await reader.go(f"/redeem/transactions/{made}/charge")
    await expect(reader.page.get_by_role("alert")).to_contain_text("150 tokens are available")
