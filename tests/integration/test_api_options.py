"""Options over the API: defaults, versions, archiving, lists."""

import json
from collections.abc import AsyncIterator

import pytest
from tests.conftest import ALL_SCOPES, Api, make_key
from tests.integration.api_parts import Shop, create_provider, furnished, pointers, refused

from guerdon import ids
from guerdon.app import Running

PATH = "/v1/options"
SET = {
    "title": "Mug",
    "description": "A mug.\nBlue.",
    "image": "https://example.com/mug.png",
    "details": "Holds coffee.",
    "language": "en",
    "translations": {
        "de": {"title": "Becher", "usedUpMessage": "Weg"},
        "pt-BR": {"title": "Caneca"},
    },
    "group": "Things",
    "order": -5,
    "enabled": False,
    "price": 300,
    "collectEmail": True,
    "collectAddress": True,
    "sendEmail": False,
    "sendAddress": False,
    "limits": {"total": 10, "perMember": 2, "perMemberPeriod": {"count": 1, "days": 30}},
    "window": {
        "from": "2026-01-01T00:00:00.000Z",
        "to": "2027-01-01T00:00:00.000Z",
        "weekdays": [1, 5],
        "hours": [["09:00", "17:00"], ["22:00", "02:00"]],
        "timeZone": "Europe/Dublin",
    },
    "audience": [[{"attribute": "tier", "op": "in", "value": ["gold"]}]],
    "showWhenBlocked": False,
    "blockedMessage": "Not now",
    "showWhenUsedUp": False,
    "usedUpMessage": "Gone",
    "postponedDeadlineHours": 72,
    "confirmationDeadlineHours": 12,
    "onCompletionRedirect": "https://example.com/done",
}


@pytest.fixture
async def shop(api: Api) -> AsyncIterator[Shop]:
    async with furnished(api) as made:
        yield made


async def test_an_option_has_its_defaults(shop: Shop) -> None:
    shown = await shop.api.call("GET", f"{PATH}/{shop.name}")
    assert shown.status == 200
    assert shown.headers["ETag"] == '"1"'
    assert shown.body == shop.option
    assert shop.option == {
        "name": shop.name,
        "type": "physical",
        "title": "Free Tickets",
        "description": "",
        "image": None,
        "details": "",
        "language": None,
        "translations": {},
        "group": None,
        "order": 0,
        "enabled": True,
        "providerId": shop.provider["id"],
        "price": 200,
        "collectEmail": False,
        "collectAddress": False,
        "sendEmail": True,
        "sendAddress": True,
        "limits": {"total": None, "perMember": None, "perMemberPeriod": None},
        "window": None,
        "audience": [],
        "showWhenBlocked": True,
        "blockedMessage": None,
        "showWhenUsedUp": True,
        "usedUpMessage": None,
        "postponedDeadlineHours": None,
        "confirmationDeadlineHours": 24,
        "onCompletionRedirect": None,
        "version": 1,
        "archived": False,
        "timesUsed": 0,
        "timesLeft": None,
    }


async def test_everything_that_can_be_set_is_kept(shop: Shop) -> None:
    name = str(ids.random_id())
    body = {**SET, "name": name, "type": "digital", "providerId": shop.provider["id"]}
    made = await shop.api.call("POST", PATH, body)
    assert made.status == 201
    assert made.headers["Location"] == f"{PATH}/{name}"
    assert made.body == body | {"version": 1, "archived": False, "timesUsed": 0, "timesLeft": 10}
    again = await shop.api.call("POST", PATH, body)
    assert pointers(refused(again, 422, "invalid-request")) == {"/name"}


async def test_a_currency_option_has_a_range_and_rates(shop: Shop) -> None:
    terms = {
        "minTokens": 10,
        "maxTokens": 500,
        "rates": [{"currency": "EUR", "rate": "0.01250"}, {"currency": "GBP", "rate": "1"}],
    }
    made = await shop.create_option(type="currency", **terms)
    assert terms.items() <= made.items()
    assert "price" not in made


async def test_options_that_do_not_fit(shop: Shop, guerdon: Running) -> None:
    second = shop.api.with_key(await make_key(guerdon.parts.database, "2", ALL_SCOPES))
    foreign = await create_provider(second, shop.rewards.url)
    good = {"type": "physical", "title": "Mug", "price": 5, "providerId": shop.provider["id"]}
    currency = {"type": "currency", "price": None, "minTokens": 1, "maxTokens": 2}
    rate = [{"currency": "EUR", "rate": "0.5"}]
    for wrong, pointer in (
        ({"type": "voucher"}, "/type"),
        ({"title": ""}, "/title"),
        ({"title": "a\x07b"}, "/title"),
        ({"price": 0}, "/price"),
        ({"price": -1}, "/price"),
        ({"price": 2**53}, "/price"),
        ({"price": 1.5}, "/price"),
        ({"price": None}, "/price"),
        ({"minTokens": 1}, "/minTokens"),
        ({"providerId": str(ids.random_id())}, "/providerId"),
        ({"providerId": foreign["id"]}, "/providerId"),
        ({"providerId": "x"}, "/providerId"),
        ({"name": "tickets"}, "/name"),
        ({"image": "javascript:alert(1)"}, "/image"),
        ({"image": "http://example.com/x.png"}, "/image"),
        ({"onCompletionRedirect": "//evil.example"}, "/onCompletionRedirect"),
        ({"order": 2**31}, "/order"),
        ({"limits": {"total": -1}}, "/limits/total"),
        ({"limits": {"perDay": 1}}, "/limits/perDay"),
        ({"window": {"timeZone": "Mars/Olympus"}}, "/window/timeZone"),
        ({"window": {"weekdays": [0]}}, "/window/weekdays"),
        ({"window": {"hours": [["9", "17"]]}}, "/window/hours/0"),
        ({"audience": [[{"attribute": "a", "op": "like", "value": "b"}]]}, "/audience/0/0/op"),
        ({"version": 3}, "/version"),
        ({"archived": True}, "/archived"),
        ({"timesUsed": 0}, "/timesUsed"),
        ({"namespace": "2"}, "/namespace"),
        ({**currency}, "/rates"),
        ({**currency, "rates": rate, "minTokens": 3}, "/maxTokens"),
        ({**currency, "rates": rate, "price": 5}, "/price"),
        ({**currency, "rates": [{"currency": "eur", "rate": "1"}]}, "/rates/0/currency"),
        ({**currency, "rates": [{"currency": "EUR", "rate": 1}]}, "/rates/0/rate"),
        ({**currency, "rates": [{"currency": "EUR", "rate": "0"}]}, "/rates/0/rate"),
        ({**currency, "rates": [{"currency": "EUR", "rate": "1e3"}]}, "/rates/0/rate"),
    ):
        answer = await shop.api.call("POST", PATH, good | wrong)
        assert pointer in pointers(refused(answer, 422, "invalid-request")), wrong
    nothing = await shop.api.call("POST", PATH, {})
    missing = {"/type", "/title", "/price", "/providerId"}
    assert pointers(refused(nothing, 422, "invalid-request")) >= missing - {"/price"}


async def test_a_patch_makes_the_next_version(shop: Shop) -> None:
    path = f"{PATH}/{shop.name}"
    await shop.api.call("PATCH", path, {"limits": {"total": 5, "perMember": 1}, "group": "A"})
    kind = {"Content-Type": "application/merge-patch+json", "If-Match": '"2"'}
    patch = b'{"limits": {"perMember": null}, "group": null, "title": "Cup", "name": "%s"}'
    merged = await shop.api.call("PATCH", path, data=patch % shop.name.encode(), headers=kind)
    assert merged.status == 200
    assert merged.headers["ETag"] == '"3"'
    assert merged.body["limits"] == {"total": 5, "perMember": None, "perMemberPeriod": None}
    assert (merged.body["group"], merged.body["title"], merged.body["version"]) == (None, "Cup", 3)
    assert (await shop.api.call("GET", path)).body == merged.body
    for method, body in (("PATCH", {"title": "X"}), ("DELETE", None)):
        for stale in ('"2"', '"x"', "x"):
            answer = await shop.api.call(method, path, body, headers={"If-Match": stale})
            assert refused(answer, 412, "precondition-failed")["version"] == 3
    for wrong, pointer in (
        ({"type": "digital"}, "/type"),
        ({"name": str(ids.random_id())}, "/name"),
        ({"title": None}, "/title"),
        ({"price": None}, "/price"),
        ({"version": 9}, "/version"),
        ({"providerId": str(ids.random_id())}, "/providerId"),
        ([], ""),
    ):
        answer = await shop.api.call("PATCH", path, wrong)
        assert pointers(refused(answer, 422, "invalid-request")) == {pointer}
    assert (await shop.api.call("GET", path)).body["version"] == 3


async def test_translations_are_patched_text_by_text_and_kept_by_version(shop: Shop) -> None:
    path = f"{PATH}/{shop.name}"
    german = {"title": "Freikarten", "description": "Zwei Plätze.", "details": "Ohne Umtausch."}
    made = await shop.api.call(
        "PATCH",
        path,
        {"language": "en", "translations": {"fr": {"title": "Billets"}, "de": german}},
    )
    assert made.body["translations"] == {"de": german, "fr": {"title": "Billets"}}
    patch = {"translations": {"fr": None, "de": {"title": "Karten", "details": None}}}
    changed = await shop.api.call("PATCH", path, patch)
    assert changed.body["translations"] == {
        "de": {"title": "Karten", "description": "Zwei Plätze."}
    }
    emptied = {"translations": {"de": {"title": None, "description": None}}}
    assert (await shop.api.call("PATCH", path, emptied)).body["translations"] == {}
    for wrong, pointer in (
        ({"translations": {"german": {"title": "x"}}}, "/translations/german"),
        ({"translations": {"DE": {"title": "x"}}}, "/translations/DE"),
        ({"translations": {"pt_BR": {"title": "x"}}}, "/translations/pt_BR"),
        ({"translations": {"en": {"title": "x"}}}, "/translations/en"),
        ({"translations": {"de": {"title": "x" * 201}}}, "/translations/de/title"),
        ({"translations": {"de": {"title": "a\nb"}}}, "/translations/de/title"),
        ({"translations": {"de": {"price": 5}}}, "/translations/de/price"),
        ({"translations": {"de": "Becher"}}, "/translations/de"),
        ({"translations": ["de"]}, "/translations"),
        ({"translations": {f"a{a}{b}": {} for a in "abcde" for b in "abcde"}}, "/translations"),
        ({"language": "English"}, "/language"),
    ):
        answer = await shop.api.call("PATCH", path, wrong)
        assert pointers(refused(answer, 422, "invalid-request")) == {pointer}, wrong


async def test_the_provider_is_sent_the_options_own_title(shop: Shop) -> None:
    translated = {"translations": {"de": {"title": "Freikarten"}}}
    await shop.api.call("PATCH", f"{PATH}/{shop.name}", translated)
    await shop.member("ann", 500)
    made = await shop.redeem("ann", until="success")
    assert made["optionTitle"] == "Free Tickets"
    assert json.loads(shop.rewards.requests[-1][1])["productName"] == "Free Tickets"


async def test_a_transaction_keeps_its_version_and_uses_are_counted(shop: Shop) -> None:
    path = f"{PATH}/{shop.name}"
    await shop.api.call("PATCH", path, {"limits": {"total": 3}})
    await shop.member("ann", 5000)
    first = await shop.redeem("ann", until="success")
    await shop.api.call("PATCH", path, {"title": "Dear Tickets", "price": 900})
    shop.rewards.next(200, {"status": "failure"})
    second = await shop.redeem("ann", until="failure")
    assert (first["optionVersion"], first["optionTitle"], first["price"]) == (
        2,
        "Free Tickets",
        200,
    )
    assert (second["optionVersion"], second["price"]) == (3, 900)
    kept = (await shop.api.call("GET", f"/v1/transactions/{first['id']}")).body
    assert (kept["optionVersion"], kept["optionTitle"]) == (2, "Free Tickets")
    option = (await shop.api.call("GET", path)).body
    assert (option["timesUsed"], option["timesLeft"]) == (1, 2)
    lowered = await shop.api.call("PATCH", path, {"limits": {"total": 0}})
    assert (lowered.body["timesUsed"], lowered.body["timesLeft"]) == (1, 0)
    refused(await shop.ask("ann"), 409, "limit-reached")


async def test_deleting_archives(shop: Shop) -> None:
    waiting = await shop.postponed()
    path = f"{PATH}/{shop.name}"
    archived = await shop.api.call("DELETE", path)
    assert archived.status == 200
    assert archived.body == shop.option | {"archived": True, "version": 2, "timesUsed": 1}
    assert (await shop.api.call("DELETE", path)).body == archived.body
    assert (await shop.api.call("GET", path)).body == archived.body
    assert (await shop.api.call("GET", PATH)).body["items"] == []
    listed = (await shop.api.call("GET", f"{PATH}?archived=true")).body["items"]
    assert listed == [archived.body]
    confirmed = await shop.api.call("POST", f"/v1/transactions/{waiting}/confirm")
    assert confirmed.body["status"] == "success"


async def test_options_are_listed_in_order_in_pages(shop: Shop) -> None:
    for order in (3, -1, 3, 2):
        await shop.create_option(order=order, title=f"order {order}")
    whole = await shop.api.call("GET", f"{PATH}?limit=5")
    assert (len(whole.body["items"]), whole.body["nextCursor"]) == (5, None)
    seen: list[tuple[int, str]] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = await shop.api.call("GET", f"{PATH}?limit=2{cursor and f'&cursor={cursor}'}")
        seen += [(item["order"], item["name"]) for item in answer.body["items"]]
        await shop.create_option(order=-100)
        cursor = answer.body["nextCursor"]
    assert [order for order, _ in seen] == [-1, 0, 2, 3, 3]
    assert seen == sorted(seen)
    # 99999999999|<a name>, which no order is.
    huge = "OTk5OTk5OTk5OTl8MDAwMDAwMDAtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDAw"
    for query in ("cursor=", "cursor=!", "cursor=YQ", f"cursor={huge}", "archived=1", "x=1"):
        refused(await shop.api.call("GET", f"{PATH}?{query}"), 422, "invalid-request")


async def test_reading_needs_read_or_options_and_writing_options(
    shop: Shop, guerdon: Running
) -> None:
    for scopes, status in ((["read"], 403), (["options"], 200)):
        one = shop.api.with_key(await make_key(guerdon.parts.database, "1", scopes))
        assert (await one.call("GET", PATH)).status == 200
        assert (await one.call("GET", f"{PATH}/{shop.name}")).status == 200
        answer = await one.call("PATCH", f"{PATH}/{shop.name}", {"order": 4})
        assert answer.status == status
        if status == 403:
            assert refused(answer, 403, "not-permitted")["scope"] == "options"


async def test_options_that_are_not_there(shop: Shop) -> None:
    for name in (str(ids.random_id()), "nonsense", shop.name.replace("-", ""), "%00", "..", ""):
        for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
            answer = await shop.api.call(method, f"{PATH}/{name}", body)
            refused(answer, 404, "option-not-found")
