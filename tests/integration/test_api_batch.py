"""Many members at once: NDJSON in, a result a line."""

import io
import json
from typing import Any

from tests.conftest import Api
from tests.integration.api_parts import refused

PATH = "/v1/members/batch"
NDJSON = {"Content-Type": "application/x-ndjson"}


async def send(api: Api, *lines: object) -> list[dict[str, Any]]:
    """The results of a batch; bytes are sent as they stand."""
    raw = b"\n".join(x if isinstance(x, bytes) else json.dumps(x).encode() for x in lines)
    answer = await api.call("POST", PATH, data=raw, headers=NDJSON)
    assert answer.status == 200, answer.body
    assert answer.headers["Content-Type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in answer.body.splitlines()]


async def test_lines_create_change_and_credit(api: Api) -> None:
    await api.call("PUT", "/v1/members/old", {"email": "old@example.com", "address": "here"})
    results = await send(
        api,
        {"userId": "new", "email": "n@example.com", "grant": 50, "reference": "r1"},
        {"userId": "old", "attributes": {"tier": "gold"}},
        {"userId": "new", "grant": 7, "reference": "r2"},
    )
    assert results == [
        {"line": 1, "status": "created", "userId": "new"},
        {"line": 2, "status": "changed", "userId": "old"},
        {"line": 3, "status": "changed", "userId": "new"},
    ]
    new = (await api.call("GET", "/v1/members/new")).body
    assert (new["balance"], new["email"]) == (57, "n@example.com")
    old = (await api.call("GET", "/v1/members/old")).body
    assert (old["email"], old["attributes"]) == ("old@example.com", {"tier": "gold"})


async def test_a_reference_counts_once(api: Api) -> None:
    line = {"userId": "ann", "grant": 50, "reference": "r1"}
    first = await send(api, line)
    assert await send(api, line) == first
    assert await send(api, line, line) == [first[0], {**first[0], "line": 2}]
    [other] = await send(api, {**line, "grant": 51})
    assert (other["status"], other["code"]) == ("refused", "idempotency-key-reused")
    # The reference is the member's own.
    await send(api, {"userId": "ben", "grant": 50, "reference": "r1"})
    for user_id in ("ann", "ben"):
        assert (await api.call("GET", f"/v1/members/{user_id}")).body["balance"] == 50


async def test_a_line_that_does_not_fit_is_refused_alone(api: Api) -> None:
    results = await send(
        api,
        {"userId": "ann", "grant": 50},
        b"not json",
        b"",
        {"userId": "ben"},
        {"userId": ".."},
        {"email": "x"},
        {"userId": "cy", "frozen": True},
        {"userId": "cy", "grant": 0, "reference": "r"},
        {"userId": "cy", "grant": 2**53, "reference": "r"},
        b'{"userId": "cy", "userId": "dy"}',
        b'{"userId": "c\\u0000y"}',
        b"[]",
        b'"text"',
        {"userId": "cy", "address": "x" * 70_000},
        {"userId": "dy"},
    )
    told = [(r["line"], r["status"], r["userId"], r.get("code")) for r in results]
    assert told == [
        (1, "refused", "ann", "invalid-request"),
        (2, "refused", "", "malformed-request"),
        (4, "created", "ben", None),
        (5, "refused", "..", "invalid-request"),
        (6, "refused", "", "invalid-request"),
        (7, "refused", "cy", "invalid-request"),
        (8, "refused", "cy", "invalid-request"),
        (9, "refused", "cy", "invalid-request"),
        (10, "refused", "", "malformed-request"),
        (11, "refused", "", "malformed-request"),
        (12, "refused", "", "invalid-request"),
        (13, "refused", "", "invalid-request"),
        (14, "refused", "", "too-large"),
        (15, "created", "dy", None),
    ]
    for user_id in ("ann", "cy"):
        refused(await api.call("GET", f"/v1/members/{user_id}"), 404, "member-not-found")


async def test_a_grant_past_what_can_be_counted_is_refused_alone(api: Api) -> None:
    most = {"userId": "ann", "grant": 2**53 - 1, "reference": "r1"}
    results = await send(api, most, {**most, "grant": 1, "reference": "r2"}, {"userId": "ben"})
    assert [r.get("code") for r in results] == [None, "invalid-request", None]


async def test_a_batch_of_several_groups_keeps_its_order(api: Api) -> None:
    lines = [{"userId": f"m{n}", "grant": n, "reference": "r"} for n in range(1, 2501)]
    results = await send(api, *lines)
    assert [r["line"] for r in results] == list(range(1, 2501))
    assert {r["status"] for r in results} == {"created"}
    assert (await api.call("GET", "/v1/members/m2500")).body["balance"] == 2500


async def test_what_is_refused_whole(api: Api) -> None:
    large = io.BytesIO(b" " * (32 * 1024 * 1024 + 1))
    answer = await api.call("POST", PATH, data=large, headers=NDJSON)
    refused(answer, 413, "too-large")
    answer = await api.call("POST", PATH, data=b"{}")
    refused(answer, 415, "unsupported-media-type")
    answer = await api.call("POST", f"{PATH}?dry=1", data=b"{}", headers=NDJSON)
    refused(answer, 422, "invalid-request")
    assert await send(api, b"") == []
    assert await send(api, b"\n" * 5000) == []
