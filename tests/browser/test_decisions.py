"""Confirm & Redeem, Cancel & Refund: what is said before, what is done once, what is told after."""

import asyncio

from playwright.async_api import Browser, expect
from tests.browser.conftest import House, Reader, another
from tests.browser.test_transactions import LATER, UNSURE


async def test_cancelling_an_unknown_outcome(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = UNSURE
    made = await house.redeem("User 123", until="recoverable-failure")
    await reader.sign_in("support")
    page = reader.page
    asked = page.get_by_role("link", name="Cancel")
    await asked.press("Enter")
    dialog = page.get_by_role("alertdialog")
    await expect(dialog).to_be_visible()
    await expect(
        page.get_by_role("heading", name="Cancel and return 200 tokens to User 123?")
    ).to_be_visible()
    await expect(dialog.get_by_role("link", name="Keep it open")).to_be_focused()
    await expect(dialog.locator("dd")).to_have_text(
        [
            "Recoverable failure → becomes Failure (final)",
            "200 → becomes 0",
            "950 → becomes 1,150",
        ]
    )
    await expect(dialog).to_contain_text("The provider is not told.")
    assert await reader.axe() == []
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(asked).to_be_focused()
    await page.keyboard.press("Enter")
    button = dialog.get_by_role("button", name="Cancel and return 200 tokens")
    await button.click()
    assert not await page.locator("#reason").evaluate("field => field.checkValidity()")
    await dialog.get_by_role("button", name="Provider says it was not given").click()
    await button.click()
    await expect(dialog).to_be_hidden()
    await expect(page.locator(f"#s-{made}")).to_contain_text("Failure")
    await expect(page.locator("#said")).to_contain_text(
        "Cancelled. 200 tokens returned to User 123."
    )
    await expect(page.locator("[data-expand]")).to_be_focused()
    full = await house.api.call("GET", f"/v1/transactions/{made}")
    (said,) = [e for e in full.body["events"] if e["type"] == "operator.cancelled"]
    assert said["payload"]["reason"] == "Provider says it was not given"
    assert said["actor"] == "operator:support@example.com"
    member = await house.api.call("GET", "/v1/members/User%20123")
    assert (member.body["balance"], member.body["available"]) == (1150, 1150)


async def test_confirming_without_javascript(house: House, browser: Browser) -> None:
    house.provider.answer = LATER
    made = await house.redeem("User 123", until="postponed")
    async with another(browser, house, java_script_enabled=False) as reader:
        await reader.sign_in("support")
        page = reader.page
        await page.get_by_role("link", name="Details of").click()
        await expect(page.get_by_text("Postponed by provider").first).to_be_visible()
        await page.get_by_role("link", name="Confirm").click()
        await expect(
            page.get_by_role("heading", name="Mark as redeemed for User 123?")
        ).to_be_visible()
        await page.get_by_role("button", name="Confirm and redeem 200 tokens").click()
        await expect(page.get_by_role("status").first).to_contain_text("Confirmed")
        await expect(page.locator(f"#s-{made}")).to_contain_text("Success")
    member = await house.api.call("GET", "/v1/members/User%20123")
    assert (member.body["balance"], member.body["available"]) == (950, 950)


async def test_two_people_decide_at_once(reader: Reader, browser: Browser) -> None:
    house = reader.house
    house.provider.answer = LATER
    made = await house.redeem("User 123", until="postponed")
    await reader.sign_in("support")
    await reader.page.get_by_role("link", name="Confirm").click()
    async with another(browser, house) as colleague:
        await colleague.sign_in("manager")
        await colleague.page.get_by_role("link", name="Cancel").click()
        one = reader.page.get_by_role("button", name="Confirm and redeem")
        other = colleague.page.get_by_role("button", name="Cancel and return")
        await asyncio.gather(one.click(), other.click())
        told = "Nothing left to decide"
        said = reader.page.locator("#said", has_text="Confirmed")
        lost = reader.page.get_by_role("alertdialog").filter(has_text=told)
        await expect(said.or_(lost).first).to_be_visible()
        theirs_said = colleague.page.locator("#said", has_text="Cancelled")
        theirs_lost = colleague.page.get_by_role("alertdialog").filter(has_text=told)
        await expect(theirs_said.or_(theirs_lost).first).to_be_visible()
        won = [await said.is_visible(), await theirs_said.is_visible()]
        assert sorted(won) == [False, True]
        loser = theirs_lost if won[0] else lost
        winner = "support@example.com" if won[0] else "manager@example.com"
        await expect(loser).to_contain_text(winner)
    full = await house.api.call("GET", f"/v1/transactions/{made}")
    decided = [e for e in full.body["events"] if e["type"].startswith("operator.")]
    assert len(decided) == 1


async def test_a_viewer_sees_why_not_and_cannot_by_hand(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = LATER
    made = await house.redeem("User 123", until="postponed")
    await reader.sign_in("viewer")
    page = reader.page
    off = page.locator(".acts [aria-disabled]").first
    assert "Takes the role support" in str(await off.get_attribute("title"))
    token = await page.locator("input[name=csrf]").first.input_value()
    answer = await page.context.request.post(
        f"{house.url}/redeem/transactions/{made}/cancel",
        form={"csrf": token, "seen": "4", "reason": "by hand"},
        headers={"Origin": house.url},
    )
    assert answer.status == 403
    assert "takes the role support" in await answer.text()
    await house.stands(made, "postponed")
    async with house.database.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT actor, target FROM audit WHERE action = 'console.refused'"
        )
        (row,) = await cursor.fetchall()
    assert row.actor == "operator:viewer@example.com"
    assert row.target == f"/redeem/transactions/{made}/cancel"


async def test_forms_from_elsewhere_are_refused(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = LATER
    made = await house.redeem("User 123", until="postponed")
    await reader.sign_in("support")
    where = f"{house.url}/redeem/transactions/{made}/cancel"
    token = await reader.page.locator("input[name=csrf]").first.input_value()
    post = reader.page.context.request.post
    good = {"csrf": token, "seen": "4", "reason": "x"}
    for form, headers in [
        (good | {"csrf": ""}, {"Origin": house.url}),
        (good | {"csrf": "0" * 64}, {"Origin": house.url}),
        (good, {"Origin": "https://evil.example"}),
        (good, {"Origin": "null"}),
        (good, {"Origin": house.url, "Sec-Fetch-Site": "cross-site"}),
    ]:
        answer = await post(where, form=form, headers=headers)
        assert answer.status == 403, (form, headers)
    got = await reader.page.context.request.get(where + "?csrf=" + token, max_redirects=0)
    assert got.status == 200
    await house.stands(made, "postponed")
    assert (await post(where, form=good, headers={"Origin": house.url})).ok
    await house.stands(made, "failure")


async def test_what_happens_under_an_open_dialog(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = LATER
    made = await house.redeem("User 123", until="postponed")
    await reader.sign_in("support")
    page = reader.page
    await page.get_by_role("link", name="Cancel").click()
    dialog = page.get_by_role("alertdialog")
    await expect(dialog).to_be_visible()
    confirmed = await house.api.call("POST", f"/v1/transactions/{made}/confirm", {})
    assert confirmed.status == 200
    button = dialog.get_by_role("button", name="Cancel and return")
    if await button.is_visible() and await button.is_enabled():
        await button.click()
    await expect(dialog).to_contain_text("Nothing left to decide")
    await expect(dialog).to_contain_text("API key test")
    await expect(dialog.get_by_role("button")).to_have_count(0)
    forced = await page.context.request.post(
        f"{house.url}/redeem/transactions/{made}/cancel",
        form={
            "csrf": await page.locator("input[name=csrf]").first.input_value(),
            "seen": "4",
            "reason": "by hand",
        },
        headers={"Origin": house.url},
    )
    assert forced.status == 409
    member = await house.api.call("GET", "/v1/members/User%20123")
    assert (member.body["balance"], member.body["available"]) == (950, 950)


async def test_a_double_click_is_one_decision(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = LATER
    made = await house.redeem("User 123", until="postponed")
    await reader.sign_in("support")
    token = await reader.page.locator("input[name=csrf]").first.input_value()
    answers = await asyncio.gather(
        *(
            reader.page.context.request.post(
                f"{house.url}/redeem/transactions/{made}/cancel",
                form={"csrf": token, "seen": "4", "reason": "twice"},
                headers={"Origin": house.url, "HX-Request": "true"},
            )
            for _ in range(2)
        )
    )
    assert [answer.status for answer in answers] == [200, 200]
    for answer in answers:
        assert "Cancelled. 200 tokens returned to User 123." in await answer.text()
    async with house.database.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT detail FROM audit WHERE action LIKE 'transaction.%'"
        )
        (row,) = await cursor.fetchall()
    assert (row.detail["outcome"], row.detail["before"]) == ("applied", "postponed")
    member = await house.api.call("GET", "/v1/members/User%20123")
    assert (member.body["balance"], member.body["available"]) == (1150, 1150)


async def test_the_page_of_one_transaction_hears_of_it_too(reader: Reader) -> None:
    """There is no live feed there: the open dialog looks by itself."""
    house = reader.house
    house.provider.answer = LATER
    made = await house.redeem("User 123", until="postponed")
    await reader.sign_in("support")
    page = reader.page
    await reader.go(f"/redeem/transactions/{made}")
    await page.get_by_role("link", name="Cancel").click()
    dialog = page.get_by_role("alertdialog")
    await dialog.get_by_label("Reason").fill("half a reas")
    assert (await house.api.call("POST", f"/v1/transactions/{made}/confirm", {})).status == 200
    await expect(dialog).to_contain_text("Nothing left to decide", timeout=15_000)
    await expect(dialog.get_by_role("button")).to_have_count(0)
    await expect(dialog.get_by_role("link", name="Close")).to_be_focused()


async def test_by_keyboard_alone_at_400_percent_and_in_forced_colours(
    house: House, browser: Browser
) -> None:
    """1,280 pixels at 400 % are 320. Find, expand, copy, cancel with a reason, land on the row."""
    house.provider.answer = UNSURE
    made = await house.redeem("User 123", until="recoverable-failure")
    small = {"width": 320, "height": 480}
    async with another(browser, house, viewport=small, forced_colors="active") as reader:
        await reader.sign_in("support")
        page, press = reader.page, reader.page.keyboard.press
        await press("/")
        await page.keyboard.type("User 123")
        await press("Enter")
        await page.wait_for_url("**user=User*")
        await press("j")
        expander = page.locator(f'[data-expand="{made}"]')
        await expect(expander).to_be_focused()
        await press("Enter")
        await expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
        await press("y")
        await expect(page.locator("#said")).to_have_text("Copied.")
        await press("C")
        dialog = page.get_by_role("alertdialog")
        await expect(dialog.get_by_role("link", name="Keep it open")).to_be_focused()
        await press("Shift+Tab")
        quick = dialog.get_by_role("button", name="Stopped at the provider")
        await expect(quick).to_be_focused()
        await press("Enter")
        await expect(dialog.get_by_label("Reason")).to_have_value("Stopped at the provider")
        await press("Enter")
        await expect(dialog).to_be_hidden()
        await expect(expander).to_be_focused()
        await expect(page.locator(f"#s-{made}")).to_contain_text("Failure")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
