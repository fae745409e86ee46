"""When to try again, and when to ask."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.outbox import schedule
from guerdon.providers import client, outcomes


@given(st.floats(0, 86_400), st.floats(0, 1))
def test_jitter_only_adds_and_at_most_a_fifth(seconds: float, fraction: float) -> None:
    # The last digit of a float may be rounded away.
    assert seconds <= schedule.with_jitter(seconds, fraction) <= seconds * 1.2 * (1 + 1e-15)


def test_jitter_uses_all_of_its_range() -> None:
    assert schedule.with_jitter(100, 0) == 100
    assert schedule.with_jitter(100, 0.5) == pytest.approx(110)
    assert schedule.with_jitter(100, 1) == pytest.approx(120)


def test_enquiries_are_made_after_a_minute_ten_an_hour_and_a_day() -> None:
    assert [schedule.next_ask(asked) for asked in range(6)] == [60, 600, 3600, 86_400, None, None]


def test_the_schedules_of_the_specification() -> None:
    assert outcomes.SCHEDULE_AFTER_N == (1, 5, 30, 120, 600)
    assert outcomes.SCHEDULE_AFTER_U == (5, 30, 120, 600, 1800)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0),
        ("120", 120),
        ("999999999", 999_999_999),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("²", None),
        ("١٢", None),
        ("9" * 5000, None),
        ("1" * 10, None),
        ("Thu, 99 Foo 2026 00:00:00 GMT", None),
        ("Thu, 01 Jan 99999 00:00:00 GMT", None),
        ("\x00", None),
    ],
)
def test_retry_after_in_either_form_and_nonsense_is_none(
    header: str | None, seconds: int | None
) -> None:
    assert client._seconds(header) == seconds


@given(st.text(max_size=60) | st.text("0123456789 :,+-GMTJanFeThu", max_size=40))
def test_no_header_makes_it_raise(header: str) -> None:
    seconds = client._seconds(header)
    assert seconds is None or seconds >= 0
