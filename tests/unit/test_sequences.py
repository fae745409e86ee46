"""Every sequence of up to four attempts, held against the provider's hidden truth."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.hidden_truth import (
    AT,
    EVERY_SETTING,
    LAPSED,
    LONGEST,
    Settings,
    aftermath,
    begin,
    says,
    traces,
)

from guerdon.providers import outcomes
from guerdon.providers.outcomes import Decision, Judgement
from guerdon.transactions.states import Status


@pytest.mark.parametrize("settings", EVERY_SETTING, ids=str)
def test_no_sequence_loses_tokens_or_gives_two_rewards(settings: Settings) -> None:
    count, ends = 0, set()
    for world in traces(settings):
        count += 1
        # What comes afterwards depends on how things stand, not on the way there.
        if world.standing not in ends:
            ends.add(world.standing)
            aftermath(world)
        assert world.violations == [], world.path
    assert count > 100
    assert len(ends) > 5


def test_four_attempts_are_reached_and_every_end_is_met() -> None:
    reached = {
        (world.t.status, 0 if world.debt is None else world.debt.attempts)
        for confirmation in ("reply", "callback")
        for world in traces(Settings(False, "refund", confirmation, "json", 0))
    }
    assert {status for status, _ in reached} == set(Status)
    assert max(attempts for _, attempts in reached) == LONGEST


Policy = Callable[..., Decision]
_real_decide = outcomes.decide


def _time_out_means_failure(judged: Judgement, **settings: Any) -> Decision:
    if judged.evidence == "U":
        return Decision(news="failed")
    return _real_decide(judged, **settings)


def _at_least_once_then_refund(judged: Judgement, **settings: Any) -> Decision:
    if judged.evidence in "NU":
        tries = settings["attempts_after_n"]
        as_n = Judgement("N", "r", "s")
        return _real_decide(as_n, **{**settings, "dirty": False, "attempts_after_n": tries})
    return _real_decide(judged, **settings)


def _trust_the_last_answer(judged: Judgement, **settings: Any) -> Decision:
    return _real_decide(judged, **{**settings, "dirty": False, "bare4xx": "refund"})


@pytest.mark.parametrize(
    ("policy", "harm"),
    [
        (_time_out_means_failure, "refunded by machine, and the reward was given"),
        (_at_least_once_then_refund, "two rewards"),
        (_at_least_once_then_refund, "refunded by machine, and the reward was given"),
        (_trust_the_last_answer, "refunded by machine, and the reward was given"),
    ],
)
def test_the_model_sees_what_simpler_policies_do(
    policy: Policy, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "decide", policy)
    idempotent = policy is _trust_the_last_answer
    settings = Settings(idempotent, "hold", "reply", "json", 3)
    assert any(harm in world.violations for world in traces(settings))


def test_a_reply_that_outlived_its_lease_ends_the_attempt_queued_after_it() -> None:
    world = begin(Settings(True, "hold", "reply", "json", 0))
    world.truth, world.rewards = "given", 1
    world.hear(world.ended(1, LAPSED))
    assert world.debt is not None
    assert world.debt.state == "queued"
    world.hear(world.ended(1, says("success")))
    assert (world.t.status, world.debt) == (Status.SUCCESS, None)


def test_an_acknowledgement_that_outlived_its_lease_ends_the_attempt_queued_after_it() -> None:
    world = begin(Settings(True, "hold", "callback", "json", 0))
    world.hear(world.ended(1, LAPSED))
    world.hear(world.ended(1, says("success")))
    assert (world.t.status, world.debt) == (Status.PENDING, None)
    assert world.t.open_reason == "acknowledged"
    assert world.t.due_at == AT + timedelta(hours=24)
