"""Notes and assignees: kept, seen by colleagues, refused to viewers, never lost while typed."""

from playwright.async_api import Browser, expect
from tests.browser.conftest import House, Reader, another
from tests.browser.test_transactions import LATER


async def audited(house: House, action: str) -> list[tuple[str, str, dict[str, object]]]:
    async with house.database.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT actor, target, detail FROM audit WHERE action LIKE %s ORDER BY at",
            (action + "%",),
        )
        return [(row.actor, row.target, row.detail) for row in await cursor.fetchall()]


async def test_a_note_and_an_assignee_in_the_row(reader: Reader, browser: Browser) -> None:
    house = reader.house
    house.provider.answer = LATER
    made = await house.redeem("User 123", until="postponed")
    await reader.sign_in("support")
    page = reader.page
    await page.locator("[data-expand]").click()
    await page.get_by_label("Note (for operators").fill("Called them.\n<b>They ship Monday</b>")
    await page.get_by_role("button", name="Add note").click()
    note = page.locator(".timeline li.note")
    await expect(note).to_contain_text("<b>They ship Monday</b>")
    await expect(note).to_contain_text("support@example.com")
    await expect(page.get_by_label("Note (for operators")).to_have_value("")
    await page.get_by_role("button", name="Assign to me").click()
    await expect(page.get_by_text("You look after this.")).to_be_visible()
    assert await reader.axe() == []
    await page.goto(house.url + "/redeem/transactions?assignee=me")
    row = page.locator(f"#t-{made}")
    await expect(row.get_by_role("img", name="Assigned to support@example.com")).to_have_text("SU")
    assert await reader.axe() == []
    async with another(browser, house) as colleague:
        await colleague.sign_in("manager")
        await colleague.go("/redeem/transactions?assignee=me")
        await expect(colleague.page.get_by_text("No transactions match")).to_be_visible()
        await colleague.page.locator("#find").fill("assignee:support@example.com")
        await colleague.page.keyboard.press("Enter")
        await expect(colleague.page.locator(f"#t-{made}")).to_be_visible()
        await colleague.go(f"/redeem/transactions/{made}")
        await expect(colleague.page.locator("li.note")).to_contain_text("Called them.")
        await colleague.page.get_by_role("button", name="Take it over").click()
        await expect(colleague.page.get_by_text("You look after this.")).to_be_visible()
    noted = await audited(house, "transaction.noted")
    assert noted == [("operator:support@example.com", made, {"note": 1})]
    support, manager = "operator:support@example.com", "operator:manager@example.com"
    assert await audited(house, "transaction.assigned") == [
        (support, made, {"before": None, "after": support}),
        (manager, made, {"before": support, "after": manager}),
    ]


async def test_what_changed_hands_meanwhile_is_not_taken(reader: Reader, browser: Browser) -> None:
    house = reader.house
    house.provider.answer = LATER
    made = await house.redeem("User 123", until="postponed")
    await reader.sign_in("support")
    page = reader.page
    await page.locator("[data-expand]").click()
    await expect(page.get_by_role("button", name="Assign to me")).to_be_visible()
    async with another(browser, house, java_script_enabled=False) as colleague:
        await colleague.sign_in("manager")
        await colleague.go(f"/redeem/transactions/{made}")
        await colleague.page.get_by_role("button", name="Assign to me").click()
        await expect(colleague.page.get_by_text("You look after this.")).to_be_visible()
        await colleague.page.get_by_label("Note (for operators").fill("Mine now")
        await colleague.page.get_by_role("button", name="Add note").click()
        await expect(colleague.page.locator("li.note")).to_contain_text("Mine now")
    await page.get_by_label("Note (for operators").fill("half a thought")
    await page.get_by_role("button", name="Assign to me").click()
    said = page.locator("#said")
    await expect(said).to_contain_text("manager@example.com looks after it now")
    # News of the row loads its history anew; what is being typed stays.
    confirmed = await house.api.call("POST", f"/v1/transactions/{made}/confirm", {})
    assert confirmed.status == 200
    await expect(page.locator(".timeline", has_text="Confirmed by operator")).to_be_visible()
    await expect(page.get_by_label("Note (for operators")).to_have_value("half a thought")


async def test_a_viewer_reads_notes_and_writes_none(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = LATER
    made = await house.redeem("User 123", until="postponed")
    await reader.sign_in("viewer")
    await reader.go(f"/redeem/transactions/{made}")
    page = reader.page
    await expect(page.get_by_text("To write notes takes the role support")).to_be_visible()
    token = await page.locator("input[name=csrf]").first.input_value()
    for path, form in (("notes", {"text": "x"}), ("assignee", {"to": "me", "seen": ""})):
        answer = await page.context.request.post(
            f"{house.url}/redeem/transactions/{made}/{path}",
            form={"csrf": token, **form},
            headers={"Origin": house.url},
        )
        assert answer.status == 403
    assert [target for _, target, _ in await audited(house, "console.refused")] == [
        f"/redeem/transactions/{made}/notes",
        f"/redeem/transactions/{made}/assignee",
    ]
    assert await audited(house, "transaction.noted") == []
