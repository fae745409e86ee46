"""One place up or down: what changes so that the order is the one that was asked for."""

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from guerdon.console.option_list import moved
from guerdon.options import definition
from guerdon.options.model import Option


def make(number: int, order: int) -> Option:
    body = {"type": "digital", "title": "-", "price": 1, "providerId": str(UUID(int=7))}
    at = datetime(2026, 1, 5, tzinfo=UTC)
    return definition.new("1", UUID(int=number), at, {**body, "order": order})


@given(st.lists(st.integers(-2, 2), min_size=1, max_size=7), st.data())
def test_the_two_change_places_and_nobody_else(orders: list[int], data: st.DataObject) -> None:
    made = [make(number + 1, order) for number, order in enumerate(orders)]
    listed = sorted(made, key=lambda option: (option.order, option.name))
    at = data.draw(st.integers(0, len(listed) - 1))
    by = data.draw(st.sampled_from([-1, 1]))
    wanted = [option.name for option in listed]
    if 0 <= at + by < len(listed):
        wanted[at], wanted[at + by] = wanted[at + by], wanted[at]
    changed = {option.name: order for option, order in moved(listed, listed[at].name, by)}
    now = [(changed.get(option.name, option.order), option.name) for option in listed]
    assert [name for _, name in sorted(now)] == wanted


def test_two_that_differ_only_swap() -> None:
    listed = [make(1, 1), make(2, 5), make(3, 9)]
    assert moved(listed, UUID(int=2), -1) == [(listed[1], 1), (listed[0], 5)]
