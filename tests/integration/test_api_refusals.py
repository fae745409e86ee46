"""What every route refuses, generated from the table of routes: no new one can escape."""

import asyncio
import io
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from tests.conftest import ALL_SCOPES, Answer, Api, make_key
from tests.integration.api_parts import (
    Shop,
    create_member,
    furnished,
    pointers,
    refused,
    segment,
)

from guerdon import ids
from guerdon.access import keys
from guerdon.access import store as access
from guerdon.access.principal import SCOPES
from guerdon.api import doors
from guerdon.app import Running
from guerdon.db.pool import Database
from guerdon.web.routes import Route

# A body that fits, for every route that takes one. A new route needs a line here.
BODIES: dict[tuple[str, str], object] = {
    ("PUT", "/v1/members/{userId}"): {},
    ("POST", "/v1/members/{userId}/grants"): {"amount": 1, "reason": "r"},
    ("POST", "/v1/members/{userId}/charges"): {"amount": 1, "reason": "r"},
    ("POST", "/v1/providers"): {"name": "P", "webhookUrl": "https://example.com/"},
    ("PATCH", "/v1/providers/{id}"): {"paused": True},
    ("POST", "/v1/providers/{id}/secrets/{kind}/rotate"): {},
    ("POST", "/v1/providers/{id}/test"): {},
    ("POST", "/v1/providers/{id}/conformance"): {
        "url": "https://example.com/",
        "dialect": "json",
        "ranAt": "2026-11-25T12:00:00Z",
        "realistic": False,
        "passed": True,
        "scenarios": [{"name": "gives", "title": "Gives", "result": "pass", "detail": ""}],
    },
    ("POST", "/v1/options"): {"type": "digital", "title": "T", "price": 1},
    ("PATCH", "/v1/options/{name}"): {"title": "T"},
    ("PATCH", "/v1/namespace"): {"tokenIssuer": "i"},
    ("POST", "/v1/member-keys"): {"algorithm": "EdDSA", "publicKey": "k"},
    ("PATCH", "/v1/member-keys/{id}"): {"disabled": True},
    ("POST", "/v1/redemptions"): {"optionName": "o", "userId": "ann"},
    ("POST", "/v1/transactions/{id}/confirm"): {},
    ("POST", "/v1/transactions/{id}/cancel"): {},
    ("POST", "/v1/transactions/{id}/resend"): {},
    ("POST", "/v1/transactions/{id}/resolve"): {"choice": "leave", "reason": "r"},
    ("POST", "/v1/sandbox/advance"): {"seconds": 1},
    ("POST", "/v1/sandbox/wipe"): {"namespace": "1"},
}
# Makes what is not there: it cannot tell what another namespace has.
CREATES = {("PUT", "/v1/members/{userId}")}

MALFORMED = [
    b"",
    b" ",
    b"{",
    b"{}{}",
    b"{'a': 1}",
    b'{"a": 1,}',
    b"\xef\xbb\xbf{}",
    b'{"a": "\xff"}',
    b'{"a": 1, "a": 2}',
    b'{"a": {"b": 1, "b": 1}}',
    b'{"a": "\\u0000"}',
    b'{"\\u0000": 1}',
    b'{"a": "\x00"}',
    b'{"a": "\\ud800"}',
    b'{"a": "\\udc00\\ud800"}',
    b'{"a": NaN}',
    b'{"a": Infinity}',
    b'{"a": -Infinity}',
    b'{"a": 1e999}',
    b'{"a": 01}',
    b'{"a": ' + b"9" * 5000 + b"}",
    b'{"a": 9223372036854775808}',
    b'{"a": -' + b"9" * 21 + b"}",
    b"[" * 33 + b"]" * 33,
    b'{"a":' * 40 + b"1" + b"}" * 40,
    b"[" * 60_000,
    b'{"a": "' + b"\\" * 60_000,
]


@pytest.fixture
async def shop(api: Api) -> AsyncIterator[Shop]:
    async with furnished(api) as made:
        yield made


def table(guerdon: Running) -> list[Route]:
    return doors.table(guerdon.parts)


def filled(route: Route, **values: str) -> str:
    """A path of the route; parameters that are not given have a sample."""
    samples = {"kind": "secretKey", "n": "1", "optionName": str(ids.random_id())}
    path = route.path
    for segment_ in route.segments:
        if segment_.startswith("{"):
            name = segment_[1:-1]
            value = values.get(name, samples.get(name, str(ids.random_id())))
            path = path.replace(segment_, value)
    return path


async def ask(api: Api, route: Route, path: str) -> Answer:
    body = None if route.body in (None, bytes) else BODIES[route.method, route.path]
    return await api.call(route.method, path, body, key="k" if route.keyed else None)


def taking_json(guerdon: Running) -> Iterator[Route]:
    return (r for r in table(guerdon) if r.body is not None and not r.raw)


async def test_without_a_key_that_is_known_nothing_opens(
    api: Api, guerdon: Running, database: Database
) -> None:
    routes = [route for route in table(guerdon) if route.scopes]
    assert len(routes) > 25
    for route in routes:
        for header in ("", "Bearer", "Bearer ", "Basic Z2s6Z2s=", f"Token {api.key}", api.key):
            answer = await api.call(route.method, filled(route), headers={"Authorization": header})
            refused(answer, 401, "unauthenticated")
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        refused(
            await api.with_key("gk_garbage").call(route.method, filled(route)),
            401,
            "unauthenticated",
        )


async def test_a_revoked_key_opens_nothing(api: Api, guerdon: Running, database: Database) -> None:
    revoked = api.with_key(await make_key(database, "1", ALL_SCOPES))
    async with database.tx() as tx:
        for row in await access.keys(tx, "1"):
            if row.key_id != await _key_id(database, api.key):
                assert await access.revoke_key(tx, row.key_id)
    for route in table(guerdon):
        if route.scopes:
            answer = await revoked.call(route.method, filled(route))
            refused(answer, 401, "unauthenticated")
    assert (await api.call("GET", "/v1/namespace")).status == 200


async def _key_id(database: Database, key: str) -> object:

    async with database.read() as tx:
        holder = await access.key_holder(tx, keys.hash_of(key))
    assert holder is not None
    return holder.key_id


async def test_a_key_that_lacks_the_scope_is_told_which(
    api: Api, guerdon: Running, database: Database
) -> None:
    for route in table(guerdon):
        if not route.scopes:
            continue
        others = [scope for scope in SCOPES if scope not in route.scopes]
        lacking = api.with_key(await make_key(database, "1", others))
        problem = refused(await lacking.call(route.method, filled(route)), 403, "not-permitted")
        assert problem["scope"] == " ".join(route.scopes)
        assert all(scope in problem["detail"] for scope in route.scopes)


async def test_what_is_anothers_is_as_unknown_as_what_is_nobodys(
    shop: Shop, guerdon: Running, database: Database
) -> None:
    theirs = {"userId": "ann", "id": await shop.postponed("ann"), "name": shop.name}
    public = {"algorithm": "EdDSA", "publicKey": PUBLIC_KEY}
    member_key = (await shop.api.call("POST", "/v1/member-keys", public)).body["id"]
    stranger = shop.api.with_key(await make_key(database, "2", ALL_SCOPES))
    tried = 0
    for route in table(guerdon):
        place = (route.method, route.path)
        if not route.scopes or "{" not in route.path or place in CREATES:
            continue
        known = dict(theirs)
        if "providers" in route.path:
            known["id"] = shop.provider["id"]
        elif "member-keys" in route.path:
            known["id"] = member_key
        told = []
        for values in (
            known,
            {name: str(ids.random_id()) for name in known},
            dict.fromkeys(known, "not-a-uuid"),
            dict.fromkeys(known, segment("' OR 1=1 --")),
            {"id": "../../etc/passwd".replace("/", "%2F"), "name": "%2e%2e", "userId": "%2F"},
        ):
            answer = await ask(stranger, route, filled(route, **values))
            assert answer.status == 404, (place, values, answer.body)
            problem = refused(answer, 404, answer.body["code"])
            told.append((problem["code"], sorted(problem)))
        assert told == told[:1] * 5, place
        tried += 1
    assert tried > 15
    assert (await shop.api.call("GET", "/v1/members/ann")).body["available"] == 800
    assert (await shop.api.call("GET", f"/v1/transactions/{theirs['id']}")).body["events"][3:]
    assert (await shop.api.call("GET", f"/v1/options/{shop.name}")).body == {
        **shop.option,
        "timesUsed": 1,
    }


PUBLIC_KEY = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
    "-----END PUBLIC KEY-----\n"
)


async def test_malformed_bodies_are_refused_by_every_route(api: Api, guerdon: Running) -> None:
    for number, route in enumerate(taking_json(guerdon)):
        # The reader is shared: one route gets them all, every other a share of them.
        for raw in MALFORMED[number % 6 :: 6] if number else MALFORMED:
            if route.bare and raw == b"":
                continue
            answer = await api.call(route.method, filled(route), data=raw, key="k")
            refused(answer, 400, "malformed-request")


async def test_bodies_of_another_type_or_too_large_are_refused_by_every_route(
    api: Api, guerdon: Running
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield b" " * 4096

    for route in table(guerdon):
        if route.body is None:
            continue
        path = filled(route)
        for kind in ("text/plain", "application/x-www-form-urlencoded", "", "application/xml"):
            answer = await api.call(
                route.method, path, data=b"{}", key="k", headers={"Content-Type": kind}
            )
            refused(answer, 415, "unsupported-media-type")
        if route.body is bytes:
            continue
        large = io.BytesIO(b"[" * (1024 * 1024 + 1))
        answer = await api.call(route.method, path, data=large, key="k")
        refused(answer, 413, "too-large")
        answer = await api.call(route.method, path, data=chunks(), key="k")
        refused(answer, 413, "too-large")


async def test_members_nobody_knows_are_refused_by_every_route(api: Api, guerdon: Running) -> None:
    for route in taking_json(guerdon):
        body = {"status": "success", "namespace": "2", "isAdmin": True}
        answer = await api.call(route.method, filled(route), body, key="k")
        if answer.status == 404:  # a patch applies to something; its own tests have this case
            assert route.method == "PATCH"
            continue
        assert pointers(refused(answer, 422, "invalid-request")) >= {"/isAdmin"}, route.path


async def test_parameters_nobody_knows_are_refused_by_every_route(
    api: Api, guerdon: Running
) -> None:
    for route in table(guerdon):
        if route.raw or route.path == "/metrics":
            continue
        answer = await ask(api, route, filled(route) + "?debug=1")
        assert pointers(refused(answer, 422, "invalid-request")) == {"?debug"}


async def test_methods_a_path_does_not_know_are_refused(api: Api, guerdon: Running) -> None:
    allowed: dict[str, set[str]] = {}
    for route in table(guerdon):
        allowed.setdefault(route.path, set()).add(route.method)
    for route in table(guerdon):
        if route.path == "/v1/members/batch":  # also the path of a member named batch
            continue
        path = filled(route)
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"):
            if method in allowed[route.path]:
                continue
            answer = await api.call(method, path, headers={"X-HTTP-Method-Override": route.method})
            refused(answer, 405, "method-not-allowed")
            assert set(answer.headers["Allow"].split(", ")) == allowed[route.path]
    answer = await api.call(
        "POST", "/v1/members/ann", {}, headers={"X-HTTP-Method-Override": "PUT"}
    )
    refused(answer, 405, "method-not-allowed")


async def test_paths_that_lead_nowhere(api: Api) -> None:
    for path in (
        "/v1",
        "/v1/",
        "/v1/unknown",
        "/v1//transactions",
        "/V1/transactions",
        "/v1/transactions/a/b/c/d",
        "/v1/members/a/b",
        "/v1/%74ransactions",
        "/..%2f..%2fetc/passwd",
        "/fed/providers",
    ):
        refused(await api.call("GET", path), 404, "not-found")
    head = await api.call("HEAD", "/v1/namespace")
    assert (head.status, head.body) == (200, b"")


async def test_the_order_of_refusals(shop: Shop, database: Database) -> None:
    reader = shop.api.with_key(await make_key(database, "1", ["read"]))
    await shop.member("ann", 1)
    path, large = "/v1/redemptions?x=1", b"[" * 70_000
    text = {"Content-Type": "text/plain"}
    nobody = await shop.api.with_key("no").call("POST", path, data=large, headers=text)
    refused(nobody, 401, "unauthenticated")
    lacking = await reader.call("POST", path, data=large, headers=text)
    refused(lacking, 403, "not-permitted")
    refused(
        await shop.api.call("POST", path, data=large, headers=text), 415, "unsupported-media-type"
    )
    refused(await shop.api.call("POST", path, data=large), 413, "too-large")
    refused(await shop.api.call("POST", path, data=b"["), 400, "malformed-request")
    refused(await shop.api.call("POST", path, {"userId": 5}), 400, "malformed-request")
    refused(await shop.api.call("POST", path, {"userId": 5}, key="k"), 422, "invalid-request")
    unknown = str(ids.random_id())
    await shop.api.call("PATCH", f"/v1/providers/{shop.provider['id']}", {"paused": True})
    answer = await shop.ask("ann", optionName=unknown, expectedPrice=0)
    refused(answer, 422, "invalid-request")
    refused(await shop.ask("ann", optionName=unknown), 404, "option-not-found")
    refused(await shop.ask("ann"), 409, "insufficient-tokens")
    await shop.member("ann", 1000)
    refused(await shop.ask("ann"), 503, "provider-unavailable")


async def test_a_database_that_does_not_answer_is_503(
    shop: Shop, server: str, database_url: str
) -> None:
    made = await shop.postponed()
    name = conninfo_to_dict(database_url)["dbname"]
    async with await psycopg.AsyncConnection.connect(server, autocommit=True) as superuser:
        await superuser.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            await superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
            )
            said = {"transactionId": made, "status": "success"}
            for answer in (
                await shop.call_back(said, webhook_id="w"),
                await shop.api.call("GET", "/v1/namespace"),
                await shop.api.call("GET", "/readyz"),
            ):
                refused(answer, 503, "unavailable")
                assert int(answer.headers["Retry-After"]) > 0
            assert (await shop.api.call("GET", "/healthz")).status == 200
        finally:
            await superuser.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    async with asyncio.timeout(60):
        while (answer := await shop.call_back(said, webhook_id="w")).status == 503:
            pass
    assert answer.body == {"transactionId": made, "status": "success", "applied": True}


async def test_members_of_other_namespaces_do_not_meet(api: Api, database: Database) -> None:
    other = api.with_key(await make_key(database, "2", ALL_SCOPES))
    await create_member(api, "ann", 10, email="ann@one.example")
    made = await other.call("PUT", "/v1/members/ann", {"email": "ann@two.example"})
    assert (made.status, made.body["balance"]) == (201, 0)
    assert (await api.call("GET", "/v1/members/ann")).body["email"] == "ann@one.example"
