"""What an option may be, and what is said of one that may not."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from guerdon.errors import InvalidRequest
from guerdon.options import definition, model
from guerdon.options.model import Option, Usage

NAME = UUID("0b7a4c1e-5d7e-4f6b-9a53-3f1c2a9d8e70")
PROVIDER = "6f9d2b8a-1c3e-4a5f-8b7d-2e4c6a8f0b1d"
AT = datetime(2026, 1, 5, tzinfo=UTC)

COFFEE: dict[str, Any] = {
    "type": "digital",
    "title": "Coffee",
    "providerId": PROVIDER,
    "price": 30,
}
CASH: dict[str, Any] = {
    "type": "currency",
    "title": "Cash",
    "providerId": PROVIDER,
    "minTokens": 100,
    "maxTokens": 5000,
    "rates": [{"currency": "EUR", "rate": "0.0125"}, {"currency": "USD", "rate": "0.010"}],
}


def make(body: object) -> Option:
    return definition.new("1", NAME, AT, body)


def pointers(body: object) -> set[str]:
    with pytest.raises(InvalidRequest) as refused:
        make(body)
    errors: list[dict[str, str]] = refused.value.facts["errors"]  # type: ignore[assignment]
    assert all(error["detail"] for error in errors)
    return {error["pointer"] for error in errors}


def test_the_least_an_option_needs() -> None:
    option = make(COFFEE)
    assert (option.name, option.version, option.price) == (NAME, 1, 30)
    assert (option.send_email, option.send_address) == (True, True)
    assert (option.collect_email, option.collect_address) == (False, False)
    assert option.confirmation_deadline_hours == 24
    assert option.postponed_deadline_hours is None
    assert option.window is None
    assert option.audience == ()


def test_every_missing_field_is_named_at_once() -> None:
    assert pointers({}) == {"/type", "/title", "/providerId", "/price"}
    assert pointers({"type": "currency"}) == {
        "/title",
        "/providerId",
        "/minTokens",
        "/maxTokens",
        "/rates",
    }


@pytest.mark.parametrize(
    ("field", "value", "pointer"),
    [
        ("type", "voucher", "/type"),
        ("name", "coffee", "/name"),
        ("name", "urn:uuid:0b7a4c1e5d7e4f6b9a533f1c2a9d8e70", "/name"),
        ("title", "", "/title"),
        ("title", "a\x00b", "/title"),
        ("title", "\ud800", "/title"),
        ("price", 0, "/price"),
        ("price", 2**53, "/price"),
        ("price", True, "/price"),
        ("price", 1.0, "/price"),
        ("price", None, "/price"),
        ("minTokens", 5, "/minTokens"),
        ("enabled", "yes", "/enabled"),
        ("archived", False, "/archived"),
        ("colour", "red", "/colour"),
        ("a/b~c", 1, "/a~1b~0c"),
        ("image", "http://example.com/a.png", "/image"),
        ("image", "//example.com/a.png", "/image"),
        ("onCompletionRedirect", "javascript:alert(1)", "/onCompletionRedirect"),
        ("onCompletionRedirect", "/\\example.com", "/onCompletionRedirect"),
        ("limits", {"total": -1}, "/limits/total"),
        ("limits", {"perWeek": 1}, "/limits/perWeek"),
        ("limits", {"perMemberPeriod": {"count": 1}}, "/limits/perMemberPeriod/days"),
        ("limits", [], "/limits"),
        ("window", {"from": "2026-01-01"}, "/window/from"),
        ("window", {"from": "2026-01-01T00:00:00"}, "/window/from"),
        ("window", {"from": "2026-02-30T00:00:00Z"}, "/window/from"),
        (
            "window",
            {"from": "2026-02-01T00:00:00Z", "to": "2026-01-31T23:59:59Z"},
            "/window/to",
        ),
        ("window", {"weekdays": [0]}, "/window/weekdays"),
        ("window", {"weekdays": []}, "/window/weekdays"),
        ("window", {"hours": [["09:00", "09:00"]]}, "/window/hours/0"),
        ("window", {"hours": [["09:00", "17:00"], ["9", "10"]]}, "/window/hours/1"),
        ("window", {"hours": [["24:00", "01:00"]]}, "/window/hours/0"),
        ("window", {"timeZone": "Mars/Olympus"}, "/window/timeZone"),
        ("window", {"timeZone": "Europe"}, "/window/timeZone"),
        ("window", {"timeZone": "../../etc/passwd"}, "/window/timeZone"),
        ("audience", [[]], "/audience/0"),
        ("audience", [[{"attribute": "tier", "op": "like", "value": 1}]], "/audience/0/0/op"),
        ("audience", [[{"attribute": "tier", "op": "eq"}]], "/audience/0/0/value"),
        ("audience", [[{"attribute": "tier", "op": "in", "value": "a"}]], "/audience/0/0/value"),
        ("audience", [[{"attribute": "t", "op": "exists", "value": 1}]], "/audience/0/0/value"),
        ("audience", [[{"attribute": "t", "op": "gt", "value": True}]], "/audience/0/0/value"),
        ("postponedDeadlineHours", 0, "/postponedDeadlineHours"),
    ],
)
def test_a_field_that_does_not_fit_is_named(field: str, value: object, pointer: str) -> None:
    assert pointers({**COFFEE, field: value}) == {pointer}


@pytest.mark.parametrize(
    "rate", ["", "0", "0.0", "-1", "+1", "1.", ".5", "01", "1e3", "1,5", "NaN", " 1", "٣"]
)
def test_a_rate_is_a_positive_number_as_json_spells_it(rate: str) -> None:
    assert pointers({**CASH, "rates": [{"currency": "EUR", "rate": rate}]}) == {"/rates/0/rate"}


def test_a_rate_is_no_json_number() -> None:
    body = {**CASH, "rates": [{"currency": "EUR", "rate": 0.0125}]}
    assert pointers(body) == {"/rates/0/rate"}


def test_rates_keep_their_spelling_and_are_exact() -> None:
    option = make(CASH)
    assert option.rates["USD"].spelling == "0.010"
    assert str(option.rates["EUR"].value) == "0.0125"


def test_currency_options_have_a_range_and_no_price() -> None:
    assert pointers({**CASH, "price": 5}) == {"/price"}
    assert pointers({**CASH, "minTokens": 6000}) == {"/maxTokens"}
    twice = [{"currency": "EUR", "rate": "1"}, {"currency": "EUR", "rate": "2"}]
    assert pointers({**CASH, "rates": twice}) == {"/rates/1/currency"}


@pytest.mark.parametrize("body", [None, [], "x", 3])
def test_an_option_is_an_object(body: object) -> None:
    assert "" in pointers(body)


def test_what_is_shown_can_be_read_again() -> None:
    full: dict[str, Any] = {
        **CASH,
        "name": str(NAME),
        "description": "Two\nlines",
        "image": "/images/cash.png",
        "group": "Money",
        "order": -3,
        "limits": {"total": 10, "perMember": 2, "perMemberPeriod": {"count": 1, "days": 30}},
        "window": {
            "from": "2026-01-01T00:00:00+01:00",
            "to": "2027-01-01T00:00:00Z",
            "weekdays": [5, 1, 5],
            "hours": [["22:00", "02:00"], ["09:00", "24:00"]],
            "timeZone": "Europe/Berlin",
        },
        "audience": [
            [{"attribute": "tier", "op": "in", "value": ["gold", 3, True]}],
            [{"attribute": "vip", "op": "exists"}],
        ],
        "onCompletionRedirect": "https://example.com/thanks?a=1#b",
    }
    option = make(full)
    text = msgspec.json.decode(msgspec.json.encode(model.definition(option)))
    assert definition.stored("1", NAME, "currency", 1, False, AT, text) == option
    wire: Any = model.to_wire(option, Usage(4, 6))
    assert wire["window"]["from"] == "2025-12-31T23:00:00.000Z"
    assert wire["window"]["weekdays"] == [1, 5]
    assert wire["window"]["hours"] == [["22:00", "02:00"], ["09:00", "24:00"]]
    assert (wire["timesUsed"], wire["timesLeft"], wire["archived"]) == (4, 6, False)
    assert "price" not in wire
    assert "value" not in wire["audience"][1][0]


def test_a_patch_merges_and_makes_the_next_version() -> None:
    option = make({**COFFEE, "limits": {"total": 10, "perMember": 2}, "group": "Drinks"})
    changed = definition.patched(
        option, {"price": 35, "limits": {"perMember": None}, "group": None, "type": "digital"}
    )
    assert (changed.version, changed.price, changed.group) == (2, 35, None)
    assert (changed.limits.total, changed.limits.per_member) == (10, None)
    assert changed.title == "Coffee"


@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        ({"type": "physical"}, "/type"),
        ({"name": str(UUID(int=1))}, "/name"),
        ({"price": None}, "/price"),
        ({"timesUsed": 0}, "/timesUsed"),
        ({"limits": {"perHour": 1}}, "/limits/perHour"),
        ([], ""),
    ],
)
def test_a_patch_is_refused_where_the_whole_would_be(patch: object, pointer: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        definition.patched(make(COFFEE), patch)
    assert [error["pointer"] for error in refused.value.facts["errors"]] == [pointer]  # type: ignore[attr-defined]
