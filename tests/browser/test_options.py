"""Redeem > Options: made, mended, brought back and put away."""

import asyncio

from playwright.async_api import Browser, Route, expect
from tests.browser.conftest import House, Reader, another
from tests.browser.test_transactions import LATER


async def test_an_option_is_made_and_nothing_typed_is_lost(reader: Reader) -> None:
    await reader.sign_in("manager")
    page = reader.page
    await page.get_by_role("link", name="Options").click()
    await page.get_by_role("link", name="New option").click()
    assert await reader.axe() == []
    await page.get_by_role("link", name="Currency").click()
    await page.locator("#f-title").fill("Cash back")
    await expect(page.locator("[data-shows=title]")).to_have_text("Cash back")
    await page.get_by_label("At least, in tokens").fill("100")
    await page.get_by_label("At most, in tokens").fill("10")
    await page.get_by_label("Rates").fill("EUR 0.01\ngold 1")
    await page.get_by_label("Audience").fill("tier in gold, platinum and age >= 18\nvip = true")
    await page.get_by_label("Between").fill("09:00-17:00")
    await page.get_by_role("button", name="Create the option").click()
    summary = page.locator("#summary")
    await expect(summary).to_be_focused()
    await expect(summary).to_contain_text("must be at least minTokens")
    await expect(page.get_by_label("Rates")).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_label("Rates")).to_have_value("EUR 0.01\ngold 1")
    assert await reader.axe() == []
    await page.get_by_label("At most, in tokens").fill("10,000")
    await page.get_by_label("Rates").fill("EUR 0.01\nGBP 0.0085")
    await page.get_by_role("button", name="Create the option").click()
    await expect(page.get_by_role("status").first).to_contain_text("Created")
    name = page.url.split("/")[-1].split("?")[0]
    made = (await reader.house.api.call("GET", f"/v1/options/{name}")).body
    assert made["rates"] == [
        {"currency": "EUR", "rate": "0.01"},
        {"currency": "GBP", "rate": "0.0085"},
    ]
    assert (made["minTokens"], made["maxTokens"]) == (100, 10000)
    assert made["audience"] == [
        [
            {"attribute": "tier", "op": "in", "value": ["gold", "platinum"]},
            {"attribute": "age", "op": "gte", "value": 18},
        ],
        [{"attribute": "vip", "op": "eq", "value": True}],
    ]
    assert made["window"]["hours"] == [["09:00", "17:00"]]
    await expect(page.get_by_label("Audience")).to_have_value(
        "tier in gold, platinum and age >= 18\nvip = true"
    )


async def test_an_option_is_changed_brought_back_and_archived(reader: Reader) -> None:
    house = reader.house
    house.provider.answer = LATER
    made = await house.redeem("ada", until="postponed")
    await reader.sign_in("manager")
    page = reader.page
    await reader.go(f"/redeem/options/{house.option}")
    review = page.get_by_role("button", name="Review the changes")
    await page.get_by_label("Price in tokens").fill("250")
    await page.get_by_label("In all").fill("100")
    await review.click()
    await expect(page.locator("#review")).to_be_focused()
    await expect(page.locator("#review")).to_contain_text("2 changes. Nothing is saved yet.")
    await expect(page.locator("#review .diff")).to_contain_text("price 200 250")
    await expect(page.locator("#review")).to_contain_text("Nobody has the widget in view now.")
    await expect(page.locator("#review")).to_contain_text("told “price changed”")
    assert await reader.axe() == []
    # What is typed after the review is reviewed again.
    await page.get_by_label("In all").fill("90")
    await page.get_by_role("button", name="Save as version 2").click()
    await expect(page.locator("#review .diff")).to_contain_text("limits/total nothing 90")
    await page.get_by_role("button", name="Save as version 2").click()
    await expect(page.get_by_role("status").first).to_contain_text("Saved as version 2")
    await expect(page.locator(".diff")).to_contain_text("price 200 250")
    await reader.go(f"/redeem/options/{house.option}")
    patched = await house.api.call("PATCH", f"/v1/options/{house.option}", {"price": 300})
    assert patched.status == 200
    await page.get_by_label("Price in tokens").fill("260")
    await review.click()
    await expect(page.locator("#summary")).to_contain_text("Somebody saved version 3 meanwhile")
    await expect(page.locator("#review .diff")).to_contain_text("price 300 260")
    await expect(page.get_by_label("Price in tokens")).to_have_value("260")
    await page.get_by_role("button", name="Save as version 4").click()
    await page.get_by_role("button", name="Restore version 1").click()
    await expect(page.get_by_label("Price in tokens")).to_have_value("200")
    await expect(page.get_by_label("In all")).to_have_value("")
    assert await reader.axe() == []
    await page.get_by_role("link", name="Archive").click()
    await expect(page.get_by_text("1 open transaction continues")).to_be_visible()
    assert await reader.axe() == []
    await page.get_by_role("button", name="Archive Free Tickets").click()
    await expect(page.get_by_role("status").first).to_contain_text("Archived")
    refused = await house.api.call(
        "POST", "/v1/redemptions", {"optionName": house.option, "userId": "ada"}, key="archived"
    )
    assert refused.body["code"] == "option-unavailable"
    await house.stands(made, "postponed")
    await reader.go("/redeem/options?view=archived")
    await expect(page.locator("tbody tr")).to_have_count(1)


async def test_a_viewer_reads_and_does_not_write(reader: Reader) -> None:
    await reader.sign_in("viewer")
    page = reader.page
    await reader.go("/redeem/options")
    await expect(page.get_by_role("link", name="New option")).to_have_count(0)
    await page.get_by_role("link", name="Free Tickets").click()
    await expect(page.get_by_label("Price in tokens")).to_be_disabled()
    await reader.go("/redeem/options/new")
    await expect(page.get_by_role("alert")).to_contain_text("takes the role manager")
    assert await reader.axe() == []


async def test_an_option_is_translated(reader: Reader) -> None:
    house, page = reader.house, reader.page
    path = f"/v1/options/{house.option}"
    italian = {"language": "en", "translations": {"it": {"title": "Biglietti", "details": "No."}}}
    await house.api.call("PATCH", path, italian)
    await reader.sign_in("manager")
    await reader.go(f"/redeem/options/{house.option}")
    section = page.get_by_role("group", name="Translations")
    italian_ones = section.locator("details", has_text="it 2 of 5")
    await section.locator("summary", has_text="Deutsch").click()
    german = section.locator("details", has_text="Deutsch")
    await german.get_by_label("Title").fill("Freikarten")
    await german.get_by_label("Description").fill("Zwei Plätze.\nAm Gang.")
    await section.locator("summary", has_text="Another").click()
    another = section.locator("details", has_text="Another")
    await another.get_by_label("Its tag").fill("Brazilian")
    await another.get_by_label("Title").fill("Ingressos")
    await page.get_by_role("button", name="Review the changes").click()
    await expect(page.locator("#summary")).to_contain_text("must be a language tag")
    await page.locator("#summary").get_by_role("link", name="Its tag").click()
    await expect(another.get_by_label("Its tag")).to_be_focused()
    await expect(another.get_by_label("Title")).to_have_value("Ingressos")
    assert await reader.axe() == []
    await another.get_by_label("Its tag").fill("pt-BR")
    await italian_ones.locator("summary").click()
    await italian_ones.get_by_label("Details").fill("")
    await page.get_by_role("button", name="Review the changes").click()
    await page.get_by_role("button", name="Save as version 3").click()
    await expect(page.get_by_role("status").first).to_contain_text("Saved as version 3")
    made = (await house.api.call("GET", path)).body
    assert made["translations"] == {
        "de": {"title": "Freikarten", "description": "Zwei Plätze.\nAm Gang."},
        "it": {"title": "Biglietti"},
        "pt-BR": {"title": "Ingressos"},
    }
    changes = page.locator(".diff").first
    await expect(changes).to_contain_text("translations/de/title nothing Freikarten")
    await expect(changes).to_contain_text("translations/it/details No. nothing")
    await page.get_by_role("button", name="Restore version 2").click()
    await expect(page.get_by_role("status").first).to_contain_text("Restored as version 4")
    restored = (await house.api.call("GET", path)).body
    assert restored["translations"] == italian["translations"]


async def test_an_audience_is_tried_before_it_is_saved(reader: Reader) -> None:
    house, page = reader.house, reader.page
    await house.api.call("PUT", "/v1/members/ada", {"attributes": {"tier": "gold", "age": 17}})
    await reader.sign_in("manager")
    await reader.go("/redeem/options/new?type=currency")
    await page.locator("#f-title").fill("Cash back")
    await page.get_by_label("At least, in tokens").fill("1")
    await page.get_by_label("At most, in tokens").fill("5,000")
    await page.get_by_label("Rates").fill("EUR 0.0135\nGBP 0.00999")
    worked = page.locator("[data-worked] li")
    shown = ["1,200 tokens → EUR 16.20", "1,200 tokens → GBP 11.98"]
    await expect(worked).to_have_text(shown)
    await page.get_by_label("Audience").fill("tier = gold and age >= 18\nvip exists")
    await page.get_by_label("User ID").fill("ada")
    await page.get_by_role("button", name="Try").click()
    trial = page.locator("#trial")
    await expect(trial).to_contain_text("ada does not qualify.")
    await expect(trial.locator("li")).to_contain_text(
        ['Holds: tier = gold · has "gold"', "Does not hold: age >= 18 · has 17", "vip exists"]
    )
    # The server's example is the browser's.
    await expect(worked).to_have_text(shown)
    assert await reader.axe() == []
    await page.get_by_label("Audience").fill("tier = gold")
    await page.get_by_role("button", name="Try").click()
    await expect(trial).to_contain_text("ada qualifies.")
    await page.get_by_label("User ID").fill("nobody")
    await page.get_by_role("button", name="Try").click()
    await expect(trial).to_contain_text("There is no such member")
    assert len((await house.api.call("GET", "/v1/options")).body["items"]) == 1


async def test_the_list_is_ordered_filtered_and_switched(reader: Reader) -> None:
    house, page = reader.house, reader.page
    known = (await house.api.call("GET", f"/v1/options/{house.option}")).body
    for title, order in (("Mug", 0), ("Cap", 4)):
        body = {"type": "physical", "title": title, "price": 5, "order": order}
        body |= {"providerId": known["providerId"]}
        assert (await house.api.call("POST", "/v1/options", body)).status == 201
    house.provider.answer = LATER
    await house.redeem("ada", until="postponed")
    await reader.sign_in("manager")
    await reader.go("/redeem/options")
    titles = page.locator("tbody .strong")
    first, second, _ = await titles.all_inner_texts()
    assert await reader.axe() == []
    await page.get_by_role("button", name=f"Move {second} up").click()
    await expect(titles).to_have_text([second, first, "Cap"])
    await page.get_by_role("button", name="Move Cap up").click()
    await expect(titles).to_have_text([second, "Cap", first])
    listed = (await house.api.call("GET", "/v1/options")).body["items"]
    assert [one["title"] for one in listed] == [second, "Cap", first]

    switch = page.get_by_role("switch", name="Cap can be redeemed")
    await switch.click()
    await expect(switch).to_have_attribute("aria-checked", "false")
    await page.get_by_role("switch", name="Free Tickets").click()
    await expect(page.get_by_text("1 open transaction continues")).to_be_visible()
    assert await reader.axe() == []
    await page.get_by_role("button", name="Switch Free Tickets off").click()
    await expect(page.get_by_role("status").first).to_contain_text("Switched off")
    await page.get_by_label("State").select_option("off")
    await expect(titles).to_have_count(2)
    await page.get_by_label("Type").select_option("currency")
    await expect(page.get_by_text("None fits")).to_be_visible()
    await reader.go("/redeem/options?health=trouble")
    await expect(page.get_by_text("None fits")).to_be_visible()


async def test_a_field_says_what_is_wrong_with_it_as_it_is_left(reader: Reader) -> None:
    await reader.sign_in("manager")
    page = reader.page
    await reader.go("/redeem/options/new?type=physical")
    price = page.get_by_label("Price in tokens")
    await price.fill("many")
    await page.get_by_label("In all").focus()
    wrong = page.locator("#f-price-wrong")
    await expect(wrong).to_contain_text("must be a whole number")
    await expect(price).to_have_attribute("aria-invalid", "true")
    await expect(price).to_have_attribute("aria-describedby", "f-price-wrong")
    await expect(price).to_have_value("many")
    await expect(page.get_by_label("In all")).to_be_focused()
    # What was not filled in yet is not wrong yet.
    await expect(page.locator("[aria-invalid]")).to_have_count(1)
    assert await reader.axe() == []
    await price.fill("200")
    await page.get_by_label("In all").focus()
    await expect(wrong).to_have_count(0)
    await expect(price).not_to_have_attribute("aria-invalid", "true")
    await page.get_by_label("By one member", exact=True).fill("0")
    await page.keyboard.press("Tab")
    await expect(page.locator("#f-limits-perMember-wrong")).to_be_visible()
    await reader.go(f"/redeem/options/{reader.house.option}")
    await page.locator("#f-title").fill("")
    await page.keyboard.press("Tab")
    await expect(page.locator("#f-title-wrong")).to_be_visible()


async def test_what_is_typed_on_while_a_field_is_asked_about_stays(reader: Reader) -> None:
    await reader.sign_in("manager")
    page = reader.page
    await reader.go("/redeem/options/new?type=physical")
    price = page.get_by_label("Price in tokens")
    asked, answer = asyncio.Event(), asyncio.Event()

    async def wait(route: Route) -> None:
        asked.set()
        await answer.wait()
        await route.continue_()

    await page.route("**/check?*", wait)
    await price.fill("many")
    await page.keyboard.press("Tab")
    await asked.wait()
    await price.fill("many more")
    answer.set()
    await expect(page.locator("#f-price-wrong")).to_be_visible()
    await expect(price).to_have_value("many more")
    await expect(price).to_be_focused()


async def test_a_picture_is_shown_and_the_policy_names_where_it_is_from(
    house: House, browser: Browser
) -> None:
    changed = await house.api.call(
        "PATCH", f"/v1/options/{house.option}", {"image": "https://pictures.example/tickets.svg"}
    )
    assert changed.status == 200
    square = '<svg xmlns="http://www.w3.org/2000/svg" width="256" height="256"/>'
    async with another(browser, house) as reader:
        page = reader.page

        async def picture(route: Route) -> None:
            await route.fulfill(body=square, content_type="image/svg+xml")

        await page.route("https://pictures.example/**", picture)
        await reader.sign_in("viewer")
        answer = await page.goto(f"{house.url}/redeem/options")
        assert answer is not None
        policy = answer.headers["content-security-policy"]
        assert "img-src 'self' https://pictures.example;" in policy
        image = page.get_by_role("img", name="Picture of Free Tickets")
        await expect(image).to_be_visible()
        loaded = await image.evaluate("image => image.decode().then(() => image.naturalWidth)")
        assert loaded == 256
        assert await reader.axe() == []
        await reader.go("/redeem/transactions")
    changed = await house.api.call(
        "PATCH", f"/v1/options/{house.option}", {"image": "/tickets.svg"}
    )
    assert changed.status == 200
    async with another(browser, house) as reader:
        await reader.sign_in("viewer")
        await reader.go("/redeem/options")
        await expect(reader.page.locator(".thumb")).to_have_text("F")
        assert reader.complaints == []
