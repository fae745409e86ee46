"""Transactions over the API: the list, one of them whole, operators' actions, CSV."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
from tests.conftest import ALL_SCOPES, Api, make_key
from tests.integration.api_parts import Shop, create_member, furnished, pointers, refused

from guerdon import ids
from guerdon.app import Running
from guerdon.db.pool import Database

LIST = "/v1/transactions"


@pytest.fixture
async def shop(api: Api) -> AsyncIterator[Shop]:
    async with furnished(api) as made:
        yield made


async def listed(api: Api, query: str = "") -> list[str]:
    """The IDs of a page."""
    answer = await api.call("GET", f"{LIST}?{query}")
    assert answer.status == 200, answer.body
    assert answer.body.keys() == {"items", "nextCursor"}
    return [item["id"] for item in answer.body["items"]]


async def test_a_page_shows_transactions_newest_first(shop: Shop) -> None:
    await shop.member("ann", 1000)
    made = [(await shop.redeem("ann"))["id"] for _ in range(3)]
    assert await listed(shop.api) == made[::-1]
    answer = await shop.api.call("GET", LIST)
    assert answer.body["nextCursor"] is None
    for query in ("limit=3", "status=success&status=pending&limit=3"):
        full = await shop.api.call("GET", f"{LIST}?{query}")
        assert (len(full.body["items"]), full.body["nextCursor"]) == (3, None)
    item = answer.body["items"][0]
    assert isinstance(item["events"], int)
    assert "attempts" not in item
    one = (await shop.api.call("GET", f"{LIST}/{made[2]}")).body
    assert one.keys() - {"attempts", "case"} == item.keys()


async def test_filters_narrow_and_repeat(shop: Shop) -> None:
    mug = await shop.create_option(title="100%_mug", price=10)
    for user_id in ("ann", "ben", "decade"):
        await shop.member(user_id, 1000)
    done = (await shop.redeem("ann", until="success"))["id"]
    shop.rewards.next(201)
    later = (await shop.redeem("ben", until="postponed"))["id"]
    mugged = (await shop.redeem("decade", optionName=mug["name"], until="success"))["id"]
    noon = (await shop.api.call("GET", f"{LIST}/{later}")).body["createdAt"]
    for query, found in (
        ("status=success", [mugged, done]),
        ("status=success&status=postponed", [mugged, later, done]),
        ("status=failure", []),
        (f"option={mug['name']}", [mugged]),
        (f"option={mug['name']}&option={shop.name}", [mugged, later, done]),
        (f"option={ids.random_id()}", []),
        ("userId=ann", [done]),
        ("userId=ann&userId=ben", [later, done]),
        ("userId=nobody", []),
        ("userId=nobody&userId=ann", [done]),
        (f"createdFrom={noon}", [mugged, later]),
        (f"createdTo={noon}", [done]),
        (f"createdFrom={noon}&createdTo={noon}", []),
        ("createdFrom=2020-01-01T00:00:00%2B02:00&createdTo=2020-01-02T00:00:00Z", []),
        ("createdTo=9999-12-31T23:59:59Z", [mugged, later, done]),
        ("createdFrom=0001-01-01T00:00:00Z", [mugged, later, done]),
        (f"q={done}", [done]),
        (f"q={done[:13].upper()}", None),
        ("q=ann", [done]),
        ("q=decade", [mugged]),
        ("q=free%20tick", [later, done]),
        ("q=100%25_", [mugged]),
        ("q=%25", [mugged]),
        ("q=_", [mugged]),
        ("q=ann&userId=ben", []),
        ("q=ann&userId=ann", [done]),
        ("q=ann&status=postponed", []),
        (f"q={quote(chr(39) + '; DROP TABLE posting; --')}", []),
        (f"q={quote(chr(39) + ' OR 1=1 --')}", []),
        ("q=%5C", []),
        ("q=", [mugged, later, done]),
    ):
        told = await listed(shop.api, query)
        if found is None:
            assert done in told
        else:
            assert told == found, query
    # A userId that nobody could carry is nobody's.
    assert await listed(shop.api, f"userId={'x' * 5000}") == []


async def test_parameters_that_do_not_fit(api: Api) -> None:
    for query, pointer in (
        ("limit=0", "?limit"),
        ("limit=-1", "?limit"),
        ("limit=201", "?limit"),
        ("limit=1000000000", "?limit"),
        ("limit=1e2", "?limit"),
        ("limit=%D9%A1", "?limit"),
        ("limit=", "?limit"),
        ("limit=1&limit=2", "?limit"),
        ("cursor=", "?cursor"),
        ("cursor=!!!", "?cursor"),
        ("cursor=AAAA", "?cursor"),
        ("cursor=%00", "?cursor"),
        (f"cursor={'x' * 3000}", "?cursor"),
        ("status=done", "?status"),
        ("status=success&status=", "?status"),
        ("option=tickets", "?option"),
        ("createdFrom=yesterday", "?createdFrom"),
        ("createdFrom=2026-01-01", "?createdFrom"),
        ("createdTo=2026-01-01T00:00:00", "?createdTo"),
        ("createdTo=2026-13-01T00:00:00Z", "?createdTo"),
        ("q=a&q=b", "?q"),
        ("q=a%00b", "?q"),
        ("sort=price;drop", "?sort"),
        ("Status=success", "?Status"),
    ):
        answer = await api.call("GET", f"{LIST}?{query}")
        assert pointers(refused(answer, 422, "invalid-request")) == {pointer}, query
    refused(await api.call("GET", f"{LIST}?q=%FF"), 400, "malformed-request")


async def test_pages_stay_put_while_transactions_come_in(shop: Shop) -> None:
    await shop.member("ann", 10_000)
    made = [(await shop.redeem("ann"))["id"] for _ in range(7)]
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = await shop.api.call("GET", f"{LIST}?limit=3{cursor and f'&cursor={cursor}'}")
        seen += [item["id"] for item in answer.body["items"]]
        await shop.redeem("ann")
        cursor = answer.body["nextCursor"]
    assert seen == made[::-1]


async def test_one_transaction_is_told_whole(shop: Shop) -> None:
    await shop.member("ann", 1000, email="ann@example.com")
    shop.rewards.next(200, {"status": "success", "reference": "V-1", "message": "Here"})
    made = await shop.redeem("ann", until="success", address="1 Main Street")
    requested, withdrawn, posted, confirmed = made["events"]
    for seq, event in enumerate(made["events"], start=1):
        assert event.keys() == {"seq", "type", "title", "at", "actor", "payload"}
        assert event["seq"] == seq
    assert requested["title"] == "User initially triggered redeem option"
    assert requested["payload"] == {
        "userId": "ann",
        "email": "ann@example.com",
        "address": "1 Main Street",
        "optionName": shop.name,
        "price": 200,
        "origin": "api",
    }
    assert withdrawn["title"] == "Token withdrawal result"
    assert withdrawn["payload"] == {
        "userId": "ann",
        "transactionId": made["id"],
        "balanceBefore": 1000,
        "balanceAfter": 800,
    }
    assert posted["title"] == "Message posted"
    payload = posted["payload"]
    assert payload["request"]["transactionId"] == made["id"]
    assert len(payload["request"]) == 9
    assert (payload["attempt"], payload["status"], payload["verdict"]) == (1, 200, "S")
    assert "V-1" in payload["reply"]
    assert payload["rule"]
    assert payload["durationMs"] >= 0
    assert confirmed["payload"] == {"source": "reply", "message": "Here", "reference": "V-1"}
    assert made["reference"] == "V-1"
    [attempt] = made["attempts"]
    assert {name: payload[name] for name in attempt} == attempt
    body = await shop.api.call("GET", f"{LIST}/{made['id']}/attempts/1/body")
    assert (body.status, body.body) == (200, payload["request"])


async def test_replies_are_for_who_may_operate_and_revealing_them_is_audited(
    shop: Shop, guerdon: Running, database: Database
) -> None:
    await shop.member("ann", 1000)
    shop.rewards.next(200, {"status": "success", "message": "VOUCHER-77"})
    made = (await shop.redeem("ann", until="success"))["id"]
    async with database.pool.connection() as connection:
        revealed = "SELECT target FROM audit WHERE action = 'transaction.revealed'"
        before = await (await connection.execute(revealed)).fetchall()
        reader = shop.api.with_key(await make_key(database, "1", ["read"]))
        seen = (await reader.call("GET", f"{LIST}/{made}")).body
        assert await (await connection.execute(revealed)).fetchall() == before
        await shop.api.call("GET", f"{LIST}/{made}")
        after = await (await connection.execute(revealed)).fetchall()
    assert [row.target for row in after[len(before) :]] == [made]
    attempt = seen["attempts"][0]
    assert (attempt["reply"], attempt["status"], attempt["verdict"]) == ("hidden", 200, "S")
    assert seen["events"][2]["payload"]["reply"] == "hidden"
    assert "VOUCHER-77" not in str(seen["attempts"])
    refused(await reader.call("GET", f"{LIST}/{made}/attempts/1/body"), 403, "not-permitted")


async def test_attempts_that_are_not_there(shop: Shop) -> None:
    await shop.member("ann", 1000)
    made = (await shop.redeem("ann", until="success"))["id"]
    for number in ("0", "2", "-1", "1.0", "x", "99999999999999999999", "%31%00"):
        answer = await shop.api.call("GET", f"{LIST}/{made}/attempts/{number}/body")
        refused(answer, 404, "not-found")
    answer = await shop.api.call("GET", f"{LIST}/{ids.random_id()}/attempts/1/body")
    refused(answer, 404, "transaction-not-found")


async def test_an_operator_confirms_or_cancels_what_waits(shop: Shop) -> None:
    kept, returned = await shop.postponed("ann"), await shop.postponed("ben")
    confirmed = await shop.api.call("POST", f"{LIST}/{kept}/confirm", {"reason": "Parcel seen"})
    assert confirmed.status == 200
    assert (confirmed.body["status"], confirmed.body["events"]) == ("success", 6)
    cancelled = await shop.api.call("POST", f"{LIST}/{returned}/cancel")
    assert (cancelled.status, cancelled.body["status"]) == (200, "failure")
    for made, event, reason in (
        (kept, "operator.confirmed", "Parcel seen"),
        (returned, "operator.cancelled", None),
    ):
        events = (await shop.api.call("GET", f"{LIST}/{made}")).body["events"]
        found = next(e for e in events if e["type"] == event)
        assert found["payload"] == {"who": "key:test", "reason": reason}
        assert found["actor"] == "key:test"
    balances = [
        (await shop.api.call("GET", f"/v1/members/{user_id}")).body["balance"]
        for user_id in ("ann", "ben")
    ]
    assert balances == [800, 1000]


async def test_an_operator_who_comes_too_early_or_too_late(shop: Shop) -> None:
    await shop.member("ann", 1000)
    shop.rewards.held = asyncio.Event()
    made = (await shop.redeem("ann"))["id"]
    for action in ("confirm", "cancel"):
        problem = refused(await shop.api.call("POST", f"{LIST}/{made}/{action}"), 409, "sending")
        assert problem["currentStatus"] == "pending"
    shop.rewards.held.set()
    before = await shop.settled(made, "success")
    for action in ("confirm", "cancel"):
        problem = refused(await shop.api.call("POST", f"{LIST}/{made}/{action}"), 409, "not-open")
        assert problem["currentStatus"] == "success"
        assert problem["closedAt"]
        assert problem["closedBy"] == "provider"
    assert (await shop.api.call("GET", f"{LIST}/{made}")).body == before


async def test_of_two_operators_one_wins_and_the_other_is_told(shop: Shop) -> None:
    made = await shop.postponed()
    answers = await asyncio.gather(
        *(shop.api.call("POST", f"{LIST}/{made}/{action}") for action in ("confirm", "cancel") * 3)
    )
    assert sorted(answer.status for answer in answers) == [200] + [409] * 5
    for answer in answers:
        if answer.status == 409:
            assert refused(answer, 409, "not-open")["closedBy"] == "key:test"


async def test_actions_whose_body_does_not_fit(shop: Shop) -> None:
    made = await shop.postponed()
    for action in ("confirm", "cancel"):
        path = f"{LIST}/{made}/{action}"
        for body, pointer in (
            ({"reason": 5}, "/reason"),
            ({"reason": "x" * 2001}, "/reason"),
            ({"status": "success"}, "/status"),
        ):
            answer = await shop.api.call("POST", path, body)
            assert pointers(refused(answer, 422, "invalid-request")) == {pointer}
        text = {"Content-Type": "text/plain"}
        answer = await shop.api.call("POST", path, data=b"{}", headers=text)
        refused(answer, 415, "unsupported-media-type")
    assert (await shop.api.call("GET", f"{LIST}/{made}")).body["status"] == "postponed"


HEADER = "id,option,title,type,status,userId,price,createdAt,updatedAt,closedAt,events"


async def export(api: Api, query: str = "") -> tuple[str, list[dict[str, Any]]]:
    answer = await api.call("GET", f"/v1/transactions.csv?{query}")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="transactions.csv"'
    text = answer.body.decode()
    return text, list(csv.DictReader(io.StringIO(text, newline="")))


async def test_the_csv_is_the_filtered_list(shop: Shop) -> None:
    text, rows = await export(shop.api)
    assert (text, rows) == (f"{HEADER}\r\n", [])
    await shop.member('a,"b"\u00e9', 1000)
    made = await shop.redeem('a,"b"\u00e9', until="success")
    await shop.member("ben", 1000)
    shop.rewards.next(201)
    await shop.redeem("ben", until="postponed")
    text, rows = await export(shop.api)
    assert text.splitlines()[0] == HEADER
    assert [row["status"] for row in rows] == ["postponed", "success"]
    _, [row] = await export(shop.api, "status=success")
    assert row == {
        "id": made["id"],
        "option": shop.name,
        "title": "Free Tickets",
        "type": "physical",
        "status": "success",
        "userId": 'a,"b"\u00e9',
        "price": "200",
        "createdAt": made["createdAt"],
        "updatedAt": made["updatedAt"],
        "closedAt": made["closedAt"],
        "events": "4",
    }
    _, nobody = await export(shop.api, "userId=nobody")
    assert nobody == []
    for query in ("limit=5", "cursor=x", "status=done", "x=1"):
        answer = await shop.api.call("GET", f"/v1/transactions.csv?{query}")
        refused(answer, 422, "invalid-request")


async def test_cells_that_a_spreadsheet_would_run_are_harmless(shop: Shop) -> None:
    for user_id in ("=1+1", "+1", "-1", "@SUM(A1)"):
        option = await shop.create_option(title=f"{user_id}|cmd")
        await shop.member(user_id, 1000)
        await shop.redeem(user_id, optionName=option["name"])
    _, rows = await export(shop.api)
    assert [row["userId"] for row in rows] == ["'@SUM(A1)", "'-1", "'+1", "'=1+1"]
    assert all(row["title"].startswith("'") for row in rows)


async def test_another_namespaces_transactions_are_not_there(shop: Shop, guerdon: Running) -> None:
    made = await shop.postponed()
    other = shop.api.with_key(await make_key(guerdon.parts.database, "2", ALL_SCOPES))
    await create_member(other, "ann")
    for query in ("", "userId=ann", f"q={made}", f"option={shop.name}", "status=postponed"):
        assert await listed(other, query) == []
        assert (await export(other, query))[1] == []
