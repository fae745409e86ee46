"""How a call is sent, judged and sent again: without input or output, for both kinds of clients.

An exchange is a generator. It yields what is to be done next (:class:`Send` or :class:`Wait`), is
sent what came of it, and returns the result or raises. Whoever drives it does the rest.

| what came                                  | sent again                                     |
|--------------------------------------------|------------------------------------------------|
| no connection                              | always: nothing was sent                       |
| 429                                        | always: it was not looked at                   |
| 503 from Guerdon                           | where it may be repeated                       |
| no whole answer; 502, 503, 504 by a proxy  | where it may be repeated                       |
| any other answer                           | never                                          |

A call may be repeated if it is a GET or a PUT, has an Idempotency-Key or says so. Each repetition
has the same key and the same body.
"""

import json
import random
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias, TypeVar

import httpx

from guerdon_client.calls import Call
from guerdon_client.errors import (
    AnswerLost,
    FieldError,
    GuerdonError,
    Problem,
    Refused,
    TooManyRequests,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
    refusal,
)

T = TypeVar("T")
_FIRST_PAUSE_SECONDS = 0.5
_GATEWAYS = frozenset({502, 503, 504})
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
_STANDARD = frozenset({"type", "title", "status", "code", "detail", "requestId", "errors"})


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a call is sent: at most ``attempts`` times, within ``patience`` seconds.

    The pause between is what ``Retry-After`` asks for, else 0.5 s, then twice that each time; up
    to a fifth is added. Where a pause would outlast the patience, the error is raised at once.
    """

    attempts: int = 4
    patience: float = 30.0


@dataclass(frozen=True, slots=True)
class Send:
    """Send this, then answer the response, or the error that stands for the lack of one."""

    call: Call[Any]


@dataclass(frozen=True, slots=True)
class Wait:
    """Let this many seconds pass."""

    seconds: float


Outcome: TypeAlias = httpx.Response | httpx.RequestError | None
Exchange: TypeAlias = Generator[Send | Wait, Outcome, T]


def exchange(
    call: Call[T],
    retries: Retries,
    *,
    clock: Callable[[], float] = time.monotonic,
    chance: Callable[[], float] = random.random,
) -> Exchange[T]:
    """One call to its end: returns what its answer reads as, or raises a ``GuerdonError``."""
    patient_until = clock() + retries.patience
    sent = 0
    while True:
        outcome = yield Send(call)
        sent += 1
        try:
            return _judged(call, outcome)
        except GuerdonError as error:
            error.idempotency_key = call.key
            pause = _pause(error, sent) * (1 + chance() / 5)
            again = _may_repeat(call, error) and sent < retries.attempts
            if not again or clock() + pause > patient_until:
                raise
        yield Wait(pause)


def _judged(call: Call[T], outcome: Outcome) -> T:
    if isinstance(outcome, _NEVER_SENT):
        raise Unreachable(f"No connection could be made: {outcome}.") from outcome
    if not isinstance(outcome, httpx.Response):
        raise AnswerLost(
            f"It was sent, and no whole answer came: {outcome!r}. It may have happened."
        ) from outcome
    if outcome.is_success:
        return call.read(outcome)
    problem = _problem(outcome)
    if problem is not None:
        raise refusal(problem)
    if outcome.status_code in _GATEWAYS:
        raise AnswerLost(f"A gateway answered {outcome.status_code}. It may have happened.")
    if outcome.status_code == 429:
        raise TooManyRequests(
            Problem("too-many-requests", 429, "A gateway said so.", retry_after=_after(outcome))
        )
    raise UnexpectedAnswer(f"{outcome.status_code} came, without a problem document of Guerdon's.")


def _problem(response: httpx.Response) -> Problem | None:
    """The problem document of an answer, if it is one of Guerdon's."""
    try:
        told = json.loads(response.content)
        return Problem(
            code=str(told["code"]),
            status=response.status_code,
            detail=str(told["detail"]),
            request_id=told.get("requestId"),
            errors=tuple(
                FieldError(str(one["pointer"]), str(one["detail"]))
                for one in told.get("errors", ())
            ),
            facts={name: told[name] for name in told if name not in _STANDARD},
            retry_after=_after(response),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _after(response: httpx.Response) -> float | None:
    """The seconds that ``Retry-After`` asks for; it may also be a date."""
    asked = response.headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdigit():
        return float(asked)
    try:
        moment = parsedate_to_datetime(asked)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _pause(error: GuerdonError, sent: int) -> float:
    asked = error.retry_after if isinstance(error, Refused) else None
    return _FIRST_PAUSE_SECONDS * 2 ** (sent - 1) if asked is None else asked


def _may_repeat(call: Call[Any], error: GuerdonError) -> bool:
    if isinstance(error, Unreachable | TooManyRequests):
        return True
    return call.repeatable and isinstance(error, AnswerLost | Unavailable)
