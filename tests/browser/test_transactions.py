"""Redeem > Transactions, as an operator lives in it."""

import csv
import io
import json
import re
from urllib.parse import parse_qs, urlsplit

import psycopg
from playwright.async_api import Browser, expect
from tests.browser.conftest import House, Reader, another
from tests.browser.exporting import exported

UNSURE = (500, b"oops")
LATER = (201, b"")
GIVEN = (200, b'{"status":"success","reference":"V-1881"}')


async def test_the_founding_columns_and_the_oldest_decision_first(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = LATER
    first = await house.redeem("ada", until="postponed")
    house.provider.answer = UNSURE
    second = await house.redeem("User 123", until="recoverable-failure")
    house.provider.answer = GIVEN
    await house.redeem("ada", until="success")
    await reader.sign_in("support")
    page = reader.page
    heads = await page.get_by_role("columnheader").all_inner_texts()
    names = [head.split(",")[0].strip() for head in heads]
    assert names[1:] == ["ID", "Option", "Status", "User ID", "Events", "Created at", "Actions"]
    rows = page.locator("tbody tr")
    await expect(rows).to_have_count(2)
    ids = [await rows.nth(n).get_attribute("id") for n in range(2)]
    assert ids == [f"t-{first}", f"t-{second}"]
    await expect(rows.nth(1)).to_contain_text("Recoverable failure")
    await expect(rows.nth(1)).to_contain_text("User 123")
    await expect(page.locator(".side .c-decide")).to_contain_text("2")
    assert (await page.title()).startswith("STAGING · 1 · Transactions")
    assert await reader.axe() == []


async def test_a_row_opens_with_its_history_and_the_exact_payload(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = UNSURE
    made = await house.redeem("User 123", until="recoverable-failure")
    await reader.sign_in("support")
    page = reader.page
    handle = page.locator("[data-expand]")
    await expect(handle).to_have_attribute("aria-expanded", "false")
    await handle.focus()
    await page.keyboard.press("Enter")
    await expect(handle).to_have_attribute("aria-expanded", "true")
    steps = page.locator(".timeline li b")
    await expect(steps).to_have_text(
        [
            "User initially triggered redeem option",
            "Token withdrawal result",
            "Message posted",
            "Outcome unknown",
            "Waiting for a decision",
        ]
    )
    await expect(page.locator(".timeline")).to_contain_text("available 1,150 → 950 · 200 on hold")
    sent = page.locator("details[open] pre").first
    await expect(sent).to_contain_text(f'"transactionId": "{made}"')
    await expect(sent).to_contain_text('"email": "U•••@example.com"')
    assert parse_qs(urlsplit(page.url).query)["open"] == [made]
    assert await reader.axe() == []
    await page.reload()
    await expect(page.locator(".timeline")).to_be_visible()
    await page.get_by_role("button", name="Reveal personal data").click()
    await expect(page.locator("details[open] pre").first).to_contain_text("User.123@example.com")
    await expect(page.locator("details[open]")).to_contain_text("oops")
    text = await page.locator("details[open] template").first.evaluate("t => t.content.textContent")
    headers = {"Authorization": f"Bearer {house.api.key}"}
    where = f"{house.url}/v1/transactions/{made}/attempts/1/body"
    stored = await page.context.request.get(where, headers=headers)
    assert text.encode() == await stored.body()
    # The sides of an attempt, the same text raw and as a file, and the request as a command.
    open_part = page.locator("details[open]")
    await open_part.get_by_role("button", name="Raw").click()
    assert await open_part.locator("pre").first.text_content() == text
    async with page.expect_download() as downloading:
        await open_part.get_by_role("button", name="Download").click()
    assert (await (await downloading.value).path()).read_text("utf-8") == text
    curl = await open_part.get_by_role("button", name="Copy as cURL").get_attribute("data-copy")
    assert curl is not None
    assert curl.startswith(f"curl {house.provider.url}")
    assert f"--data-binary '{text}'" in curl
    await open_part.get_by_text("Response", exact=True).first.click()
    await expect(open_part.locator("pre", has_text="oops")).to_be_visible()
    await page.keyboard.press("ArrowRight")
    await expect(open_part.locator("pre", has_text="webhook-id")).to_be_visible()
    await expect(open_part.locator("pre", has_text="redeem.static")).to_be_hidden()
    assert await reader.axe() == []


async def test_an_address_is_the_whole_state(reader: Reader, browser: Browser) -> None:
    house = reader.house
    house.provider.answer = LATER
    await house.redeem("ada", until="postponed")
    house.provider.answer = GIVEN
    wanted = await house.redeem("User 123", until="success")
    await reader.sign_in("viewer")
    page = reader.page
    await page.get_by_role("link", name="All", exact=True).click()
    await expect(page.locator("tbody tr")).to_have_count(2)
    await page.keyboard.press("/")
    await page.keyboard.type("status:success")
    await page.keyboard.press("Enter")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await page.get_by_label("Find by ID").fill("User 1")
    await page.keyboard.press("Enter")
    await expect(page.locator(".token")).to_have_count(2)
    await expect(page.locator("tbody tr")).to_have_count(1)
    await page.locator("[data-expand]").click()
    await expect(page.locator(".timeline")).to_be_visible()
    async with another(browser, house) as colleague:
        await colleague.sign_in("manager")
        await colleague.page.goto(page.url)
        await expect(colleague.page.locator(f"#d-{wanted} .timeline")).to_be_visible()
        await expect(colleague.page.locator(".token")).to_have_count(2)
    await page.go_back()
    await expect(page.locator(".token")).to_have_count(1)
    await page.go_back()
    await expect(page.locator(".token")).to_have_count(0)
    await expect(page.locator("tbody tr")).to_have_count(2)


async def test_search_knows_what_is_typed(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = GIVEN
    made = await house.redeem("User 123", until="success")
    await house.redeem("ada", until="success")
    await reader.sign_in("viewer")
    page = reader.page
    for typed, token in [
        (made, f"id{made}"),
        (made[:8], f"id{made[:8]}"),
        ("user.123@EXAMPLE.com", "userUser 123"),
        ("User 123", "userUser 123"),
        ("Use", "userUse*"),
        ("free tick", "optionFree Tickets"),
        ("created:24h", "createdlast 24h"),
        ('user:"User 123"', "userUser 123"),
    ]:
        await reader.go("/redeem/transactions?view=all")
        await page.get_by_label("Find by ID").fill(typed)
        await page.keyboard.press("Enter")
        await expect(page.locator(".token")).to_contain_text(re.compile(re.escape(token)))
        await expect(page.locator(f"#t-{made}")).to_be_visible()
    await reader.go("/redeem/transactions?view=all&status=lost&colour=red")
    await expect(page.locator(".token.wrong")).to_contain_text("lost")
    await expect(page.locator(".alert").first).to_contain_text("is none of pending")
    await expect(page.locator(".alert").last).to_contain_text("colour")
    await expect(page.locator("tbody tr")).to_have_count(2)
    await reader.go("/redeem/transactions?view=all&user=nobody")
    await expect(page.get_by_role("heading", name="No transactions match")).to_be_visible()
    assert await reader.axe() == []


async def test_pages_hold_their_place(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = GIVEN
    await house.member("rich", 100_000)
    made = [await house.redeem("rich", until="success") for _ in range(52)]
    await reader.sign_in("viewer")
    page = reader.page
    await expect(page.locator("tbody tr")).to_have_count(50)
    await page.get_by_role("link", name="Older").click()
    await expect(page.locator("tbody tr")).to_have_count(2)
    await house.redeem("rich", until="success")
    await page.reload()
    ids = await page.locator("tbody tr").evaluate_all("rows => rows.map(row => row.id)")
    assert ids == [f"t-{made[1]}", f"t-{made[0]}"]
    await page.get_by_role("link", name="Newer").click()
    await expect(page.locator(f"#t-{made[2]}")).to_be_visible()
    await expect(page.locator("tbody tr")).to_have_count(50)
    await page.get_by_role("link", name="Created at").click()
    await expect(page.locator("tbody tr").first).to_have_attribute("id", f"t-{made[0]}")


async def test_times_are_told_in_the_zone_that_was_chosen(house: House, browser: Browser) -> None:
    house.provider.answer = LATER
    await house.redeem("ada", until="postponed")
    async with another(browser, house, timezone_id="Asia/Tokyo") as reader:
        await reader.sign_in("viewer")
        page = reader.page
        time = page.locator("td time").first
        assert "Asia/Tokyo" in str(await time.get_attribute("title"))
        await page.get_by_label("Times").select_option("Europe/Dublin")
        await expect(time).to_have_attribute("title", re.compile("Europe/Dublin"))
        await reader.go("/redeem/transactions")
        assert "Europe/Dublin" in str(await time.get_attribute("title"))


async def test_small_screens_and_large_letters(house: House, browser: Browser) -> None:
    house.provider.answer = UNSURE
    await house.redeem("User 123", until="recoverable-failure")
    async with another(browser, house, viewport={"width": 320, "height": 740}) as reader:
        await reader.sign_in("support")
        page = reader.page
        await page.locator("[data-expand]").click()
        await expect(page.locator(".timeline")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") == 320
        around = await page.locator("tr.detail > td").bounding_box()
        inside = await page.locator(".history").bounding_box()
        assert around is not None
        assert inside is not None
        assert around["height"] >= inside["height"]
        assert await reader.axe() == []
        await page.locator("summary", has_text="Menu").click()
        await expect(page.get_by_role("button", name="Sign out")).to_be_visible()


async def test_the_list_as_a_file(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = GIVEN
    option = {"title": "=1+1", "type": "digital", "price": 5}
    providers = await house.api.call("GET", "/v1/providers")
    option["providerId"] = providers.body["items"][0]["id"]
    created = await house.api.call("POST", "/v1/options", option)
    plain = await house.redeem("ada", until="success")
    risky = await house.redeem("ada", until="success", optionName=created.body["name"])
    await reader.sign_in("viewer")
    page = reader.page
    await reader.go("/redeem/transactions?view=all&price=<100")
    head, row = list(csv.reader(io.StringIO(await exported(page))))
    assert head[0] == "id"
    assert row[:3] == [risky, created.body["name"], "'=1+1"]
    await reader.go("/redeem/transactions?view=all")
    lines = (await exported(page, "JSON Lines")).splitlines()
    assert [json.loads(line)["id"] for line in lines] == [risky, plain]
    assert json.loads(lines[0])["title"] == "=1+1"


async def test_keys_can_be_seen_and_turned_off(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = LATER
    for _ in range(2):
        await house.redeem("ada", until="postponed")
    await reader.sign_in("support")
    page = reader.page
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await expect(page.locator("[data-expand]").nth(1)).to_be_focused()
    await page.keyboard.press("o")
    await expect(page.locator(".timeline")).to_be_visible()
    await page.keyboard.press("c")
    await expect(page.get_by_role("alertdialog")).to_contain_text("Mark as redeemed for ada?")
    await page.keyboard.press("Escape")
    await page.keyboard.press("?")
    await expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    assert await reader.axe() == []
    await page.get_by_label("Single keys act").uncheck()
    await page.get_by_role("button", name="Close").click()
    await expect(page.locator("[data-keys]").first).to_be_focused()
    await page.keyboard.press("/")
    await expect(page.get_by_label("Find by ID")).not_to_be_focused()


async def test_what_an_empty_list_says(reader: Reader, browser: Browser) -> None:
    house = reader.house
    await reader.sign_in("manager")
    page = reader.page
    await expect(page.get_by_role("heading", name="Nobody has redeemed yet")).to_be_visible()
    assert await reader.axe() == []
    async with another(browser, house) as viewer:
        await viewer.sign_in("viewer")
        await expect(viewer.page.get_by_role("button", name="Send a test")).to_have_count(0)
        await expect(viewer.page.get_by_text("Send a test redemption")).to_be_disabled()
    house.provider.answer = LATER
    await page.get_by_role("button", name="Send a test redemption").click()
    await expect(page.get_by_text("A real redemption would become")).to_contain_text("postponed")
    assert [one["event"] for one in house.provider.seen] == ["redeem.test"]
    # Nothing counts a test; what a person decided is told from then on.
    await reader.go("/redeem/transactions?view=needs-decision")
    nothing = page.locator(".nothing")
    await expect(nothing).to_contain_text("Nothing is waiting for a decision")
    await expect(nothing).not_to_contain_text("the longest")
    made = await house.redeem("ada", until="postponed")
    done = await house.api.call("POST", f"/v1/transactions/{made}/confirm", {})
    assert done.status == 200
    await page.reload()
    await expect(nothing).to_contain_text(
        re.compile(r"In the last 7 days the longest that one waited, .*, was \d+(\.\d+)? m?s")
    )


async def test_a_failure_keeps_the_page_and_can_be_tried_again(
    house: House, browser: Browser, database_url: str
) -> None:
    house.provider.answer = LATER
    made = await house.redeem("ada", until="postponed")
    async with another(browser, house) as reader:
        await reader.sign_in("viewer")
        page = reader.page
        await reader.go("/redeem/transactions?view=all&user=ada")
        failed = page.locator(f"#d-{made}")
        asks = re.compile("Request [0-9a-f-]{36}")
        async with await psycopg.AsyncConnection.connect(database_url) as connection:
            # Who holds these keeps every question about them waiting, and refused in the end.
            await connection.execute("LOCK TABLE attempt, option IN ACCESS EXCLUSIVE MODE")
            await page.locator("[data-expand]").click()
            await expect(failed).to_contain_text("Could not load events.", timeout=20_000)
            await expect(failed.get_by_role("alert")).to_contain_text(asks)
            await page.reload()
            await expect(page.get_by_role("alert")).to_contain_text(asks)
            assert await reader.axe() == []
        await page.get_by_role("link", name="Try again").click()
        await expect(page.locator(".token")).to_contain_text("ada")
        await expect(failed.locator(".timeline")).to_be_visible()


async def test_what_is_copied_is_what_was_stored(reader: Reader) -> None:
    house = reader.house
    odd = (
        b'{"n": 9007199254740993123, "n":  1e400, "x": "</script><script>alert(1)</script>\\u00e9"}'
    )
    house.provider.answer = (200, odd)
    await house.redeem("User 123", until="success")
    await reader.sign_in("support")
    page = reader.page
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await reader.go("/redeem/transactions?view=all")
    await page.locator("[data-expand]").click()
    reveal = page.get_by_role("button", name="Reveal personal data")
    await reveal.click()
    await expect(reveal).to_have_count(0)
    shown = page.locator("details[open]")
    await shown.get_by_text("Response", exact=True).first.click()
    await expect(shown.locator("pre", has_text="9007199254740993123")).to_be_visible()
    await shown.get_by_role("button", name="Copy response").click()
    await expect(page.locator("#said")).to_have_text("Copied.")
    assert await page.evaluate("navigator.clipboard.readText()") == odd.decode()
