"""A provider's last conformance report: what is kept, when it counts, and who asks for it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from tests.conftest import Api
from tests.integration.api_parts import Shop, furnished, pointers, refused

from guerdon import clock
from guerdon.access import trail
from guerdon.access.embedding import By
from guerdon.access.rules import store as rules
from guerdon.access.trail import Sought
from guerdon.clock import rfc3339
from guerdon.db.pool import Database


@pytest.fixture
async def shop(api: Api) -> AsyncIterator[Shop]:
    async with furnished(api) as made:
        yield made


ROW = {"rule": "body-success", "verdict": "S", "meaning": "The answer says success."}


def scenario(result: str = "pass", name: str = "answers") -> dict[str, Any]:
    detail = "" if result == "pass" else "It was believed. \x9f"
    row = ROW if result == "pass" else None
    made = {"name": name, "title": "A title", "result": result, "detail": detail, "row": row}
    return made | {"trace": [{"request": {}, "status": 200}]}


def report_of(provider: dict[str, Any], **fields: Any) -> dict[str, Any]:
    made = {"url": provider["webhookUrl"], "dialect": "status-code", "ranAt": rfc3339(clock.now())}
    return made | {"realistic": False, "passed": True, "scenarios": [scenario()]} | fields


async def give(api: Api, provider: dict[str, Any], **fields: Any) -> Any:
    path = f"/v1/providers/{provider['id']}/conformance"
    return await api.call("POST", path, report_of(provider, **fields))


async def read(shop: Shop) -> Any:
    return (await shop.api.call("GET", f"/v1/providers/{shop.provider['id']}/conformance")).body


async def ask_for_it(database: Database, *, required: bool = True) -> None:
    async with database.tx() as tx:
        await rules.require_conformance(tx, "1", By("operator:a", None), required=required)


async def test_a_report_is_kept_without_its_trace_and_counted_anew(shop: Shop) -> None:
    path = f"/v1/providers/{shop.provider['id']}/conformance"
    refused(await shop.api.call("GET", path), 404, "not-found")
    made = await give(
        shop.api, shop.provider, scenarios=[scenario(), scenario("left-out", "later")]
    )
    assert made.status == 201, made.body
    assert made.body == await read(shop)
    assert (made.body["passed"], made.body["counts"]) == (True, True)
    assert made.body["storedBy"] == "key:test"
    assert made.body["scenarios"][0] == {k: v for k, v in scenario().items() if k != "trace"}
    # What it says of itself is not believed.
    failed = await give(shop.api, shop.provider, scenarios=[scenario("fail"), scenario()])
    assert (failed.body["passed"], failed.body["counts"]) == (False, False)
    nothing = await give(shop.api, shop.provider, scenarios=[scenario("left-out")])
    assert nothing.body["passed"] is False


async def test_a_report_about_something_else_is_refused(shop: Shop, database: Database) -> None:
    old = rfc3339(clock.now() - timedelta(days=2))
    ahead = rfc3339(clock.now() + timedelta(hours=1))
    for wrong, pointer in (
        ({"url": "https://elsewhere.example.com/"}, "/url"),
        ({"dialect": "json"}, "/dialect"),
        ({"ranAt": old}, "/ranAt"),
        ({"ranAt": ahead}, "/ranAt"),
        ({"ranAt": "2026-11-01T10:00:00"}, "/ranAt"),
        ({"scenarios": []}, "/scenarios"),
    ):
        answer = await give(shop.api, shop.provider, **wrong)
        assert pointers(refused(answer, 422, "invalid-request")) == {pointer}
    other = {"id": "018f0000-0000-7000-8000-000000000000", "webhookUrl": "https://x.example/"}
    refused(await give(shop.api, other), 404, "not-found")


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"webhookUrl": "http://127.0.0.1:9/elsewhere"}, "another address"),
        ({"dialect": "json"}, "read in another way"),
        ({"authorizationHeader": "Bearer other"}, "Authorization"),
        ({"timeoutSeconds": 2}, "less time"),
        ({"maxInFlight": 3, "name": "Other", "timeoutSeconds": 30}, None),
    ],
)
async def test_it_counts_until_what_it_was_about_changes(
    shop: Shop, change: dict[str, Any], because: str | None
) -> None:
    await give(shop.api, shop.provider)
    patched = await shop.api.call("PATCH", f"/v1/providers/{shop.provider['id']}", change)
    assert patched.status == 200, patched.body
    kept = await read(shop)
    assert kept["passed"] is True
    if because is None:
        assert kept["counts"] is True
    else:
        assert kept["counts"] is False
        assert because in kept["overtakenBecause"]


async def test_a_rotated_secret_asks_for_another_run(shop: Shop) -> None:
    before = rfc3339(clock.now())
    await give(shop.api, shop.provider)
    rotate = f"/v1/providers/{shop.provider['id']}/secrets/signingSecret/rotate"
    await shop.api.call("POST", rotate)
    assert (await read(shop))["overtakenBecause"] == "The signingSecret was rotated since."
    late = refused(await give(shop.api, shop.provider, ranAt=before), 422, "invalid-request")
    assert pointers(late) == {"/ranAt"}
    assert (await give(shop.api, shop.provider)).body["counts"] is True


async def test_where_it_is_asked_for_nothing_goes_live_without_it(
    shop: Shop, database: Database
) -> None:
    await ask_for_it(database)
    body = {"type": "digital", "title": "T", "price": 5, "providerId": shop.provider["id"]}
    problem = refused(await shop.api.call("POST", "/v1/options", body), 409, "conformance-required")
    assert problem["providerId"] == shop.provider["id"]
    assert "no report" in problem["detail"]
    made = await shop.api.call("POST", "/v1/options", body | {"enabled": False})
    assert made.status == 201
    path = f"/v1/options/{made.body['name']}"
    refused(await shop.api.call("PATCH", path, {"enabled": True}), 409, "conformance-required")
    assert (await shop.api.call("GET", path)).body["version"] == 1, "nothing was saved"
    await give(shop.api, shop.provider, scenarios=[scenario("fail")])
    problem = refused(
        await shop.api.call("PATCH", path, {"enabled": True}), 409, "conformance-required"
    )
    assert "1 failures" in problem["detail"]
    # What was live before stays so, and may be edited.
    live = f"/v1/options/{shop.name}"
    assert (await shop.api.call("PATCH", live, {"title": "Other"})).status == 200
    await give(shop.api, shop.provider)
    assert (await shop.api.call("PATCH", path, {"enabled": True})).status == 200
    settings = {"name": "Untried", "webhookUrl": "http://127.0.0.1:9/x"}
    untried = (await shop.api.call("POST", "/v1/providers", settings)).body["id"]
    moved = await shop.api.call("PATCH", path, {"providerId": untried})
    refused(moved, 409, "conformance-required")
    rotate = f"/v1/providers/{shop.provider['id']}/secrets/callbackSecret/rotate"
    await shop.api.call("POST", rotate)
    assert (await shop.api.call("PATCH", path, {"title": "Still live"})).status == 200
    problem = refused(await shop.api.call("POST", "/v1/options", body), 409, "conformance-required")
    assert "rotated" in problem["detail"]
    await ask_for_it(database, required=False)
    assert (await shop.api.call("POST", "/v1/options", body)).status == 201


async def test_asking_for_it_is_a_line_of_the_audit_trail(database: Database, shop: Shop) -> None:
    await ask_for_it(database)
    await ask_for_it(database)
    now = clock.now()
    sought = Sought("1", now - timedelta(hours=1), now + timedelta(hours=1), action="rules.")
    async with database.read() as tx:
        (line,) = await trail.page(tx, sought, 10)  # said again, nothing changed
    assert line.actor == "operator:a"
    assert line.detail == {"conformanceRequired": {"before": False, "after": True}}
