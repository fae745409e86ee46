"""Places on the wire: this process's share of a provider's limits."""

from uuid import UUID

import pytest

from guerdon.outbox.places import Places

ONE, OTHER = UUID(int=1), UUID(int=2)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def places(clock: Clock) -> Places:
    return Places(clock)


def taken(places: Places, most: int, rate: int | None = None, tries: int = 1000) -> int:
    """How many places of ``most`` can be had at once."""
    return sum(places.take(ONE, most, rate) for _ in range(tries))


def test_as_many_as_allowed_and_no_more(places: Places) -> None:
    assert taken(places, 32) == 32
    assert places.in_flight(ONE) == 32
    assert not places.take(ONE, 32, None)


def test_what_is_given_back_can_be_taken_again(places: Places) -> None:
    taken(places, 3)
    places.give_back(ONE)
    assert places.in_flight(ONE) == 2
    assert taken(places, 3) == 1


def test_one_provider_does_not_crowd_another(places: Places) -> None:
    taken(places, 3)
    assert places.in_flight(OTHER) == 0
    assert places.take(OTHER, 3, None)


@pytest.mark.parametrize(("processes", "share"), [(1, 32), (2, 16), (3, 10), (32, 1), (100, 1)])
def test_processes_share_and_each_has_at_least_one(
    places: Places, processes: int, share: int
) -> None:
    places.processes = processes
    assert taken(places, 32) == share


def test_a_limit_that_was_lowered_holds_at_once(places: Places) -> None:
    taken(places, 10)
    assert not places.take(ONE, 5, None)
    for _ in range(6):
        places.give_back(ONE)
    assert taken(places, 5) == 1


def test_the_rate_is_kept_over_any_second(places: Places, clock: Clock) -> None:
    count = 0
    for _ in range(100):
        count += taken(places, 10_000, 10, tries=50)
        clock.now += 0.1
    # One at the start, then ten a second for 9.9 seconds.
    assert count in (99, 100)


def test_an_idle_provider_saves_up_for_one_second_at_most(places: Places, clock: Clock) -> None:
    assert taken(places, 10_000, 10) == 1
    clock.now += 3600
    assert taken(places, 10_000, 10) == 10


def test_a_slow_rate_still_lets_one_go(places: Places, clock: Clock) -> None:
    places.processes = 4
    assert taken(places, 100, 1) == 1
    clock.now += 3.9
    assert taken(places, 100, 1) == 0
    clock.now += 0.1
    assert taken(places, 100, 1) == 1


def test_what_the_rate_refuses_takes_no_place(places: Places) -> None:
    taken(places, 10, 1)
    assert places.in_flight(ONE) == 1


def test_a_full_provider_does_not_use_its_rate_up(places: Places, clock: Clock) -> None:
    assert taken(places, 2, 10) == 1
    clock.now += 1
    assert taken(places, 2, 10) == 1
    places.give_back(ONE)
    assert taken(places, 2, 10) == 1
