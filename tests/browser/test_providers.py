"""Providers: made, tried out before it counts, paused, and given new secrets."""

from playwright.async_api import expect
from tests.browser.conftest import Reader
from tests.browser.test_transactions import GIVEN, LATER


async def test_a_provider_is_made_and_its_secrets_shown_once(reader: Reader) -> None:
    await reader.sign_in("manager")
    page = reader.page
    await page.get_by_role("link", name="Providers").click()
    assert await reader.axe() == []
    await page.get_by_role("link", name="New provider").click()
    await page.get_by_label("Name").fill("Tickets Ltd")
    await page.get_by_label("Address", exact=True).fill("https://10.0.0.1/hook")
    await page.get_by_label("Seconds to answer").fill("99")
    await page.get_by_role("button", name="Create the provider").click()
    await expect(page.locator("#summary")).to_be_focused()
    assert await reader.axe() == []
    await page.get_by_label("Seconds to answer").fill("9")
    await page.get_by_role("button", name="Create the provider").click()
    await expect(page.locator("#summary")).to_contain_text("webhookUrl")
    await page.get_by_label("Address", exact=True).fill(reader.house.provider.url)
    await page.get_by_label("Authorization header").fill("Bearer s3cret")
    await page.get_by_role("button", name="Create the provider").click()
    await expect(page.get_by_role("heading", name="Its secrets, shown this once")).to_be_visible()
    secret = await page.locator(".secrets dd").first.inner_text()
    assert secret.startswith("whsec_")
    assert await reader.axe() == []
    await reader.go("/providers")
    await page.get_by_role("link", name="Tickets Ltd").click()
    body = await page.content()
    assert secret.split()[0] not in body
    assert "s3cret" not in body


async def test_a_test_message_says_what_would_become(reader: Reader) -> None:
    house = reader.house
    await reader.sign_in("manager")
    page = reader.page
    await reader.go("/providers")
    await page.get_by_role("link", name="Rewards").click()
    house.provider.answer = LATER
    await page.get_by_role("button", name="Send a test").click()
    tried = page.locator("section", has=page.get_by_role("heading", name="What the test showed"))
    await expect(tried).to_contain_text("Answered 201")
    await expect(tried).to_contain_text("would become postponed")
    assert house.provider.seen[-1]["event"] == "redeem.test"
    house.provider.answer = GIVEN
    await page.get_by_role("button", name="Send the same one twice").click()
    await expect(tried).to_contain_text("The same answer twice")
    first, second = house.provider.seen[-2:]
    assert first == second
    assert await reader.axe() == []


async def test_a_paused_provider_takes_no_redemptions(reader: Reader) -> None:
    house = reader.house
    await reader.sign_in("manager")
    page = reader.page
    await reader.go("/providers")
    await page.get_by_role("link", name="Rewards").click()
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_role("status").first).to_contain_text("Paused")
    body = {"optionName": house.option, "userId": "ada"}
    refused = await house.api.call("POST", "/v1/redemptions", body, key="paused")
    assert (refused.status, refused.body["code"]) == (503, "provider-unavailable")
    await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_role("status").first).to_contain_text("goes on")
    house.provider.answer = GIVEN
    await house.redeem("ada", until="success")
    await page.get_by_role("button", name="Make a new one").click()
    await expect(page.get_by_role("heading", name="The new secret")).to_be_visible()
