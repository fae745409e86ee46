"""Windows, audiences and limits, decided without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from guerdon.options import definition, eligibility
from guerdon.options.model import Option

MONDAY = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def make(**fields: Any) -> Option:
    body = {"type": "digital", "title": "Coffee", "providerId": str(UUID(int=7)), "price": 30}
    return definition.new("1", UUID(int=1), MONDAY, {**body, **fields})


def is_open(window: dict[str, object], moment: str) -> bool:
    return eligibility.unavailable(make(window=window), datetime.fromisoformat(moment)) is None


def test_an_option_without_a_window_is_open() -> None:
    assert eligibility.unavailable(make(), MONDAY) is None


def test_disabled_and_archived_options_are_closed() -> None:
    assert eligibility.unavailable(make(enabled=False), MONDAY)
    assert eligibility.unavailable(replace(make(), archived=True), MONDAY)


def test_from_is_inclusive_and_to_is_exclusive() -> None:
    window = {"from": "2026-01-05T10:00:00Z", "to": "2026-01-05T14:00:00Z"}
    assert not is_open(window, "2026-01-05T09:59:59.999999Z")
    assert is_open(window, "2026-01-05T10:00:00Z")
    assert is_open(window, "2026-01-05T13:59:59.999999Z")
    assert not is_open(window, "2026-01-05T14:00:00Z")


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-01-09T21:59:59Z", False),  # Friday, before
        ("2026-01-09T22:00:00Z", True),
        ("2026-01-10T01:59:59Z", True),  # Saturday, still Friday's span
        ("2026-01-10T02:00:00Z", False),
        ("2026-01-10T23:00:00Z", False),  # Saturday begins none
        ("2026-01-09T01:00:00Z", False),  # Friday's first hours belong to Thursday
    ],
)
def test_a_span_over_midnight_belongs_to_the_day_it_begins_on(moment: str, expected: bool) -> None:
    assert is_open({"weekdays": [5], "hours": [["22:00", "02:00"]]}, moment) is expected


def test_sunday_night_runs_into_monday() -> None:
    window = {"weekdays": [7], "hours": [["22:00", "02:00"]]}
    assert is_open(window, "2026-01-05T01:00:00Z")
    assert not is_open(window, "2026-01-06T01:00:00Z")


def test_hours_are_those_of_the_wall_in_summer_and_in_winter() -> None:
    window = {"hours": [["09:00", "17:00"]], "timeZone": "Europe/Berlin"}
    assert not is_open(window, "2026-01-05T07:30:00Z")
    assert is_open(window, "2026-07-06T07:30:00Z")


def test_weekdays_are_those_of_the_zone() -> None:
    window = {"weekdays": [1], "timeZone": "Pacific/Auckland"}
    assert is_open(window, "2026-01-04T12:00:00Z")
    assert not is_open(window, "2026-01-05T12:00:00Z")


def test_an_end_at_24_includes_the_last_minute() -> None:
    window = {"hours": [["09:00", "24:00"]]}
    assert is_open(window, "2026-01-05T23:59:59Z")
    assert not is_open(window, "2026-01-05T00:00:00Z")


@pytest.mark.parametrize(
    ("op", "value", "attribute", "expected"),
    [
        ("eq", "gold", "gold", True),
        ("eq", "gold", "Gold", False),
        ("eq", 1, True, False),
        ("eq", 1, "1", False),
        ("eq", 1, 1.0, True),
        ("ne", "gold", "silver", True),
        ("ne", 1, True, True),
        ("gt", 10, 10, False),
        ("gt", 10, 10.5, True),
        ("gte", 10, 10, True),
        ("lt", 10, "9", False),
        ("lt", "2026-01-01", "2025-12-31", True),
        ("lte", 10, 10, True),
        ("lte", 10, True, False),
        ("gt", "a", ["b"], False),
        ("in", ["a", 2], 2, True),
        ("in", ["a", 1], True, False),
        ("notIn", ["a", 2], "b", True),
        ("notIn", ["a", 2], "a", False),
        ("contains", "a", ["b", "a"], True),
        ("contains", "a", ["ab"], False),
        ("contains", "ea", "great", True),
        ("contains", 1, "1", False),
    ],
)
def test_conditions(op: str, value: object, attribute: object, expected: bool) -> None:
    option = make(audience=[[{"attribute": "x", "op": op, "value": value}]])
    assert eligibility.in_audience(option, {"x": attribute}) is expected


@pytest.mark.parametrize("attributes", [{}, {"x": None}])
@pytest.mark.parametrize("op", definition.OPERATORS)
def test_a_missing_attribute_satisfies_only_three(op: str, attributes: dict[str, Any]) -> None:
    condition: dict[str, object] = {"attribute": "x", "op": op}
    if op not in ("exists", "missing"):
        condition["value"] = ["a"] if op in ("in", "notIn") else "a"
    option = make(audience=[[condition]])
    assert eligibility.in_audience(option, attributes) is (op in ("ne", "notIn", "missing"))


def test_groups_are_or_and_conditions_are_and() -> None:
    gold = {"attribute": "tier", "op": "eq", "value": "gold"}
    adult = {"attribute": "age", "op": "gte", "value": 18}
    staff = {"attribute": "staff", "op": "exists"}
    option = make(audience=[[gold, adult], [staff]])
    assert eligibility.in_audience(option, {"tier": "gold", "age": 18})
    assert not eligibility.in_audience(option, {"tier": "gold", "age": 17})
    assert eligibility.in_audience(option, {"staff": False})
    assert eligibility.in_audience(make(), {})


def test_limits_of_a_member() -> None:
    free = make()
    assert not eligibility.needs_member_counts(free)
    assert eligibility.member_limit(free, 10**6, 10**6) is None
    twice = make(limits={"perMember": 2})
    assert eligibility.needs_member_counts(twice)
    assert eligibility.member_limit(twice, 1, 1) is None
    assert eligibility.member_limit(twice, 2, 0)


def test_limits_of_a_period_roll() -> None:
    weekly = make(limits={"perMemberPeriod": {"count": 1, "days": 7}})
    assert eligibility.needs_member_counts(weekly)
    assert eligibility.period_start(weekly, MONDAY) == MONDAY - timedelta(days=7)
    assert eligibility.member_limit(weekly, 5, 0) is None
    assert eligibility.member_limit(weekly, 5, 1)
