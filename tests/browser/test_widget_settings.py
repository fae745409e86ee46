"""Settings > Widget: terms saved in turn, keys that work and end at once, a snippet to paste."""

import time

from joserfc import jwt
from joserfc.jwk import ECKey
from playwright.async_api import Browser, expect
from tests.browser.conftest import House, Reader, another

from guerdon.access import store as access

PATH = "/settings/widget"


def token(key: ECKey) -> str:
    now = int(time.time())
    claims = {"sub": "ada", "ns": "1", "iat": now, "exp": now + 600}
    return jwt.encode({"alg": "ES256"}, claims, key)


async def asks(reader: Reader, key: ECKey) -> int:
    """What the widget's API answers to a token of this key."""
    answer = await reader.page.context.request.get(
        f"{reader.house.url}/widget/v1/me", headers={"Authorization": f"Bearer {token(key)}"}
    )
    return answer.status


async def test_terms_are_saved_in_their_turn_and_nothing_typed_is_lost(reader: Reader) -> None:
    house = reader.house
    await reader.sign_in("admin")
    page = reader.page
    await page.get_by_role("link", name="Widget").click()
    await expect(page.get_by_text("No public key is believed here")).to_be_visible()
    assert await reader.axe() == []
    origins = page.get_by_label("Pages of these origins")
    await origins.fill("https://www.example.com\nhttps://shop.example.com/rewards")
    await page.get_by_label("Issuer").fill("shop")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#summary")).to_be_focused()
    await expect(page.locator("#summary")).to_contain_text("line 2 must be an origin")
    await expect(page.get_by_label("Issuer")).to_have_value("shop")
    assert await reader.axe() == []
    await origins.fill("https://www.example.com\n\nhttps://shop.example.com")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status").first).to_contain_text("Saved")
    await expect(page.locator("pre")).to_contain_text(f'src="{house.url}/widget/v1.js"')
    await expect(page.locator("pre")).to_contain_text('"iss":"shop"')
    stands = (await house.api.call("GET", "/v1/namespace")).body
    assert stands["allowedOrigins"] == ["https://www.example.com", "https://shop.example.com"]
    patched = await house.api.call("PATCH", "/v1/namespace", {"tokenAudience": "theirs"})
    assert patched.status == 200
    await page.get_by_label("Audience").fill("mine")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#summary")).to_contain_text("Somebody saved these settings")
    await expect(page.get_by_label("Audience")).to_have_value("mine")
    assert (await house.api.call("GET", "/v1/namespace")).body["tokenAudience"] == "theirs"
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status").first).to_contain_text("Saved")
    await reader.go("/settings/audit?action=namespace.changed")
    line = page.locator("tbody tr", has_text="admin@example.com").first
    await expect(line).to_contain_text("tokenAudience theirs → mine")


async def test_a_key_is_believed_until_it_is_disabled(reader: Reader) -> None:
    await reader.sign_in("admin")
    page = reader.page
    key = ECKey.generate_key("P-256")
    await reader.go(PATH)
    await page.get_by_label("Name").fill("Shop 2026")
    await page.get_by_label("Public key in PEM").fill(key.as_pem(private=True).decode())
    await page.get_by_role("button", name="Add the key").click()
    await expect(page.locator("#summary")).to_contain_text("must be a PEM public key for ES256")
    assert "PRIVATE" not in await page.content()
    await expect(page.get_by_label("Name")).to_have_value("Shop 2026")
    assert await reader.axe() == []
    assert await asks(reader, key) == 401
    await page.get_by_label("Public key in PEM").fill(key.as_pem(private=False).decode())
    await page.get_by_role("button", name="Add the key").click()
    await expect(page.get_by_role("status").first).to_contain_text("believed from now on")
    assert await reader.axe() == []
    assert await asks(reader, key) == 200
    await page.get_by_role("button", name="Disable Shop 2026").click()
    await expect(page.get_by_role("status").first).to_contain_text("refused at once")
    assert await asks(reader, key) == 401
    await page.get_by_role("button", name="Enable Shop 2026").click()
    await expect(page.get_by_role("status").first).to_contain_text("believed again")
    assert await asks(reader, key) == 200
    await reader.go("/settings/audit?action=member-key.")
    await expect(page.locator("tbody tr")).to_have_count(3)


async def test_without_javascript_and_for_admins_alone(house: House, browser: Browser) -> None:
    async with another(browser, house, java_script_enabled=False) as reader:
        await reader.sign_in("admin")
        page = reader.page
        await reader.go(PATH)
        await page.get_by_label("Audience").fill("members")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_label("Audience")).to_have_value("members")
    async with another(browser, house) as reader:
        await reader.sign_in("manager")
        await expect(reader.page.get_by_role("link", name="Widget")).to_have_count(0)
        answer = await reader.page.context.request.post(
            house.url + PATH, form={"tokenAudience": "x"}, headers={"Origin": house.url}
        )
        assert answer.status == 403
    async with house.database.read() as tx:
        row = await access.namespace(tx, "1")
    assert row is not None
    assert row.token_audience == "members"
