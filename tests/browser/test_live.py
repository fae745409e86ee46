"""Live updates: cells change where they are, rows never move, and nothing is missed."""

import asyncio
import re
import socket
from dataclasses import replace

import aiohttp
import pytest
from playwright.async_api import Browser, expect
from tests.browser.conftest import PASSWORD, PLAIN_HOST, House, Reader, another, open_house
from tests.browser.test_transactions import GIVEN, LATER
from tests.faults.redeeming import statement

from guerdon.db.pool import Database
from guerdon.sealing import Sealer


async def test_what_is_open_stays_open_while_updates_arrive(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = LATER
    made = [await house.redeem("ada", until="postponed") for _ in range(3)]
    await reader.sign_in("support")
    await reader.go("/redeem/transactions?view=all")
    page = reader.page
    await expect(page.locator("#live")).to_have_attribute("data-state", "live")
    handle = page.locator("[data-expand]").nth(1)
    await handle.click()
    await expect(page.locator(".timeline")).to_be_visible()
    await page.evaluate("getSelection().selectAllChildren(document.querySelector('.timeline h2'))")
    before = await page.locator("tbody tr[id^=t-]").evaluate_all("rows => rows.map(r => r.id)")
    house.provider.answer = GIVEN
    for _ in range(9):
        await house.redeem("ada", until="success")
    done = await house.api.call("POST", f"/v1/transactions/{made[2]}/confirm", {})
    assert done.status == 200
    await expect(page.locator(f"#s-{made[2]}")).to_contain_text("Success")
    await expect(page.locator(f"#a-{made[2]} a")).to_have_count(0)
    await expect(page.locator("#more")).to_contain_text("9 new")
    await expect(page.locator(".c-decide").first).to_have_text("2")
    after = await page.locator("tbody tr[id^=t-]").evaluate_all("rows => rows.map(r => r.id)")
    assert after == before
    assert await page.evaluate("String(getSelection())") == "Timeline"
    await expect(handle).to_be_focused()
    await expect(page.locator(f"#d-{made[1]} .timeline")).to_be_visible()
    assert await reader.axe() == []
    await page.keyboard.press(".")
    await expect(page.locator("tbody tr[id^=t-]")).to_have_count(12)


async def test_a_button_in_a_row_keeps_the_focus_while_the_row_changes(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = LATER
    (provider,) = (await house.api.call("GET", "/v1/providers")).body["items"]
    await house.api.call("PATCH", f"/v1/providers/{provider['id']}", {"idempotent": True})
    made = await house.redeem("User 123", until="postponed")
    await reader.sign_in("support")
    page = reader.page
    await expect(page.locator("#live")).to_have_attribute("data-state", "live")
    cancel = page.locator(f"#a-{made}").get_by_role("link", name="Cancel")
    events = page.locator(f"#e-{made}")
    before = await events.inner_text()
    await cancel.focus()
    again = await house.api.call("POST", f"/v1/transactions/{made}/resend", {"reason": "Late"})
    assert again.status == 200, again.body
    await expect(events).not_to_have_text(before)
    await expect(cancel).to_be_focused()


async def test_an_open_history_follows_its_own_transaction(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = LATER
    made = await house.redeem("User 123", until="postponed")
    await reader.sign_in("viewer")
    page = reader.page
    await page.locator("[data-expand]").click()
    await expect(page.locator(".timeline li.hollow")).to_be_visible()
    await expect(page.locator("#live")).to_have_attribute("data-state", "live")
    await house.api.call("POST", f"/v1/transactions/{made}/cancel", {"reason": "Sold out"})
    await expect(page.locator(".timeline")).to_contain_text("Cancelled by operator")
    await expect(page.locator(".timeline")).to_contain_text("Reason: Sold out")
    await expect(page.locator(f"#t-{made}")).to_have_class(re.compile("gone"))


async def test_what_changed_flashes_once_and_what_no_longer_matches_stays(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = LATER
    made = await house.redeem("User 123", until="postponed")
    another = await house.redeem("ada", until="postponed")
    await reader.sign_in("support")
    page = reader.page
    await reader.go("/redeem/transactions?view=needs-decision&cols=id,status,events,age,http")
    await expect(page.locator("#live")).to_have_attribute("data-state", "live")
    await house.api.call("POST", f"/v1/transactions/{made}/cancel", {"reason": "Sold out"})
    for mark in "sega":
        await expect(page.locator(f"#{mark}-{made}")).to_have_class(re.compile("fresh"))
    # What the provider had answered was put there anew, and says what it said.
    await expect(page.locator(f"#h-{made}")).not_to_have_class(re.compile("fresh"))
    await expect(page.locator(f"#t-{another} .fresh")).to_have_count(0)
    row = page.locator(f"#t-{made}")
    await expect(row).to_have_class(re.compile("gone"))
    told = "(row) => getComputedStyle(row.querySelector('[data-label=Status]'), '::after').content"
    assert await row.evaluate(told) == '" no longer matches"'
    cell = page.locator(f"#s-{made}")
    how = "(cell) => getComputedStyle(cell).animation"
    assert await cell.evaluate(how) == "1.2s ease-out fresh"
    await page.emulate_media(reduced_motion="reduce")
    assert "fresh" not in await cell.evaluate(how)


async def test_paused_means_paused(reader: Reader, browser: Browser) -> None:
    house = reader.house
    house.provider.answer = LATER
    made = await house.redeem("User 123", until="postponed")
    await reader.sign_in("viewer")
    await reader.go("/redeem/transactions?view=needs-decision")
    page = reader.page
    await expect(page.locator("#live")).to_have_attribute("data-state", "live")
    await page.keyboard.press("r")
    await expect(page.locator("#live")).to_have_text("Paused")
    async with another(browser, house) as colleague:
        await colleague.sign_in("viewer")
        await expect(colleague.page.locator("#live")).to_have_attribute("data-state", "live")
        await house.api.call("POST", f"/v1/transactions/{made}/confirm", {})
        await expect(colleague.page.locator(f"#s-{made}")).to_contain_text("Success")
    await expect(page.locator(f"#s-{made}")).to_contain_text("Postponed")
    await page.keyboard.press("r")
    await expect(page.get_by_role("heading", name="Nothing is waiting")).to_be_visible()


async def test_a_server_that_was_away_is_caught_up_with(
    database: Database, sealer: Sealer, browser: Browser
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    async with open_house(database, sealer, port=port) as house:
        house.provider.answer = LATER
        made = await house.redeem("User 123", until="postponed")
        key = house.api.key
        context = another(browser, house)
        reader = await context.__aenter__()
        await reader.sign_in("viewer")
        await reader.go("/redeem/transactions?view=needs-decision")
        await expect(reader.page.locator("#live")).to_have_attribute("data-state", "live")
    await expect(reader.page.locator("#live")).to_have_attribute("data-state", "away")
    await expect(reader.page.locator("#live")).to_have_text(
        re.compile(r"^Reconnecting.*, data from \d\d:\d\d:\d\d$")
    )
    async with open_house(database, sealer, port=port, furnished=False) as house:
        house.api.key = key
        await house.api.call("POST", f"/v1/transactions/{made}/confirm", {})
        await expect(reader.page.get_by_role("heading", name="Nothing is waiting")).to_be_visible(
            timeout=30_000
        )
        await context.__aexit__(None, None, None)


async def test_the_console_under_a_path_over_plain_http(
    database: Database, sealer: Sealer, browser: Browser
) -> None:
    async with (
        open_house(database, sealer, "/ops/redeem") as opened,
        another(
            browser, replace(opened, url=opened.url.replace("127.0.0.1", PLAIN_HOST))
        ) as reader,
    ):
        house = reader.house
        house.provider.answer = LATER
        made = await house.redeem("User 123", until="postponed")
        await reader.go("/")
        await expect(reader.page).to_have_url(house.url + "/sign-in?next=%2Fredeem%2Ftransactions")
        await reader.sign_in("support")
        page = reader.page
        await expect(page.locator("#live")).to_have_attribute("data-state", "live")
        await page.locator("[data-expand]").click()
        await expect(page.locator(".timeline")).to_be_visible()
        # No clipboard is handed to scripts here; what was copied can be pasted.
        assert await page.evaluate("isSecureContext") is False
        await page.get_by_role("button", name=f"Copy ID {made[:8]}").click()
        await expect(page.locator("#said")).to_have_text("Copied.")
        await page.get_by_label("Find by ID").focus()
        await page.keyboard.press("Control+v")
        await expect(page.get_by_label("Find by ID")).to_have_value(made)
        await page.get_by_role("link", name="Confirm").click()
        await page.get_by_role("button", name="Confirm and redeem").click()
        await expect(page.locator(f"#s-{made}")).to_contain_text("Success")
        await page.get_by_role("button", name="Sign out").click()
        await expect(page).to_have_url(house.url + "/sign-in")
        # Browsers tell that this one header means nothing over plain HTTP.
        ignored = "The Cross-Origin-Opener-Policy header has been ignored"
        assert [one for one in reader.complaints if not one.startswith(ignored)] == []


async def test_a_message_of_the_stream_is_small(house: House, browser: Browser) -> None:
    async with another(browser, house) as reader:
        await reader.sign_in("support")
        (cookie,) = [c for c in await reader.page.context.cookies() if c["name"] == "guerdon"]
    async with (
        aiohttp.ClientSession(cookies={"guerdon": cookie["value"]}) as session,
        session.get(house.url + "/redeem/transactions/live") as stream,
    ):
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        opened = await stream.content.readuntil(b"\n\n")
        assert b"event: open" in opened
        house.provider.answer = LATER
        made = await house.redeem("User 123", until="postponed")
        async with asyncio.timeout(10):
            while True:
                message = await stream.content.readuntil(b"\n\n")
                if made.encode() in message and b"Postponed" in message:
                    break
        assert len(message) <= 1200
        assert b"id: " in message


async def end_sessions(house: House) -> None:
    """As if everybody's time were up."""
    async with house.database.tx() as tx:
        await tx.execute(
            statement("UPDATE operator_session SET seen_at = now() - interval '1 day'")
        )


async def test_an_ended_session_keeps_the_page_and_what_was_typed(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = LATER
    made = await house.redeem("User 123", until="postponed")
    await reader.sign_in("support")
    page = reader.page
    await reader.go("/redeem/transactions?view=all&user=User+123")
    await page.locator("[data-expand]").click()
    await page.get_by_label("Note (for operators").fill("Called them at noon.")
    await end_sessions(house)
    await page.get_by_role("button", name="Add note").click()
    over = page.get_by_role("alertdialog", name="Your session has ended")
    await expect(over).to_be_visible()
    assert await reader.axe() == []
    await over.get_by_role("button", name="Stay here").click()
    await expect(page.get_by_label("Note (for operators")).to_have_value("Called them at noon.")
    # A dialog that is open stays beneath, with the reason in it.
    await page.get_by_role("link", name=f"Cancel {made[:8]}").click()
    await over.get_by_role("link", name="Sign in").click()
    await page.get_by_label("Email").fill("support@example.com")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page).to_have_url(
        f"{house.url}/redeem/transactions?view=all&user=User+123&open={made}"
    )
    await expect(page.get_by_label("Note (for operators")).to_have_value("Called them at noon.")
    await page.get_by_role("link", name=f"Cancel {made[:8]}").click()
    await page.get_by_label("Reason").fill("Out of stock")
    await end_sessions(house)
    await page.get_by_role("button", name="Cancel and return").click()
    await over.get_by_role("button", name="Stay here").click()
    await expect(page.get_by_label("Reason")).to_have_value("Out of stock")
    assert (await house.stands(made, "postponed"))["status"] == "postponed"


async def test_a_stream_whose_session_ended_says_so(
    house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guerdon.console.live._HEARTBEAT_SECONDS", 0.2)
    async with another(browser, house) as reader:
        await reader.sign_in("viewer")
        page = reader.page
        await expect(page.locator("#live")).to_have_attribute("data-state", "live")
        await end_sessions(house)
        over = page.get_by_role("alertdialog", name="Your session has ended")
        await expect(over.get_by_role("link", name="Sign in")).to_have_attribute(
            "href", "/sign-in?next=%2Fredeem%2Ftransactions"
        )
        await expect(page.locator("#live")).to_have_text("Signed out")
