"""The last conformance report on a provider, and the rule that asks for one."""

from typing import Any

from playwright.async_api import expect
from tests.browser.conftest import Reader

from guerdon import clock
from guerdon.clock import rfc3339

ROW = {"rule": "body-success", "verdict": "S", "meaning": "The answer says success."}


def scenario(name: str, result: str) -> dict[str, Any]:
    detail = "" if result == "pass" else "It was believed. Answer 401, and give no reward."
    return {"name": name, "title": f"About {name}", "result": result, "detail": detail, "row": ROW}


async def test_a_provider_shows_its_last_report_and_options_wait_for_a_pass(reader: Reader) -> None:
    house, page = reader.house, reader.page
    (provider,) = (await house.api.call("GET", "/v1/providers")).body["items"]
    path = f"/v1/providers/{provider['id']}/conformance"
    report = {"url": provider["webhookUrl"], "dialect": "status-code", "realistic": False}
    await reader.sign_in("admin")
    await page.get_by_role("link", name="Rules").click()
    assert await reader.axe() == []
    await page.get_by_label("must have passed conformance").check()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status").first).to_contain_text("holds from now on")
    await reader.go(f"/providers/{provider['id']}")
    card = page.locator("section", has=page.get_by_role("heading", name="Conformance"))
    await expect(card).to_contain_text("Never run")
    await reader.go("/redeem/options/new?type=digital")
    await page.get_by_label("Title").first.fill("A voucher")
    await page.get_by_label("Price").fill("50")
    await page.get_by_role("button", name="Create the option").click()
    await expect(page.locator("#summary")).to_contain_text("goes live only when")
    await expect(page.get_by_label("Title").first).to_have_value("A voucher")
    assert await reader.axe() == []
    scenarios = [scenario("answers", "pass"), scenario("no-signature", "fail")]
    made = {"ranAt": rfc3339(clock.now()), "passed": True, "scenarios": scenarios}
    kept = await house.api.call("POST", path, report | made)
    assert kept.status == 201, kept.body
    await reader.go(f"/providers/{provider['id']}")
    await expect(card).to_contain_text("Failed")
    await expect(card).to_contain_text("API key test")
    await expect(card).to_contain_text("It was believed")
    assert await reader.axe() == []
    made = {"ranAt": rfc3339(clock.now()), "passed": True, "scenarios": scenarios[:1]}
    await house.api.call("POST", path, report | made)
    await page.reload()
    await expect(card).to_contain_text("1 passed, 0 failed, 0 left out")
    await reader.go("/redeem/options/new?type=digital")
    await page.get_by_label("Title").first.fill("A voucher")
    await page.get_by_label("Price").fill("50")
    await page.get_by_role("button", name="Create the option").click()
    await expect(page.get_by_role("heading", name="A voucher")).to_be_visible()
    await house.api.call("POST", f"/v1/providers/{provider['id']}/secrets/signingSecret/rotate")
    await reader.go(f"/providers/{provider['id']}")
    await expect(card).to_contain_text("The signingSecret was rotated since. Run it again.")
    assert await reader.axe() == []
