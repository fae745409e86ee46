"""The list as a file: rows, columns, zones, and who may have what."""

import json
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

import aiohttp
import pytest
from tests.conftest import Api, make_key
from tests.faults.redeeming import eventually
from tests.integration.api_parts import Shop, furnished
from tests.integration.export_parts import FORM, USUAL, Person, asked, begun, cells, stands
from tests.integration.hour_parts import opened
from tests.integration.test_console_rights import cookie_of

from guerdon import clock
from guerdon.db.pool import Database
from guerdon.redemption.exports import writing
from guerdon.transactions.exports.model import Plan
from guerdon.transactions.lists.pages import Wanted

At = Callable[..., Awaitable[Person]]


@pytest.fixture
async def shop(api: Api) -> AsyncIterator[Shop]:
    async with furnished(api) as made:
        yield made


@pytest.fixture
async def at(api: Api, database: Database) -> AsyncIterator[At]:
    """Signs somebody of a role in."""
    base = str(api._session._base_url)
    async with aiohttp.ClientSession(base, cookie_jar=aiohttp.DummyCookieJar()) as session:

        async def signed_in(role: str, namespace: str = "1") -> Person:
            return Person(session, await cookie_of(database, namespace, role))

        yield signed_in


async def told(database: Database, action: str) -> list[tuple[str, dict[str, object]]]:
    rows = await asked(
        database,
        "SELECT actor, detail FROM audit WHERE action = %(action)s ORDER BY at",
        action=action,
    )
    return [(row.actor, row.detail) for row in rows]


async def test_one_row_for_each_event(shop: Shop, at: At) -> None:
    await shop.member("ann", 1000, email="ann@example.com")
    shop.rewards.next(201)
    first = (await shop.redeem("ann", until="postponed"))["id"]
    second = (await shop.redeem("ann", until="success"))["id"]
    viewer = await at("viewer")
    head, *rows = cells(await viewer.export("id", "status", rows="event"))
    assert head == [
        "id",
        "status",
        "eventSeq",
        "eventType",
        "eventTitle",
        "eventAt",
        "eventActor",
        "eventPayload",
    ]
    expected = []
    for one in (second, first):
        full = (await shop.api.call("GET", f"/v1/transactions/{one}")).body
        expected += [
            [one, full["status"], str(e["seq"]), e["type"], e["title"]] for e in full["events"]
        ]
    assert [row[:5] for row in rows] == expected
    posted = [json.loads(row[7]) for row in rows if row[3] == "message.posted"]
    assert [(p["status"], p["verdict"], p["attempt"]) for p in posted] == [
        (200, "S", 1),
        (201, "P", 1),
    ]
    lines = (await viewer.export("id", rows="event", format="jsonl")).splitlines()
    (withdrawn, _) = (
        json.loads(line) for line in lines if json.loads(line)["eventType"] == "tokens.withdrawn"
    )
    assert withdrawn["eventPayload"] == {"balanceBefore": 800, "balanceAfter": 600}
    assert "ann@example.com" not in "".join(lines)


async def test_times_are_those_of_the_zone_on_the_night_the_clocks_go_back(
    database: Database, api: Api, at: At
) -> None:
    for moment in ("2026-10-24T23:59:59", "2026-10-25T00:30:00", "2026-10-25T01:30:00.250"):
        await opened(database, datetime.fromisoformat(moment).replace(tzinfo=UTC))
    viewer = await at("viewer")
    dublin = await viewer.export("created", zone="Europe/Dublin")
    assert [row[0] for row in cells(dublin)] == [
        "createdAt",
        "2026-10-25T01:30:00.250+00:00",
        "2026-10-25T01:30:00.000+01:00",
        "2026-10-25T00:59:59.000+01:00",
    ]
    plain = await viewer.export("created", zone="Europe/Dublin", dates="spreadsheet")
    assert [row[0] for row in cells(plain)][1:] == [
        "2026-10-25 01:30:00",
        "2026-10-25 01:30:00",
        "2026-10-25 00:59:59",
    ]
    tokyo = await viewer.export("created", zone="Asia/Tokyo", format="jsonl")
    assert json.loads(tokyo.splitlines()[0]) == {"createdAt": "2026-10-25T10:30:00.250+09:00"}


async def test_a_day_of_the_filter_is_a_day_of_the_page_and_not_of_the_file(
    database: Database, api: Api, at: At
) -> None:
    for hour in (22, 23):
        await opened(database, datetime(2026, 7, 1, hour, 30, tzinfo=UTC))
    viewer = await at("viewer")
    fields = USUAL | {"created": "2026-07-02", "zone": "Asia/Tokyo", "col": "created"}
    _, headers, text = await viewer.post(FORM + "?tz=Europe/Dublin", **fields)
    assert [row[0] for row in cells(text)] == ["createdAt", "2026-07-02T08:30:00.000+09:00"]
    name = headers["Content-Disposition"].partition("filename=")[2]
    assert name.startswith('"transactions-all-created-2026-07-02-')
    assert name.endswith('-Asia-Tokyo.csv"')


async def test_columns_are_those_that_were_ticked_and_nothing_in_them_runs(
    shop: Shop, at: At
) -> None:
    option = await shop.create_option(title="=1+1")
    for user_id in ("@sum", "-2", "+3"):
        await shop.member(user_id, 1000)
        await shop.redeem(user_id, until="success", optionName=option["name"])
    viewer = await at("viewer")
    head, *rows = cells(await viewer.export("user", "closed", "option", "price"))
    assert head == ["userId", "closedAt", "option", "title", "price"]
    assert [(row[0], row[3], row[4]) for row in rows] == [
        ("'+3", "'=1+1", "200"),
        ("'-2", "'=1+1", "200"),
        ("'@sum", "'=1+1", "200"),
    ]
    (line, *_) = (await viewer.export("user", format="jsonl")).splitlines()
    assert json.loads(line) == {"userId": "+3"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"col": "nothing"},
        {"rows": "day"},
        {"zone": "Mars/Base"},
        {"zone": "../../etc/passwd"},
        {"dates": "us"},
        {"format": "xlsx"},
    ],
    ids=str,
)
async def test_what_the_form_does_not_offer_is_refused(
    wrong: dict[str, str], at: At, database: Database
) -> None:
    viewer = await at("viewer")
    status, _, page = await viewer.post(FORM, **(USUAL | {"col": "id"} | wrong))
    assert status == 422
    assert "no export that the form offers" in page
    assert await told(database, "transactions.exported") == []


async def test_the_form_says_what_is_missing_and_forgets_nothing(at: At) -> None:
    viewer = await at("viewer")
    fields = USUAL | {"zone": "Asia/Tokyo", "format": "jsonl", "status": "success"}
    status, _, page = await viewer.post(FORM, **fields)
    assert status == 422
    assert "Tick at least one column." in page
    assert "<option selected>Asia/Tokyo</option>" in page
    assert 'value="jsonl" checked' in page
    assert 'name="status" value="success"' in page
    status, _, page = await viewer.post(FORM, **(USUAL | {"col": "id", "age": "soon"}))
    assert status == 422
    assert "Put it right, then export" in page


async def test_what_is_personal_takes_the_right_and_a_refusal_is_written_down(
    shop: Shop, at: At, database: Database
) -> None:
    await shop.member("ann", 1000, email="ann@example.com", address="1 Main St")
    await shop.redeem("ann", until="success")
    support = await at("support")
    _, page = await support.get(FORM)
    assert "take the role manager; yours is support" in page
    for more in ({"col": "id", "personal": "1"}, {"col": ["id", "note"]}):
        status, _, page = await support.post(FORM, **(USUAL | more))
        assert status == 403
        assert "takes the role manager" in page
    refused = {"role": "support", "right": "personal"}
    assert await told(database, "console.refused") == [("operator:support@1.example", refused)] * 2
    assert await told(database, "transactions.exported") == []
    manager = await at("manager")
    text = await manager.export("id", personal="1")
    assert cells(text)[1][1:] == ["ann@example.com", "1 Main St"]
    ((actor, detail),) = await told(database, "transactions.exported")
    assert actor == "operator:manager@1.example"
    assert (detail["personal"], detail["columns"]) == (True, "id,personal")


async def test_a_streamed_export_is_described_beside_it(shop: Shop, at: At) -> None:
    await shop.member("ann", 1000)
    for _ in range(3):
        await shop.redeem("ann", until="success")
    viewer = await at("viewer")
    fields = USUAL | {"col": ["id", "status"], "status": "success", "option": shop.name}
    _, headers, text = await viewer.post(FORM, **fields)
    link, rel, _ = headers["Link"].split("; ")
    assert rel == 'rel="describedby"'
    where = urlsplit(link.strip("<>")).path

    async def ended() -> bool:
        return '"state": "finished"' in (await viewer.get(where))[1]

    await eventually(ended)
    said = json.loads((await viewer.get(where))[1])
    assert said["query"]["list"] == "All · status success · option Free Tickets"
    assert said["query"]["parameters"] == {"status": "success", "option": shop.name}
    assert said["columns"] == ["id", "status"]
    assert (said["rows"], said["bytes"]) == (3, len(text.encode()))
    assert (said["timeZone"], said["personalData"]) == ("UTC", False)
    assert said["exportedBy"] == "operator:viewer@1.example"
    assert f'filename="{said["file"]}"' in headers["Content-Disposition"]
    _, page = await viewer.get("/redeem/exports")
    assert said["query"]["list"] in page
    status, _, _ = await viewer.post(where.replace("description", "download"))
    assert status == 404


async def test_a_long_one_is_written_in_the_background_and_is_the_same_file(
    shop: Shop, at: At, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.member("ann", 10_000)
    for _ in range(3):
        await shop.redeem("ann", until="success")
    await opened(database, clock.now(), 2_500)
    viewer = await at("viewer")
    streamed = await viewer.export("id", "user", "status")
    monkeypatch.setattr(writing, "MOST_STREAMED", 2_000)
    fields = USUAL | {"col": ["id", "user", "status"]}
    status, headers, _ = await viewer.post(FORM, **fields)
    assert status == 303
    where = headers["Location"]

    async def ended() -> bool:
        return "Export: finished" in (await viewer.get(where))[1]

    await eventually(ended)
    status, headers, text = await viewer.post(where + "/download")
    assert (status, text) == (200, streamed)
    assert int(headers["Content-Length"]) == len(streamed.encode())
    said = json.loads((await viewer.get(where + "/description"))[1])
    assert (said["rows"], said["bytes"]) == (2_503, len(streamed.encode()))
    assert [detail["file"] for _, detail in await told(database, "export.downloaded")] == [
        said["file"]
    ]


async def test_events_are_counted_where_each_has_a_row(
    shop: Shop, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.member("ann", 1000)
    await shop.redeem("ann", until="success")
    monkeypatch.setattr(writing, "MOST_STREAMED", 3)
    viewer = await at("viewer")
    assert len(cells(await viewer.export("id"))) == 2
    status, _, _ = await viewer.post(FORM, **(USUAL | {"col": "id", "rows": "event"}))
    assert status == 303


async def test_a_kept_file_with_personal_data_is_for_whom_it_may(
    shop: Shop, at: At, database: Database
) -> None:
    await shop.member("ann", 1000)
    await shop.redeem("ann", until="success")
    export = await begun(database, "id", "personal")

    async def ended() -> bool:
        return (await stands(database, export.export_id)).has_file

    await eventually(ended)
    where = f"/redeem/exports/{export.export_id}"
    support = await at("support")
    status, _, page = await support.post(where + "/download")
    assert (status, "takes the role manager" in page) == (403, True)
    assert len(await told(database, "console.refused")) == 1
    status, _, _ = await (await at("manager")).post(where + "/download")
    assert status == 200


async def test_another_programmes_exports_are_not_there(
    shop: Shop, at: At, database: Database
) -> None:
    export = await begun(database)
    await make_key(database, "2", ["read"])
    stranger = await at("admin", "2")
    where = f"/redeem/exports/{export.export_id}"
    assert (await stranger.get(where))[0] == 404
    assert (await stranger.get(where + "/description"))[0] == 404
    for action in ("/download", "/stop"):
        assert (await stranger.post(where + action))[0] == 404
    assert export.words not in (await stranger.get("/redeem/exports"))[1]


async def test_a_stream_takes_no_more_memory_for_more_rows(api: Api, database: Database) -> None:
    peaks = []
    plan = Plan(Wanted("1"), ("id", "user", "created"), "transaction", "UTC", "iso", "csv", "0")
    for size in (3000, 6000):
        await opened(database, clock.now(), size)
        tracemalloc.start()
        async with database.read() as tx:
            async for _ in writing.stream(tx, plan):
                pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5, peaks
