"""The audit log: found by person, action, target and day, paged by key, taken away as CSV."""

import csv
import io
from datetime import UTC, datetime

from playwright.async_api import Browser, expect
from tests.browser.conftest import House, Reader, another

from guerdon.access import store as access
from guerdon.access import trail
from guerdon.access.trail import Sought

PATH = "/settings/audit"


async def write(house: House, count: int, **more: str) -> None:
    for number in range(count):
        line = {"actor": "command", "action": "key.created", "target": f"t{number}", **more}
        async with house.database.tx() as tx:
            await access.audit(tx, namespace="1", detail={}, address=None, **line)


async def test_lines_are_found_and_paged(reader: Reader) -> None:
    house = reader.house
    await write(house, 130)
    await write(house, 1, actor="operator:dana@example.com", action="member.frozen", target="who")
    await reader.sign_in("manager")
    page = reader.page
    rows = page.locator("tbody tr")
    await reader.go(PATH + "?action=key.created&actor=command")
    await expect(rows).to_have_count(100)
    await expect(rows.first).to_contain_text("t129")
    await page.get_by_role("link", name="Older").click()
    await expect(rows).to_have_count(30)
    await expect(rows.last).to_contain_text("t0")
    await expect(page.get_by_role("link", name="Older")).to_have_count(0)
    await reader.go(PATH)
    await page.get_by_label("Who").fill("dana@example.com")
    await page.get_by_label("From").fill("2020-01-01")
    await page.get_by_role("button", name="Find").click()
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("member.frozen")
    assert await reader.axe() == []
    await page.get_by_label("To", exact=True).fill("2020-01-02")
    await page.get_by_role("button", name="Find").click()
    await expect(page.get_by_role("heading", name="Nothing of that kind")).to_be_visible()
    assert await reader.axe() == []
    await reader.go(PATH + "?from=yesterday&actor=dana@example.com")
    await expect(page.get_by_role("alert")).to_contain_text("“yesterday” is no day")
    await expect(rows).to_have_count(1)


async def test_an_export_holds_what_is_shown_and_runs_nothing(reader: Reader) -> None:
    await write(reader.house, 1, action="option.created", target="=HYPERLINK(1)")
    await write(reader.house, 1)
    await reader.sign_in("manager")
    page = reader.page
    await reader.go(PATH + "?action=option.")
    async with page.expect_download() as coming:
        await page.get_by_role("button", name="CSV").click()
    download = await coming.value
    assert download.suggested_filename.startswith("audit-")
    with open(await download.path(), encoding="utf-8") as file:  # noqa: ASYNC230 - a small file
        rows = list(csv.DictReader(io.StringIO(file.read())))
    assert [(row["actor"], row["action"], row["target"]) for row in rows[:1]] == [
        ("command", "option.created", "'=HYPERLINK(1)")
    ]
    assert {row["action"] for row in rows} == {"option.created"}
    await reader.go(PATH + "?action=audit.exported")
    await expect(page.locator("tbody tr")).to_contain_text("action option.")


async def test_without_javascript_and_not_for_support(house: House, browser: Browser) -> None:
    async with another(browser, house, java_script_enabled=False) as reader:
        await reader.sign_in("manager")
        page = reader.page
        await reader.go(PATH)
        await page.get_by_label("What", exact=True).fill("operator.signed")
        await page.get_by_role("button", name="Find").click()
        await expect(page.locator("tbody tr")).to_have_count(1)
    async with another(browser, house) as reader:
        await reader.sign_in("support")
        answer = await reader.page.context.request.get(house.url + PATH)
        assert answer.status == 403


async def test_a_search_looks_so_far_and_goes_on_from_there(house: House) -> None:
    await write(house, 3, actor="first")
    await write(house, 5)
    async with house.database.read() as tx:
        rows = await trail.page(tx, _wide("command"), 100)
        sought = _wide("first", looked_at=5)
        assert await trail.page(tx, sought, 100) == []
        reach = await trail.reach(tx, sought)
        assert reach is not None
        assert (reach.at, reach.audit_id) == (rows[-1].at, rows[-1].audit_id)
        further = _wide("first", looked_at=5, below=(reach.at, reach.audit_id))
        assert [row.target for row in await trail.page(tx, further, 100)] == ["t2", "t1", "t0"]
        assert await trail.reach(tx, _wide("first", looked_at=500)) is None


def _wide(actor: str, **more: object) -> Sought:
    ends = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
    return Sought("1", *ends, actor=actor, **more)  # type: ignore[arg-type]
