"""Many decisions at once: ticked or all that match, looked at first, followed to the last row."""

import csv
import io

from playwright.async_api import Browser, expect
from tests.browser.conftest import House, Reader, another
from tests.browser.test_desk import audited
from tests.browser.test_transactions import LATER, UNSURE


async def redeemed(house: House, count: int) -> list[str]:
    house.provider.answer = LATER
    await house.member("rich", 200 * count)
    return [await house.redeem("rich", until="postponed") for _ in range(count)]


async def test_ticked_rows_are_cancelled_together(reader: Reader) -> None:
    house = reader.house
    made = await redeemed(house, 3)
    house.provider.answer = UNSURE
    made.append(await house.redeem("User 123", until="recoverable-failure"))
    await reader.sign_in("manager")
    page = reader.page
    cancel = page.get_by_role("button", name="Cancel them…")
    await expect(cancel).to_be_disabled()
    await page.locator("[data-expand]").first.focus()
    await page.keyboard.press("x")
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("Shift+X")
    await expect(page.get_by_text("The 3 ticked")).to_be_visible()
    await page.get_by_label("Tick all on this page").check()
    await expect(page.get_by_text("The 4 ticked")).to_be_visible()
    assert await reader.axe() == []
    confirmed = await house.api.call("POST", f"/v1/transactions/{made[1]}/confirm", {})
    assert confirmed.status == 200
    await cancel.click()
    await expect(
        page.get_by_role("heading", name="Cancel 3 and return 600 tokens?")
    ).to_be_visible()
    ask = page.locator(".bulk-ask")
    await expect(ask).to_contain_text("1 Already Success.")
    await expect(ask).to_contain_text("Recoverable failure")
    await expect(ask).to_contain_text("The provider is not told.")
    assert await reader.axe() == []
    button = page.get_by_role("button", name="Cancel 3 and return 600 tokens")
    await button.click()
    assert not await page.locator("#reason").evaluate("field => field.checkValidity()")
    await page.get_by_label("Reason").fill("They went out of business")
    await button.click()
    await expect(page.get_by_role("heading", name="Cancel 4: finished")).to_be_visible()
    outcomes = page.locator("tbody [data-label=Outcome]")
    await expect(outcomes).to_have_text(["Done", "Skipped", "Done", "Done"])
    assert await reader.axe() == []
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Outcomes as CSV").click()
    saved = await (await download.value).path()
    rows = list(csv.reader(io.StringIO(saved.read_text("utf-8"))))
    assert [row[2] for row in rows] == ["outcome", "done", "skipped", "done", "done"]
    assert [row[1] for row in rows[1:]] == made
    member = await house.api.call("GET", "/v1/members/rich")
    assert (member.body["balance"], member.body["available"]) == (400, 400)
    ((actor, job, detail),) = await audited(house, "bulk.started")
    assert (actor, detail["count"]) == ("operator:manager@example.com", 3)
    assert job in page.url
    assert len(await audited(house, "bulk.exported")) == 1
    await page.get_by_role("link", name="Decisions in bulk").click()
    await expect(page.get_by_role("link", name="Cancel 4")).to_be_visible()
    assert await reader.axe() == []


async def test_all_that_match_without_javascript(house: House, browser: Browser) -> None:
    """More than a few take their number, typed; what came after the selection is not in it."""
    made = await redeemed(house, 27)
    async with another(browser, house, java_script_enabled=False) as reader:
        await reader.sign_in("manager")
        await reader.go("/redeem/transactions?view=all&status=postponed&limit=50")
        page = reader.page
        await page.get_by_label("All 27 that match").check()
        await page.get_by_role("button", name="Confirm them…").click()
        await expect(page.get_by_role("heading", name="Mark 27 as redeemed?")).to_be_visible()
        await expect(page.locator(".bulk-ask")).to_contain_text("status postponed")
        late = await house.redeem("ada", until="postponed")
        button = page.get_by_role("button", name="Confirm 27 and redeem 5,400 tokens")
        await page.get_by_label("Type 27").fill("26")
        await button.click()
        await expect(page.get_by_role("alert")).to_contain_text("Type 27")
        await page.get_by_label("Type 27").fill("27")
        await button.click()
        await expect(page.get_by_role("heading", name="Confirm 27:")).to_be_visible()
        job = page.url
        for one in made:
            await house.stands(one, "success")
        await house.stands(late, "postponed")
        async with another(browser, house) as colleague:
            await colleague.sign_in("viewer")
            await colleague.page.goto(job)
            await expect(
                colleague.page.get_by_role("heading", name="Confirm 27: finished")
            ).to_be_visible()
            await expect(colleague.page.get_by_role("button", name="Outcomes")).to_have_count(0)


async def test_it_can_be_stopped(reader: Reader) -> None:
    house = reader.house
    await redeemed(house, 40)
    await reader.sign_in("manager")
    page = reader.page
    async with house.database.pool.connection() as holding, holding.transaction():
        await holding.execute(
            "SELECT 1 FROM transaction ORDER BY transaction_id LIMIT 1 FOR UPDATE"
        )
        await page.get_by_label("All 40 that match").check()
        await page.get_by_role("button", name="Cancel them…").click()
        await page.get_by_label("Type 40").fill("40")
        await page.get_by_role("button", name="Cancel 40").click()
        await expect(page.get_by_role("heading", name="Cancel 40: under way")).to_be_visible()
        assert await reader.axe() == []
        await page.get_by_role("button", name="Stop").click()
        await expect(page.get_by_role("heading", name="Cancel 40: stop")).to_be_visible()
    await expect(page.get_by_role("heading", name="Cancel 40: stopped")).to_be_visible(
        timeout=20_000
    )
    await expect(
        page.get_by_text("Stopped by manager@example.com before its turn").first
    ).to_be_visible()
    assert len(await audited(house, "bulk.stopped")) == 1
    answered = await house.api.call("GET", "/v1/transactions?status=postponed&limit=100")
    left = len(answered.body["items"]) if "items" in answered.body else -1
    assert left >= 15


async def test_support_decides_one_by_one(reader: Reader) -> None:
    house = reader.house
    made = await redeemed(house, 1)
    await reader.sign_in("support")
    page = reader.page
    await expect(page.get_by_text("To decide many at once takes the role manager")).to_be_visible()
    await expect(page.locator(".pick")).to_have_count(0)
    token = await page.locator("input[name=csrf]").first.input_value()
    answer = await page.context.request.post(
        f"{house.url}/redeem/transactions/bulk",
        form={"csrf": token, "verb": "cancel", "scope": "all"},
        headers={"Origin": house.url},
    )
    assert answer.status == 403
    assert "takes the role manager" in await answer.text()
    await house.stands(made[0], "postponed")
    assert len(await audited(house, "console.refused")) == 1
