"""What is named to do harm is shown and does none."""

from playwright.async_api import Browser, expect
from tests.browser.conftest import House, Reader

NASTY = "<img src=x onerror=alert(1)></script>{{7*7}}<script>alert(2)</script>"


async def test_names_do_not_run(reader: Reader) -> None:
    house, page = reader.house, reader.page
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    providers = await house.api.call("GET", "/v1/providers")
    option = {
        "type": "digital",
        "title": NASTY,
        "description": NASTY,
        "price": 5,
        "group": NASTY[:90],
    }
    option["providerId"] = providers.body["items"][0]["id"]
    made = await house.api.call("POST", "/v1/options", option)
    assert made.status == 201, made.body
    user = "<b onclick=alert(3)>x"
    quoted = "%3Cb%20onclick=alert(3)%3Ex"
    await house.api.call("PUT", f"/v1/members/{quoted}", {"email": f"{NASTY}@x", "address": NASTY})
    grant = {"amount": 100, "reason": NASTY}
    await house.api.call("POST", f"/v1/members/{quoted}/grants", grant, key="nasty")
    body = b'{"status":"postponed","message":"<img src=x onerror=alert(4)>"}'
    house.provider.answer = (200, body)
    transaction = await house.redeem(user, until="postponed", optionName=made.body["name"])
    await reader.sign_in("admin")
    await expect(page.locator("tbody tr")).to_contain_text("<img src=x")
    await page.locator("[data-expand]").click()
    await expect(page.locator(".timeline")).to_contain_text("<img src=x onerror=alert(4)>")
    await page.get_by_role("button", name="Reveal personal data").click()
    await expect(page.locator("details[open] pre").first).to_contain_text("</script>")
    await page.get_by_role("link", name="Cancel").click()
    await expect(page.get_by_role("alertdialog")).to_contain_text(user)
    for path in (
        f"/redeem/transactions/{transaction}",
        f"/redeem/options/{made.body['name']}",
        "/redeem/options",
        f"/members/one?user={quoted}",
        "/members",
        "/settings/audit",
        f"/redeem/transactions?find={quoted}",
        "/redeem/transactions?view=%3Cscript%3E&status=%22%3E%3Cscript%3Ealert(5)%3C/script%3E",
    ):
        await reader.go(path)
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert await page.locator("main img, main script, main b[onclick]").count() == 0
    assert dialogs == []


async def test_what_is_against_the_policy_is_noticed(house: House, browser: Browser) -> None:
    context = await browser.new_context()
    reader = Reader(house, await context.new_page())
    await reader.go("/sign-in")
    assert reader.violations == []
    async with reader.page.expect_console_message():
        await reader.page.evaluate("document.body.setAttribute('style', 'color: red')")
    await context.close()
    assert len(reader.violations) == 1
