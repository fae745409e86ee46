"""Providers: made, tried out before it counts, paused, and given new secrets."""

import asyncio

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


async def test_another_answer_to_the_same_message_is_told_and_ticks_nothing(
    reader: Reader,
) -> None:
    house = reader.house
    await reader.sign_in("manager")
    page = reader.page
    await reader.go("/providers")
    await page.get_by_role("link", name="Rewards").click()
    house.provider.answers = [
        (200, b'{"status": "success", "reference": "A"}'),
        (200, b'{"status": "success", "reference": "B"}'),
    ]
    await page.get_by_role("button", name="Send the same one twice").click()
    await expect(page.get_by_text("Another answer the second time")).to_be_visible()
    first, second = house.provider.seen[-2:]
    assert first == second
    assert await reader.axe() == []
    # That it gives nothing twice stays a person's word, whatever a test showed.
    await expect(page.get_by_label("It gives a reward at most once")).not_to_be_checked()
    house.provider.answer = GIVEN
    await page.get_by_role("button", name="Send the same one twice").click()
    await expect(page.get_by_text("The same answer twice")).to_be_visible()
    await expect(page.get_by_label("It gives a reward at most once")).not_to_be_checked()
    (stands,) = (await house.api.call("GET", "/v1/providers")).body["items"]
    assert stands["idempotent"] is False


async def test_a_paused_provider_takes_no_redemptions(reader: Reader) -> None:
    house = reader.house
    await reader.sign_in("manager")
    page = reader.page
    await reader.go("/providers")
    await page.get_by_role("link", name="Rewards").click()
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_role("status").first).to_contain_text("Paused")
    await expect(page.get_by_text("manager@example.com, Today")).to_be_visible()
    body = {"optionName": house.option, "userId": "ada"}
    refused = await house.api.call("POST", "/v1/redemptions", body, key="paused")
    assert (refused.status, refused.body["code"]) == (503, "provider-unavailable")
    await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_role("status").first).to_contain_text("goes on")
    house.provider.answer = GIVEN
    await house.redeem("ada", until="success")
    await page.get_by_role("button", name="Make a new one").click()
    await expect(page.get_by_role("heading", name="The new secret")).to_be_visible()


async def test_a_provider_shows_what_it_is_owed_and_what_went_wrong(reader: Reader) -> None:
    house = reader.house
    (provider,) = (await house.api.call("GET", "/v1/providers")).body["items"]
    patch = {"timeoutSeconds": 30}
    patched = await house.api.call("PATCH", f"/v1/providers/{provider['id']}", patch)
    assert patched.status == 200
    house.provider.answer = (500, b"oops")
    made = await house.redeem("ada", until="recoverable-failure")
    house.provider.hold = asyncio.Event()
    house.provider.answer = GIVEN
    waits = await house.redeem("User 123", until="pending")
    await reader.sign_in("manager")
    page = reader.page
    await reader.go("/providers")
    await expect(page.locator("td[data-label='On the wire']")).to_have_text("1")
    await expect(page.locator("td[data-label=Waiting]")).to_have_text("0")
    assert await reader.axe() == []
    await page.get_by_role("link", name="Rewards").click()
    await expect(page.get_by_text("1 of 32 at most")).to_be_visible()
    trouble = page.locator("aside li")
    await expect(trouble).to_contain_text("answered 500 · code-5xx")
    assert await reader.axe() == []
    await trouble.get_by_role("link").click()
    await expect(page).to_have_url(f"{house.url}/redeem/transactions/{made}")
    house.provider.hold.set()
    await house.stands(waits, "success")
