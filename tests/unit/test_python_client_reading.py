"""The Python client's shapes: what it makes of JSON, of more of it, and of what does not fit."""

import dataclasses
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from guerdon_client import errors, reading, transactions
from guerdon_client.calls import path
from guerdon_client.options import Option
from guerdon_client.transactions import Transaction

WIRE: dict[str, Any] = {
    "id": "01a20bac-a1b2-86a6-b1df-8e0bfae5f5cc",
    "namespace": "1",
    "status": "pending",
    "optionName": "f64486a8-365a-423a-a24f-89b849623db4",
    "optionTitle": "Coffee on us",
    "type": "digital",
    "userId": "ada",
    "price": 120,
    "createdAt": "2026-11-24T03:49:52.690Z",
    "updatedAt": "2026-11-24T03:49:52.690Z",
    "closedAt": None,
    "events": 2,
    "optionVersion": 1,
    "openReason": None,
    "nextAttemptAt": None,
    "reference": None,
    "conflict": False,
}


def answer(value: object) -> httpx.Response:
    return httpx.Response(200, content=json.dumps(value))


def test_what_is_not_known_is_passed_over_and_what_is_new_may_lack() -> None:
    read = reading.one(Transaction)
    plain = read(answer(WIRE))
    assert plain.created_at == datetime(2026, 11, 24, 3, 49, 52, 690_000, UTC)
    assert (plain.user_id, plain.next_ask_at, plain.conversion_rate) == ("ada", None, None)
    assert read(answer({**WIRE, "ofALaterRelease": {"a": [1]}})) == plain
    assert read(answer({**WIRE, "status": "of-a-later-release"})).status == "of-a-later-release"
    with pytest.raises(dataclasses.FrozenInstanceError):
        plain.price = 5  # type: ignore[misc]


@pytest.mark.parametrize(
    "wrong",
    [
        {**WIRE, "price": "120"},
        {**WIRE, "price": True},
        {**WIRE, "price": 1.5},
        {**WIRE, "conflict": None},
        {**WIRE, "createdAt": "yesterday"},
        {**WIRE, "createdAt": 5},
        {name: value for name, value in WIRE.items() if name != "userId"},
        [WIRE],
        "pending",
        None,
    ],
)
def test_what_does_not_fit_is_said_to(wrong: object) -> None:
    with pytest.raises(errors.UnexpectedAnswer):
        reading.one(Transaction)(answer(wrong))
    with pytest.raises(errors.UnexpectedAnswer):
        reading.page_of(Transaction)(answer({"items": [wrong], "nextCursor": None}))
    with pytest.raises(errors.UnexpectedAnswer):
        transactions._full(answer(wrong))


def test_a_page_without_its_parts_is_no_page() -> None:
    for wrong in ({"items": []}, {"nextCursor": None}, [], None, 5):
        with pytest.raises(errors.UnexpectedAnswer):
            reading.page_of(Transaction)(answer(wrong))


def test_numbers_are_exact_where_it_matters_and_plain_elsewhere() -> None:
    spelt = json.dumps(WIRE)[:-1] + ', "conversionRate": 0.10000000000000000001}'
    read = reading.one(Transaction)(httpx.Response(200, content=spelt))
    assert read.conversion_rate == Decimal("0.10000000000000000001")
    value = reading.parsed(b'{"a": [0.5, {"b": 1.25}], "c": 1}')
    plain = reading._plain(value)
    assert plain == {"a": [0.5, {"b": 1.25}], "c": 1}
    assert json.loads(json.dumps(plain)) == plain


def test_every_field_is_found_by_its_name_on_the_wire() -> None:
    assert reading.camel("per_member_period") == "perMemberPeriod"
    names = {reading.camel(field.name) for field in dataclasses.fields(Option)}
    assert {"onCompletionRedirect", "minTokens", "timesLeft"} <= names


def test_a_path_holds_its_segments_whole() -> None:
    assert path("v1", "members", "a/b c%?ü") == "/v1/members/a%2Fb%20c%25%3F%C3%BC"
