"""Scenarios about all that was exchanged: what must hold for every answer."""

from collections.abc import Callable

from guerdon.conformance.sender import Exchange
from guerdon.conformance.trial import Fails, Trial


def _every(trial: Trial, wrong: Callable[[Exchange], str | None]) -> Exchange | None:
    answered = [one for one in trial.sender.exchanges if not one.cut_here]
    for one in answered:
        said = wrong(one)
        if said is not None:
            raise Fails(said, one)
    return None


async def in_time(trial: Trial) -> Exchange | None:
    """Every answer came whole before the deadline."""
    deadline = trial.sender.plan.timeout_seconds

    def late(one: Exchange) -> str | None:
        timed_out = one.seen.trouble == "timed-out" or (
            not one.seen.whole and one.seconds >= deadline
        )
        return f"No whole answer within {deadline:g} s." if timed_out else None

    return _every(trial, late)


async def whole_answers(trial: Trial) -> Exchange | None:
    """No connection broke, and no answer was cut."""

    def cut(one: Exchange) -> str | None:
        broke = one.seen.trouble == "broken" or (
            not one.seen.whole
            and not one.too_large
            and one.seconds < trial.sender.plan.timeout_seconds
        )
        return "The answer was cut, or the connection broke." if broke else None

    return _every(trial, cut)


async def small_answers(trial: Trial) -> Exchange | None:
    """No answer was larger than is read."""
    return _every(trial, lambda one: one.in_words() if one.too_large else None)


async def no_server_errors(trial: Trial) -> Exchange | None:
    """No answer was a 5xx: after one, nobody knows whether there was a reward."""
    return _every(trial, lambda one: one.in_words() if (one.seen.status or 0) >= 500 else None)


async def no_redirects(trial: Trial) -> Exchange | None:
    """No answer was a redirect."""
    return _every(trial, lambda one: one.in_words() if one.judged.rule == "redirect" else None)


async def spelling(trial: Trial) -> Exchange | None:
    """A status in an answer is one of the four, to the letter."""
    return _every(
        trial, lambda one: one.in_words() if one.judged.rule == "misspelt-status" else None
    )


async def own_id(trial: Trial) -> Exchange | None:
    """An ID in an answer is the message's."""
    return _every(
        trial, lambda one: one.in_words() if one.judged.rule == "other-transaction" else None
    )
