"""The widget where things go wrong: sent twice, cut off, too late, at another price."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Route, expect
from tests.browser.conftest import House
from tests.browser.hosting import Host, Visitor, hosted, visiting


@pytest.fixture
async def host(house: House) -> AsyncIterator[Host]:
    house.provider.answer = (200, b"")
    async with hosted(house) as opened:
        yield opened


@pytest.fixture
async def visitor(browser: Browser, host: Host) -> AsyncIterator[Visitor]:
    async with visiting(browser, host) as opened:
        yield opened


async def test_a_double_click_is_one_redemption(visitor: Visitor) -> None:
    await visitor.go()
    await visitor.button("Redeem: Free Tickets").dblclick()
    await visitor.button("Redeem for 200 tokens").dblclick()
    await visitor.reads("Done.")
    assert len(await visitor.transactions()) == 1
    assert [one for one in visitor.asked if one.startswith("POST")] == [
        f"POST {visitor.host.house.url}/widget/v1/redemptions"
    ]


async def test_an_expired_token_is_renewed_and_nobody_notices(visitor: Visitor) -> None:
    visitor.host.life = [-600]  # the first one had expired long ago
    await visitor.go()
    assert await visitor.page.evaluate("reasons") == ["start", "unauthenticated"]
    await visitor.redeem()
    await visitor.reads("Done.")


async def test_a_token_is_renewed_before_it_expires(visitor: Visitor) -> None:
    visitor.host.life = [20]  # less than the widget leaves a token
    await visitor.go()
    await visitor.redeem()
    await visitor.reads("Done.")
    reasons = await visitor.page.evaluate("reasons")
    assert reasons[:2] == ["start", "expiring"]
    assert "unauthenticated" not in reasons


async def test_without_a_token_it_asks_to_sign_in_again(visitor: Visitor) -> None:
    await visitor.page.route("**/token**", lambda route: route.fulfill(status=200, body=""))
    await visitor.page.goto(visitor.host.url)
    await visitor.widget.get_by_text("Please sign in again").wait_for()
    assert (await visitor.heard("error"))[0] == {"code": "unauthenticated", "status": 401}
    await visitor.page.unroute("**/token**")
    await visitor.button("Try again").click()
    await visitor.has("1,150")


async def test_a_network_cut_after_sending_asks_again_with_the_same_key(visitor: Visitor) -> None:
    keys: list[str] = []

    async def cut(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) < 3:
            await route.fetch()  # it arrives; the answer does not
            await route.abort()
        else:
            await route.continue_()

    await visitor.page.route("**/redemptions", cut)
    await visitor.go()
    await visitor.redeem()
    await visitor.reads("We are finding out what happened.")
    # Whoever closes it and asks anew is shown the one in the air, not a second question.
    await visitor.button("Close").click()
    await visitor.button("Redeem: Free Tickets").click()
    await expect(visitor.button("Redeem for 200 tokens")).to_have_count(0)
    await visitor.reads("Done.")
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert len(await visitor.transactions()) == 1


async def test_a_network_cut_before_the_request_arrived(visitor: Visitor) -> None:
    cuts: list[str] = []

    async def cut(route: Route) -> None:
        cuts.append(route.request.headers["idempotency-key"])
        await (route.abort() if len(cuts) < 2 else route.continue_())

    await visitor.page.route("**/redemptions", cut)
    await visitor.go()
    await visitor.redeem()
    await visitor.reads("Done.")
    assert cuts[0] == cuts[1]
    assert len(await visitor.transactions()) == 1


async def test_a_changed_price_is_asked_about_again(visitor: Visitor) -> None:
    house = visitor.host.house
    await visitor.go()
    await visitor.button("Redeem: Free Tickets").click()
    await house.api.call("PATCH", f"/v1/options/{house.option}", {"price": 250})
    await visitor.button("Redeem for 200 tokens").click()
    await visitor.reads("The price has changed from 200 tokens to 250 tokens.")
    assert await visitor.transactions() == []
    await visitor.button("Redeem for 250 tokens").click()
    await visitor.reads("Done. Your 250 tokens are spent.")
    assert [t["price"] for t in await visitor.transactions()] == [250]
    assert [error["code"] for error in await visitor.heard("error")] == ["price-changed"]


async def test_what_is_taken_away_meanwhile_is_refused_in_words(visitor: Visitor) -> None:
    house = visitor.host.house
    await visitor.go()
    await visitor.button("Redeem: Free Tickets").click()
    await house.api.call("PATCH", f"/v1/options/{house.option}", {"enabled": False})
    await visitor.button("Redeem for 200 tokens").click()
    await visitor.reads("Not available right now")
    await visitor.button("Close").click()
    await visitor.widget.get_by_text("There are no rewards at the moment.").wait_for()
    await visitor.has("1,150")


async def test_tokens_spent_elsewhere_are_seen_and_refused(visitor: Visitor) -> None:
    house = visitor.host.house
    await visitor.go()
    await visitor.button("Redeem: Free Tickets").click()
    charge = {"amount": 1000, "reason": "Spent in the shop"}
    await house.api.call("POST", "/v1/members/User%20123/charges", charge, key="c")
    await visitor.button("Redeem for 200 tokens").click()
    await visitor.reads("You do not have enough tokens for this any more.")
    await visitor.button("Close").click()
    await visitor.widget.get_by_text("50 more tokens needed").wait_for()


async def test_news_is_found_where_no_stream_gets_through(visitor: Visitor) -> None:
    house = visitor.host.house
    house.provider.hold = asyncio.Event()
    await visitor.page.route("**/stream", lambda route: route.abort())
    await visitor.go()
    await visitor.redeem()
    await visitor.reads("Processing. Your 200 tokens are on hold. You can close this.")
    house.provider.hold.set()
    await visitor.reads("Done. Your 200 tokens are spent.")
    await visitor.has("950")
