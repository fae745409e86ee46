"""What the Python client's clients show of themselves, and where their requests go."""

import inspect
from typing import Any

import httpx
import pytest

from guerdon_client import AsyncClient, Client, Retries, calls
from guerdon_client.transactions import Page, Transaction


def test_methods_show_what_they_take_and_read() -> None:
    with Client("https://guerdon.test", "gk_x") as client:
        grant = client.members.grant
        assert grant.__name__ == "grant"
        assert (grant.__doc__ or "").startswith("Credits tokens")
        assert [*inspect.signature(grant).parameters] == ["user_id", "amount", "reason", "key"]
        page, iterate = client.transactions.page, client.transactions.iterate
        assert inspect.signature(page).return_annotation == Page[Transaction]
        assert iterate.__name__ == "iterate"
        assert inspect.signature(iterate).parameters == inspect.signature(page).parameters
        assert (iterate.__doc__ or "").startswith("All transactions")
        assert type(client.members).get(client.members, "ada").path == "/v1/members/ada"


@pytest.mark.parametrize("url", ["http://g.test/rewards", "http://g.test/rewards/"])
async def test_a_base_path_a_key_and_a_name_go_with_each_request(url: str) -> None:
    came: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        came.append(request)
        return httpx.Response(204)

    async def answer_later(request: httpx.Request) -> httpx.Response:
        return answer(request)

    with Client(url, "gk_x", transport=httpx.MockTransport(answer)) as client:
        client.members.erase("a/b?")
    transport: Any = httpx.MockTransport(answer_later)
    async with AsyncClient(url, "gk_x", transport=transport) as client_too:
        await client_too.members.erase("a/b?")
    for request in came:
        assert request.url.raw_path == b"/rewards/v1/members/a%2Fb%3F"
        assert request.headers["Authorization"] == "Bearer gk_x"
        assert request.headers["User-Agent"].startswith("guerdon-client/")
    assert len(came) == 2


def test_a_redirect_is_not_followed_with_the_key() -> None:
    came: list[httpx.Request] = []

    def elsewhere(request: httpx.Request) -> httpx.Response:
        came.append(request)
        return httpx.Response(307, headers={"Location": "http://elsewhere.test/"})

    once = Retries(attempts=1)
    with (
        Client(
            "http://g.test", "gk_x", retries=once, transport=httpx.MockTransport(elsewhere)
        ) as client,
        pytest.raises(Exception, match="307 came"),
    ):
        client.members.get("ada")
    assert len(came) == 1


@pytest.mark.parametrize("url", ["rewards.example.com", "ftp://g.test", "http://", "http://g?x=1"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        Client(url, "gk_x")


def test_the_same_list_from_a_cursor_on() -> None:
    first = calls.getting("/v1/x", str, (("limit", 5), ("cursor", None), ("status", "a")))
    assert first.query == (("limit", "5"), ("status", "a"))
    assert first.at("c1").at("c2").query == (*first.query, ("cursor", "c2"))
