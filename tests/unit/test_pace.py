"""How often somebody may ask."""

from uuid import UUID

import pytest

from guerdon import clock
from guerdon.errors import TooManyRequests
from guerdon.web.pace import Pace

ANN, BOB = UUID(int=1), UUID(int=2)


def test_a_minutes_worth_at_once_and_then_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    pace = Pace()
    for _ in range(6):
        pace.take(ANN, 6)
    with pytest.raises(TooManyRequests) as refused:
        pace.take(ANN, 6)
    assert refused.value.facts["retryAfter"] == 10
    pace.take(BOB, 6)
    now += 9.0
    with pytest.raises(TooManyRequests) as refused:
        pace.take(ANN, 6)
    assert refused.value.facts["retryAfter"] == 1
    now += 1.0
    pace.take(ANN, 6)
    with pytest.raises(TooManyRequests):
        pace.take(ANN, 6)
    now += 3600.0
    for _ in range(6):
        pace.take(ANN, 6)
    with pytest.raises(TooManyRequests):
        pace.take(ANN, 6)


def test_another_limit_counts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "monotonic", lambda: 1000.0)
    pace = Pace()
    pace.take(ANN, 100)
    for _ in range(2):
        pace.take(ANN, 2)
    with pytest.raises(TooManyRequests):
        pace.take(ANN, 2)
