"""Providers over the API: settings, secrets shown once, test messages."""

import json
from collections.abc import AsyncIterator

import pytest
from tests.conftest import Api
from tests.integration.api_parts import Rewards, create_provider, pointers, refused, rewards

from guerdon import ids
from guerdon.providers import signing

PATH = "/v1/providers"
KINDS = ("secretKey", "signingSecret", "callbackSecret")
DEFAULTS = {
    "authorizationHeaderSet": False,
    "dialect": "status-code",
    "confirmation": "reply",
    "idempotent": False,
    "bare4xx": "hold",
    "statusUrl": None,
    "timeoutSeconds": 15,
    "maxInFlight": 32,
    "ratePerSecond": None,
    "paused": False,
    "pausedBecause": None,
}


@pytest.fixture
async def listening() -> AsyncIterator[Rewards]:
    async with rewards() as made:
        yield made


async def test_a_provider_has_its_defaults_and_shows_its_secrets_once(
    api: Api, listening: Rewards
) -> None:
    body = {"name": "Rewards", "webhookUrl": listening.url}
    made = await api.call("POST", PATH, body)
    assert made.status == 201
    assert made.headers["Location"] == f"{PATH}/{made.body['id']}"
    assert (DEFAULTS | body).items() <= made.body.items()
    for kind in KINDS:
        assert made.body[kind].startswith("whsec_")
    assert len({made.body[kind] for kind in KINDS}) == 3
    shown = await api.call("GET", f"{PATH}/{made.body['id']}")
    assert shown.status == 200
    assert shown.headers["ETag"] == '"1"'
    assert shown.body == {k: v for k, v in made.body.items() if k not in KINDS}
    page = await api.call("GET", PATH)
    assert page.body == {"items": [shown.body], "nextCursor": None}


async def test_everything_that_can_be_set_is_kept(api: Api, listening: Rewards) -> None:
    body = {
        "name": "Rewards",
        "webhookUrl": listening.url,
        "dialect": "json",
        "confirmation": "callback",
        "idempotent": True,
        "bare4xx": "refund",
        "statusUrl": f"{listening.url}/status?x=1",
        "timeoutSeconds": 2,
        "maxInFlight": 1,
        "ratePerSecond": 5,
        "paused": True,
    }
    made = await api.call("POST", PATH, {**body, "authorizationHeader": "Bearer top-secret"})
    assert body.items() <= made.body.items()
    assert made.body["authorizationHeaderSet"] is True
    assert "authorizationHeader" not in made.body
    assert "top-secret" not in str(made.body)
    for path in (PATH, f"{PATH}/{made.body['id']}"):
        assert "top-secret" not in str((await api.call("GET", path)).body)


async def test_settings_that_do_not_fit(api: Api, listening: Rewards) -> None:
    good = {"name": "Rewards", "webhookUrl": listening.url}
    for wrong, pointer in (
        ({"name": ""}, "/name"),
        ({"name": None}, "/name"),
        ({"name": "a\nb"}, "/name"),
        ({"webhookUrl": "ftp://example.com/"}, "/webhookUrl"),
        ({"webhookUrl": "https://10.0.0.1/"}, "/webhookUrl"),
        ({"webhookUrl": "https://169.254.169.254/latest"}, "/webhookUrl"),
        ({"webhookUrl": "https://[::ffff:10.0.0.1]/"}, "/webhookUrl"),
        ({"webhookUrl": "https://user:pw@example.com/"}, "/webhookUrl"),
        ({"webhookUrl": "javascript:alert(1)"}, "/webhookUrl"),
        ({"webhookUrl": "https://[::1"}, "/webhookUrl"),
        ({"statusUrl": "nonsense"}, "/statusUrl"),
        ({"authorizationHeader": "a\r\nX-Injected: 1"}, "/authorizationHeader"),
        ({"dialect": "xml"}, "/dialect"),
        ({"confirmation": "never"}, "/confirmation"),
        ({"idempotent": "yes"}, "/idempotent"),
        ({"bare4xx": "Hold"}, "/bare4xx"),
        ({"timeoutSeconds": 1}, "/timeoutSeconds"),
        ({"timeoutSeconds": 31}, "/timeoutSeconds"),
        ({"maxInFlight": 0}, "/maxInFlight"),
        ({"ratePerSecond": 0}, "/ratePerSecond"),
        ({"id": str(ids.random_id())}, "/id"),
        ({"namespace": "2"}, "/namespace"),
        ({"secretKey": "whsec_mine"}, "/secretKey"),
        ({"pausedBecause": "x"}, "/pausedBecause"),
    ):
        answer = await api.call("POST", PATH, good | wrong)
        assert pointers(refused(answer, 422, "invalid-request")) == {pointer}, wrong
    await create_provider(api, listening.url, name="Taken")
    answer = await api.call("POST", PATH, good | {"name": "Taken"})
    assert pointers(refused(answer, 422, "invalid-request")) == {"/name"}


async def test_a_patch_merges_and_guards_by_version(api: Api, listening: Rewards) -> None:
    made = await create_provider(api, listening.url, authorizationHeader="secret", ratePerSecond=5)
    path = f"{PATH}/{made['id']}"
    changed = await api.call("PATCH", path, {"timeoutSeconds": 5}, headers={"If-Match": '"1"'})
    assert changed.status == 200
    assert (changed.body["timeoutSeconds"], changed.body["version"]) == (5, 2)
    assert changed.body["authorizationHeaderSet"] is True
    assert changed.headers["ETag"] == '"2"'
    for stale in ('"1"', '"3"', '"x"', "nonsense", ""):
        answer = await api.call("PATCH", path, {"timeoutSeconds": 6}, headers={"If-Match": stale})
        assert refused(answer, 412, "precondition-failed")["version"] == 2
    kind = {"Content-Type": "application/merge-patch+json", "If-Match": "*"}
    cleared = await api.call(
        "PATCH",
        path,
        data=json.dumps({"ratePerSecond": None, "authorizationHeader": None}).encode(),
        headers=kind,
    )
    assert (cleared.body["ratePerSecond"], cleared.body["authorizationHeaderSet"]) == (None, False)
    assert cleared.body["timeoutSeconds"] == 5
    for wrong, pointer in (
        ({"name": None}, "/name"),
        ({"webhookUrl": "https://127.0.0.2.example"}, None),
        ({"webhookUrl": "https://192.168.1.1"}, "/webhookUrl"),
        ({"version": 9}, "/version"),
        ({"breaker": "open"}, "/breaker"),
        ([], ""),
    ):
        answer = await api.call("PATCH", path, wrong)
        if pointer is None:
            assert answer.status == 200
        else:
            assert pointers(refused(answer, 422, "invalid-request")) == {pointer}


async def test_providers_are_listed_by_name_in_pages(api: Api, listening: Rewards) -> None:
    names = [f"{letter} provider" for letter in "bdacé"]
    for name in names:
        await create_provider(api, listening.url, name=name)
    whole = await api.call("GET", f"{PATH}?limit={len(names)}")
    assert (len(whole.body["items"]), whole.body["nextCursor"]) == (len(names), None)
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = await api.call("GET", f"{PATH}?limit=2{cursor and f'&cursor={cursor}'}")
        seen += [item["name"] for item in answer.body["items"]]
        cursor = answer.body["nextCursor"]
    assert sorted(seen) == sorted(names)
    for query in ("limit=0", "cursor=", "cursor=!", "cursor=AA", "name=x"):
        refused(await api.call("GET", f"{PATH}?{query}"), 422, "invalid-request")


async def test_a_rotated_secret_is_shown_once_and_signs_at_once(
    api: Api, listening: Rewards
) -> None:
    made = await create_provider(api, listening.url)
    path = f"{PATH}/{made['id']}"
    for kind in KINDS:
        rotated = await api.call(
            "POST", f"{path}/secrets/{kind}/rotate", {"overlapSeconds": 86_400}
        )
        assert rotated.status == 200
        assert rotated.body.keys() == {"secret", "previousValidUntil"}
        assert rotated.body["secret"].startswith("whsec_")
        assert rotated.body["secret"] != made[kind]
        assert rotated.body["secret"] not in str((await api.call("GET", path)).body)
        if kind == "signingSecret":
            await api.call("POST", f"{path}/test", {})
            headers, body = listening.requests[-1]
            now = int(headers["webhook-timestamp"])
            for secret in (made[kind], rotated.body["secret"]):
                lowered = {name.lower(): value for name, value in headers.items()}
                assert signing.verify([secret], lowered, body, now) is not None
    assert (await api.call("POST", f"{path}/secrets/secretKey/rotate")).status == 200
    for kind in ("nonsense", "secretkey", "%2E%2E"):
        refused(await api.call("POST", f"{path}/secrets/{kind}/rotate", {}), 404, "not-found")
    for wrong in (-1, 31 * 86_400, "1", 1.5):
        answer = await api.call(
            "POST", f"{path}/secrets/secretKey/rotate", {"overlapSeconds": wrong}
        )
        assert pointers(refused(answer, 422, "invalid-request")) == {"/overlapSeconds"}


async def test_a_test_message_cannot_be_mistaken_and_moves_nothing(
    api: Api, listening: Rewards
) -> None:
    made = await create_provider(api, listening.url, authorizationHeader="Bearer abc")
    path = f"{PATH}/{made['id']}/test"
    listening.next(201)
    answer = await api.call("POST", path, {})
    assert answer.status == 200
    assert answer.body["request"]["event"] == "redeem.test"
    assert answer.body["request"]["test"] is True
    assert (answer.body["request"]["userId"], answer.body["request"]["price"]) == (
        "guerdon-test",
        0,
    )
    assert (answer.body["status"], answer.body["verdict"]) == (201, "P")
    assert (answer.body["wouldBecome"], answer.body["warning"]) == ("postponed", None)
    assert answer.body["rule"]
    headers, body = listening.requests[0]
    assert json.loads(body) == answer.body["request"]
    assert headers["Authorization"] == "Bearer abc"
    assert headers["webhook-id"] == answer.body["request"]["transactionId"]
    listening.next(500, b"broken \x00 pipe")
    realistic = await api.call("POST", path, {"realistic": True})
    assert realistic.body["request"]["event"] == "redeem.static"
    assert "test" not in realistic.body["request"]
    assert (realistic.body["verdict"], realistic.body["wouldBecome"]) == (
        "U",
        "recoverable-failure",
    )
    assert "reward" in realistic.body["warning"]
    assert "\x00" not in realistic.body["reply"]
    assert (await api.call("POST", path)).status == 200
    answer = await api.call("POST", path, {"realistic": 1})
    assert pointers(refused(answer, 422, "invalid-request")) == {"/realistic"}
    assert (await api.call("GET", "/v1/transactions")).body["items"] == []


async def test_a_test_of_nobody_who_listens_answers_all_the_same(api: Api) -> None:
    async with rewards() as gone:
        made = await create_provider(api, gone.url)
    answer = await api.call("POST", f"{PATH}/{made['id']}/test", {})
    assert answer.status == 200
    assert (answer.body["status"], answer.body["verdict"]) == (None, "N")
    assert answer.body["wouldBecome"] == "pending, and tried again"
