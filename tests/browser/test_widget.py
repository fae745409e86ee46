"""The widget as a member uses it: redeem, and what became of it, in a real browser."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, expect
from tests.browser.conftest import House
from tests.browser.hosting import Host, Visitor, hosted, visiting


@pytest.fixture
async def host(house: House) -> AsyncIterator[Host]:
    async with hosted(house) as opened:
        yield opened


@pytest.fixture
async def visitor(browser: Browser, host: Host) -> AsyncIterator[Visitor]:
    async with visiting(browser, host) as opened:
        yield opened


async def test_a_redemption_that_succeeds(visitor: Visitor) -> None:
    visitor.host.house.provider.answer = (200, b"")
    await visitor.go()
    await visitor.has("1,150")
    await visitor.button("Redeem: Free Tickets").click()
    await expect(visitor.dialog.locator("dd")).to_have_text(["1,150", "−200", "950"])
    await visitor.button("Redeem for 200 tokens").click()
    await visitor.reads("Done. Your 200 tokens are spent.")
    await visitor.has("950")
    await visitor.button("Close").click()
    (made,) = await visitor.transactions()
    assert (made["status"], made["price"]) == ("success", 200)
    assert (await visitor.heard("redeemed"))[0]["id"] == made["id"]
    assert (await visitor.heard("ready"))[0]["available"] == 1150
    assert (await visitor.heard("balance"))[-1] == {"balance": 950, "available": 950, "held": 0}


async def test_a_postponed_one_follows_the_operators_decision(visitor: Visitor) -> None:
    await visitor.go()
    await visitor.redeem()
    await visitor.reads("The provider will finish this later. Your tokens stay on hold")
    await visitor.has("950", "200")
    await visitor.button("Close").click()
    await visitor.button("200 on hold").click()
    await expect(visitor.widget.locator(".holds dt")).to_have_text(["Free Tickets"])
    (made,) = await visitor.transactions()
    cancelled = f"/v1/transactions/{made['id']}/cancel"
    await visitor.host.house.api.call("POST", cancelled, {"reason": "Out of stock"})
    await visitor.has("1,150")
    assert (await visitor.heard("status"))[-1]["status"] == "failure"


async def test_a_failure_says_that_the_tokens_are_back(visitor: Visitor) -> None:
    provider = visitor.host.house.provider
    provider.answer = (200, b'{"status": "failure"}')
    await visitor.go()
    await visitor.redeem()
    await visitor.reads("Not completed. Your 200 tokens are back.")
    await visitor.has("1,150")
    provider.answer = (200, b"")
    await visitor.button("Try again").click()
    await visitor.button("Redeem for 200 tokens").click()
    await visitor.reads("Done.")
    assert [t["status"] for t in await visitor.transactions()] == ["success", "failure"]


async def test_an_unknown_outcome_is_never_called_failed_or_refunded(visitor: Visitor) -> None:
    visitor.host.house.provider.answer = (500, b"")
    await visitor.go()
    await visitor.redeem()
    await visitor.reads("We are checking this with the provider. Your tokens stay on hold.")
    await visitor.has("950", "200")
    await visitor.button("Close").click()
    await visitor.widget.get_by_role("tab", name="History").click()
    await visitor.widget.locator("summary").click()
    text = (await visitor.widget.locator("ol").inner_text()).lower()
    assert "being checked" in text
    assert "200 on hold" in text
    for word in ("fail", "refund", "returned", "not completed", "are back"):
        assert word not in text


async def test_history_and_a_case_for_the_operators(visitor: Visitor) -> None:
    house = visitor.host.house
    house.provider.answer = (200, b"")
    made = await house.redeem("User 123", until="success")
    await visitor.go()
    await visitor.widget.get_by_role("tab", name="History").click()
    await expect(visitor.widget.locator("summary")).to_contain_text(["Free Tickets"])
    await expect(visitor.widget.locator("summary")).to_contain_text("−200")
    await visitor.widget.locator("summary").click()
    await visitor.button("I did not get it").click()
    await visitor.widget.get_by_label("What is missing?").fill("No tickets came.")
    await visitor.button("Send").click()
    await visitor.reads("Somebody will look into it.")
    await visitor.button("Close").click()
    await expect(visitor.button("I did not get it")).to_have_count(0)
    await expect(visitor.widget.locator("ol")).to_contain_text("Somebody will look into it.")
    await visitor.page.reload()
    await visitor.widget.get_by_role("tab", name="History").click()
    await visitor.widget.locator("summary").click()
    await expect(visitor.widget.locator("ol")).to_contain_text("Somebody will look into it.")
    async with house.database.read() as tx:
        cursor = await tx._connection.execute("SELECT target FROM audit WHERE action='case.opened'")
        assert [row.target for row in await cursor.fetchall()] == [made]


async def test_a_conversion_shows_what_comes_out_and_sends_it(visitor: Visitor) -> None:
    house = visitor.host.house
    house.provider.answer = (200, b"")
    known = (await house.api.call("GET", f"/v1/options/{house.option}")).body
    option = {
        "type": "currency",
        "title": "Cash back",
        "providerId": known["providerId"],
        "minTokens": 100,
        "maxTokens": 1000,
        "rates": [{"currency": "EUR", "rate": "0.0135"}, {"currency": "GBP", "rate": "0.01"}],
        "collectEmail": True,
    }
    assert (await house.api.call("POST", "/v1/options", option)).status == 201
    await visitor.go()
    await visitor.button("Redeem: Cash back").click()
    amount = visitor.widget.get_by_label("Tokens to convert")
    await amount.fill("99")
    await visitor.dialog.locator("button.main").click()
    await expect(amount).to_have_attribute("aria-invalid", "true")
    await amount.fill("333")
    await visitor.widget.get_by_label("Email").fill("")
    await visitor.button("Redeem for 333").click()
    await visitor.reads("Please fill this in")
    await visitor.widget.get_by_label("Email").fill("me@example.com")
    await visitor.reads("You receive EUR 4.49")
    await visitor.button("Redeem for 333 tokens").click()
    await visitor.reads("Done.")
    sent = house.provider.seen[-1]
    assert (sent["currencyAmount"], sent["currency"], sent["email"]) == (
        449,
        "EUR",
        "me@example.com",
    )


async def test_obstacles_are_said_in_words_and_the_buttons_stay_reachable(visitor: Visitor) -> None:
    house = visitor.host.house
    known = (await house.api.call("GET", f"/v1/options/{house.option}")).body
    common = {"type": "digital", "providerId": known["providerId"], "price": 10}
    for more in (
        {"title": "Car", "price": 5100},
        {"title": "Soon", "window": {"from": "2999-12-01T12:00:00Z"}},
        {
            "title": "Gold",
            "audience": [[{"attribute": "tier", "op": "eq", "value": "gold"}]],
            "blockedMessage": "For gold members.",
        },
    ):
        made = await house.api.call("POST", "/v1/options", common | more)
        assert made.status == 201, made.body
    await visitor.go()
    for title, words in (
        ("Car", "3,950 more tokens needed"),
        ("Soon", "Starts Dec 1, 2999"),
        ("Gold", "For gold members."),
    ):
        button = visitor.button(f"Redeem: {title}")
        await expect(button).to_have_attribute("aria-disabled", "true")
        await expect(button).to_have_accessible_description(words)
        await button.press("Enter")
        await expect(visitor.dialog).not_to_be_visible()
        await expect(visitor.widget.locator("p[role=status]")).to_have_text(words)


async def test_another_member_signs_in_and_nothing_of_the_one_before_stays(
    visitor: Visitor,
) -> None:
    host = visitor.host
    await visitor.go()
    await visitor.redeem()
    await visitor.reads("Your tokens stay on hold")
    host.member = "ada"
    await visitor.page.evaluate("(token) => { widget.token = token }", host.token())
    await expect(visitor.dialog).not_to_be_visible()
    await visitor.has("5,000")
    await visitor.widget.get_by_role("tab", name="History").click()
    await visitor.widget.get_by_text("You have not redeemed anything yet.").wait_for()
    granted = {"amount": 7, "reason": "Hello"}
    await host.house.api.call("POST", "/v1/members/ada/grants", granted, key="g")
    await visitor.has("5,007")


async def test_options_are_read_in_the_members_language(visitor: Visitor) -> None:
    house = visitor.host.house
    house.provider.answer = (200, b"")
    await house.redeem("User 123", until="success")
    arabic = {"title": "تذاكر مجانية", "description": "مقعدان."}
    translated = {"language": "en", "translations": {"de": {"title": "Freikarten"}, "ar": arabic}}
    await house.api.call("PATCH", f"/v1/options/{house.option}", translated)
    await house.redeem("User 123", until="success")
    await visitor.go()
    title = visitor.widget.locator("h3")
    await expect(title).to_have_attribute("lang", "en")
    for tag, words in (("ar", "تذاكر مجانية"), ("de-AT", "Freikarten")):
        await visitor.page.evaluate("(tag) => { widget.lang = tag }", tag)
        await expect(title).to_have_text(words)
        await expect(title).to_have_attribute("lang", tag[:2])
        await visitor.widget.locator(".card button").click()
        await expect(visitor.dialog.locator("h2")).to_contain_text(words)
        await expect(visitor.dialog.locator("h2 [lang]")).to_have_attribute("lang", tag[:2])
        assert await visitor.axe() == []
        await visitor.page.keyboard.press("Escape")
    assert await visitor.widget.locator(".card p.dim").count() == 0
    # What was redeemed before there was a translation keeps its title, in no language known.
    await visitor.widget.get_by_role("tab").last.click()
    await expect(visitor.widget.locator("summary b")).to_have_text(["Freikarten", "Free Tickets"])
    old = visitor.widget.locator("summary b").last
    await expect(old).to_have_attribute("lang", "")
    # The live stream speaks it too.
    await house.redeem("User 123", until="success")
    await expect(visitor.widget.locator("summary b")).to_have_text(
        ["Freikarten", "Freikarten", "Free Tickets"]
    )
    assert visitor.complaints == []
