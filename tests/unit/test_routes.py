"""Routes are found on the raw path, and every segment is decoded once."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response

from guerdon.errors import MethodNotAllowed, NotFound
from guerdon.web.door import Call
from guerdon.web.routes import Route, Router


async def nothing(call: Call) -> Response:
    return Response()


def route(method: str, path: str) -> Route:
    return Route(method, path, nothing, f"{method} {path}")


ROUTER = Router(
    [
        route("GET", "/v1/options"),
        route("POST", "/v1/options"),
        route("PUT", "/v1/members/{userId}"),
        route("GET", "/v1/members/{userId}"),
        route("POST", "/v1/members/batch"),
        route("POST", "/v1/members/{userId}/grants"),
        route("GET", "/v1/transactions/{id}"),
        route("GET", "/v1/transactions.csv"),
        route("POST", "/v1/transactions/{id}/confirm"),
        route("POST", "/v1/transactions/{id}/cancel"),
        route("GET", "/v1/transactions/{id}/attempts/{n}/body"),
    ]
)


def found(method: str, path: str) -> tuple[str, dict[str, str]]:
    route, parameters = ROUTER.find(method, path)
    return route.summary, parameters


@pytest.mark.parametrize(
    ("method", "path", "summary", "parameters"),
    [
        ("GET", "/v1/options", "GET /v1/options", {}),
        ("POST", "/v1/options", "POST /v1/options", {}),
        ("HEAD", "/v1/options", "GET /v1/options", {}),
        ("HEAD", "/v1/members/a", "GET /v1/members/{userId}", {"userId": "a"}),
        ("GET", "/v1/members/alice", "GET /v1/members/{userId}", {"userId": "alice"}),
        ("PUT", "/v1/members/alice", "PUT /v1/members/{userId}", {"userId": "alice"}),
        ("GET", "/v1/transactions.csv", "GET /v1/transactions.csv", {}),
        (
            "POST",
            "/v1/transactions/7/cancel",
            "POST /v1/transactions/{id}/cancel",
            {"id": "7"},
        ),
        (
            "GET",
            "/v1/transactions/7/attempts/2/body",
            "GET /v1/transactions/{id}/attempts/{n}/body",
            {"id": "7", "n": "2"},
        ),
    ],
)
def test_found(method: str, path: str, summary: str, parameters: dict[str, str]) -> None:
    assert found(method, path) == (summary, parameters)


@pytest.mark.parametrize(
    ("segment", "user_id"),
    [
        ("a%2Fb", "a/b"),
        ("a%2fb%2F..", "a/b/.."),
        ("User%20123", "User 123"),
        ("a+b", "a+b"),
        ("%252F", "%2F"),
        ("100%", "100%"),
        ("%zz", "%zz"),
        ("zo%C3%AB", "zoë"),
        ("zo\xc3\xab", "zoë"),  # sent without percent-encoding: raw UTF-8, read as Latin-1
        ("%F0%9F%98%80", "😀"),
        ("batch%20", "batch "),
        ("%62atch", "batch"),
        ("a;b=c", "a;b=c"),
        ("%00", "\x00"),
    ],
)
def test_a_segment_is_decoded_once_and_may_hold_a_slash(segment: str, user_id: str) -> None:
    summary, parameters = found("GET", f"/v1/members/{segment}")
    assert (summary, parameters) == ("GET /v1/members/{userId}", {"userId": user_id})
    summary, parameters = found("POST", f"/v1/members/{segment}/grants")
    assert (summary, parameters) == ("POST /v1/members/{userId}/grants", {"userId": user_id})


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_every_user_id_can_be_named(user_id: str) -> None:
    path = f"/v1/members/{quote(user_id, safe='')}"
    assert found("PUT", path) == ("PUT /v1/members/{userId}", {"userId": user_id})


def test_a_member_may_be_called_like_a_route() -> None:
    assert found("POST", "/v1/members/batch") == ("POST /v1/members/batch", {})
    for method in ("GET", "PUT", "HEAD"):
        assert found(method, "/v1/members/batch")[1] == {"userId": "batch"}


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/v1",
        "/v1/",
        "/v1/option",
        "/v1/options/",
        "//v1/options",
        "/V1/options",
        "/v1%2Foptions",
        "/v1/%6Fptions",
        "/v1/members",
        "/v1/members/a/b",
        "/v1/members/a/grants/",
        "/v1/transactions/7/refund",
        "/v1/members/%FF",
        "/v1/members/%C3",
        "/v1/members/%ED%A0%80",
        "/v1/members/\xff",
    ],
)
def test_nothing_is_at_any_other_path(path: str) -> None:
    for method in ("GET", "POST", "PUT"):
        with pytest.raises(NotFound):
            ROUTER.find(method, path)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/v1/options", "GET, POST"),
        ("PATCH", "/v1/members/alice", "GET, PUT"),
        ("PATCH", "/v1/members/batch", "GET, POST, PUT"),
        ("GET", "/v1/transactions/7/confirm", "POST"),
        ("HEAD", "/v1/transactions/7/confirm", "POST"),
        ("get", "/v1/options", "GET, POST"),
        ("TRACE", "/v1/transactions.csv", "GET"),
    ],
)
def test_another_method_is_told_which_there_are(method: str, path: str, allow: str) -> None:
    with pytest.raises(MethodNotAllowed) as refusal:
        ROUTER.find(method, path)
    assert refusal.value.facts == {"allow": allow}
