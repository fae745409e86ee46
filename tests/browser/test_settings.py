"""Overview, team, keys and the audit log."""

from playwright.async_api import Browser, expect
from tests.browser.conftest import PASSWORD, House, Reader, another
from tests.browser.test_transactions import GIVEN, LATER, UNSURE


async def test_the_overview_leads_to_its_lists(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = LATER
    made = await house.redeem("User 123", until="postponed")
    await reader.sign_in("viewer")
    page = reader.page
    await page.get_by_role("link", name="Overview").click()
    await expect(page.locator(".figure")).to_have_text(["1", "200", "0", "0", "0"])
    line = page.get_by_role("table", name="Options by how").locator("tbody tr")
    await expect(line).to_contain_text("100 %")
    assert await reader.axe() == []
    await page.get_by_role("link", name="Waiting for a decision").click()
    await expect(page.locator(f"#t-{made}")).to_be_visible()
    await expect(page.get_by_role("link", name="Team and roles")).to_have_count(0)


async def test_the_overview_tells_options_by_their_trouble(reader: Reader) -> None:
    house = reader.house
    house.provider.answers = [GIVEN, UNSURE, UNSURE]
    given = await house.redeem("User 123", until="success")
    for _ in range(2):
        unsure = await house.redeem("User 123", until="recoverable-failure")
    await reader.sign_in("viewer")
    page = reader.page
    await reader.go("/redeem/overview")
    line = page.get_by_role("table", name="Options by how").locator("tbody tr")
    await expect(line.locator("td").nth(2)).to_have_text("33 %")
    await expect(line.locator("td").nth(3)).to_have_text("2")
    await expect(line).to_contain_text("500")
    await line.locator("td").nth(3).get_by_role("link").click()
    await expect(page.locator(f"#t-{unsure}")).to_be_visible()
    await expect(page.locator(f"#t-{given}")).to_have_count(0)
    await page.go_back()
    await line.locator("td").nth(4).get_by_role("link").click()
    await expect(page.get_by_role("columnheader", name="Provider took")).to_be_visible()
    await page.go_back()
    await line.locator("td").nth(5).get_by_role("link").click()
    await expect(page).to_have_url(f"{house.url}/redeem/transactions/{unsure}")


async def test_limits_are_set_upon_what_stands(reader: Reader) -> None:
    house = reader.house
    await reader.sign_in("admin")
    page = reader.page
    await page.get_by_role("link", name="Limits").click()
    await expect(page.get_by_label("by each member")).to_have_value("240")
    assert await reader.axe() == []
    await page.get_by_label("by each API key").fill("1,500")
    await page.get_by_label("by each member").fill("9")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#summary")).to_be_focused()
    await expect(page.get_by_label("by each member")).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_label("by each API key")).to_have_value("1,500")
    assert await reader.axe() == []
    settings = {"allowedOrigins": ["https://shop.example.com"]}
    await house.api.call("PATCH", "/v1/namespace", settings)
    await page.get_by_label("by each member").fill("60")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#summary")).to_contain_text(
        "Somebody saved the namespace's settings"
    )
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status").first).to_contain_text("Saved")
    stands = (await house.api.call("GET", "/v1/namespace")).body
    assert stands["limits"] == {"apiKeyPerMinute": 1500, "memberPerMinute": 60}
    assert stands["allowedOrigins"] == settings["allowedOrigins"]
    await reader.go("/settings/audit")
    await expect(page.locator("tbody tr").first).to_contain_text("namespace.changed")
    await expect(page.locator("tbody tr").first).to_contain_text("admin@example.com")
    await page.get_by_role("link", name="Limits").click()
    await page.get_by_label("by each API key").fill("")
    await page.get_by_label("by each member").fill("")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status").first).to_contain_text("Saved")
    stands = (await house.api.call("GET", "/v1/namespace")).body
    assert stands["limits"] == {"apiKeyPerMinute": None, "memberPerMinute": 240}


async def enter(dana: Reader, password: str) -> None:
    """Signs in with a password that was given: it leads to choosing one, and nowhere else."""
    await dana.go("/sign-in?next=/members")
    await dana.page.get_by_label("Email").fill("dana@example.com")
    await dana.page.get_by_label("Password").fill(password)
    await dana.page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(dana.page.get_by_role("heading", name="Choose a password")).to_be_visible()
    await dana.go("/redeem/transactions")
    await expect(dana.page).to_have_url(dana.house.url + "/account/password")


async def choose(dana: Reader, present: str, fresh: str) -> None:
    await dana.page.get_by_label("The password you were given").fill(present)
    await dana.page.get_by_label("New password").fill(fresh)
    await dana.page.get_by_role("button", name="Choose it").click()
    await expect(dana.page.get_by_role("status").first).to_contain_text("your new password")


async def test_a_forgotten_password_is_given_anew_and_sessions_are_ended(
    reader: Reader, browser: Browser
) -> None:
    house = reader.house
    await reader.sign_in("admin")
    page = reader.page
    async with another(browser, house) as support, another(browser, house) as elsewhere:
        await support.sign_in("support")
        await elsewhere.sign_in("support")
        await support.go("/account/password")
        await support.page.get_by_label("Present password").fill("not this one")
        await support.page.get_by_label("New password").fill("staple battery horse")
        await support.page.get_by_role("button", name="Choose it").click()
        await expect(support.page.get_by_role("alert")).to_contain_text("not your present")
        assert await support.axe() == []
        await support.page.get_by_label("Present password").fill(PASSWORD)
        await support.page.get_by_label("New password").fill("support@example.com")
        await support.page.get_by_role("button", name="Choose it").click()
        await expect(support.page.get_by_role("alert")).to_contain_text("guessed at once")
        await support.page.get_by_label("Present password").fill(PASSWORD)
        await support.page.get_by_label("New password").fill("staple battery horse")
        await support.page.get_by_role("button", name="Choose it").click()
        await expect(support.page.get_by_role("heading", name="Your account")).to_be_visible()
        await elsewhere.page.reload()
        await expect(elsewhere.page.get_by_role("heading", name="Sign in")).to_be_visible()
        await reader.go("/settings/team")
        await page.get_by_role("button", name="End sessions of support@example.com").click()
        await expect(page.get_by_role("status").first).to_contain_text("sessions have ended")
        await support.page.reload()
        await expect(support.page.get_by_role("heading", name="Sign in")).to_be_visible()
        await page.get_by_role("button", name="New password for support@example.com").click()
        given = (await page.locator("#given").inner_text()).split()[0]
        await support.page.get_by_label("Email").fill("support@example.com")
        await support.page.get_by_label("Password").fill("staple battery horse")
        await support.page.get_by_role("button", name="Sign in", exact=True).click()
        await expect(support.page.get_by_role("alert")).to_contain_text("do not belong together")
        await support.page.get_by_label("Password").fill(given)
        await support.page.get_by_role("button", name="Sign in", exact=True).click()
        await choose(support, given, PASSWORD)
    await reader.go("/settings/audit?target=support@example.com")
    for action in ("password-chosen", "password-refused", "sessions-ended", "password-given"):
        await expect(page.locator("tbody tr", has_text=action).first).to_be_visible()


async def test_people_come_change_and_go(reader: Reader, browser: Browser) -> None:
    house = reader.house
    await reader.sign_in("admin")
    page = reader.page
    await page.get_by_role("link", name="Team and roles").click()
    assert await reader.axe() == []
    await page.get_by_label("Email").fill("dana@example.com")
    await page.get_by_label("Role", exact=True).select_option("viewer")
    await page.get_by_role("button", name="Add", exact=True).click()
    given = (await page.locator("#given").inner_text()).split()[0]
    assert await reader.axe() == []
    async with another(browser, house) as dana:
        await enter(dana, given)
        await choose(dana, given, PASSWORD)
        await page.get_by_label("Role of dana@example.com").select_option("support")
        await page.get_by_role("button", name="Save dana@example.com").click()
        await expect(page.get_by_role("status").first).to_contain_text("Changed")
        await dana.page.reload()
        await expect(dana.page.get_by_role("heading", name="Sign in")).to_be_visible()
        await dana.sign_in("dana")
        await expect(dana.page.get_by_text("support · programme 1")).to_be_visible()
        await page.get_by_role("button", name="Let out dana@example.com").click()
        await dana.page.reload()
        await expect(dana.page.get_by_role("heading", name="Sign in")).to_be_visible()
    await page.get_by_label("Role of admin@example.com").select_option("viewer")
    await page.get_by_role("button", name="Save admin@example.com").click()
    await expect(page.get_by_role("alert")).to_contain_text("This is the last admin")


async def test_keys_are_made_shown_once_and_revoked(reader: Reader) -> None:
    house = reader.house
    await reader.sign_in("admin")
    page = reader.page
    await page.get_by_role("link", name="API keys").click()
    await page.get_by_label("Name").fill("back end")
    await page.locator("input[value=read]").check()
    await page.get_by_role("button", name="Make it").click()
    key = (await page.locator("section p.mono").inner_text()).split()[0]
    assert await reader.axe() == []
    backend = house.api.with_key(key)
    assert (await backend.call("GET", "/v1/transactions")).status == 200
    assert (await backend.call("PUT", "/v1/members/x", {})).status == 403
    await reader.go("/settings/keys")
    assert key not in await page.content()
    await page.locator("summary", has_text="Revoke").filter(has_text="back end").click()
    assert await reader.axe() == []
    await page.get_by_role("button", name="Revoke back end").click()
    await expect(page.get_by_role("status").first).to_contain_text("Revoked")


async def test_the_audit_log_tells_who_did_what(house: House, browser: Browser) -> None:
    house.provider.answer = LATER
    made = await house.redeem("User 123", until="postponed")
    async with another(browser, house) as reader:
        await reader.sign_in("manager")
        page = reader.page
        await page.get_by_role("link", name="Confirm").click()
        await page.get_by_role("button", name="Confirm and redeem").click()
        await expect(page.locator(f"#s-{made}")).to_contain_text("Success")
        await page.get_by_role("link", name="Audit log").click()
        line = page.locator("tbody tr", has_text="transaction.operator-confirms")
        await expect(line).to_contain_text("manager@example.com")
        await expect(line).to_contain_text("after success")
        assert await reader.axe() == []
        await page.get_by_label("What", exact=True).fill("operator.signed")
        await page.get_by_role("button", name="Find").click()
        await expect(page.locator("tbody tr")).to_have_count(1)
        await expect(page.locator("tbody tr")).to_contain_text("operator.signed-in")
        assert reader.complaints == []
