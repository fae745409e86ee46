"""The Python client's exchanges without a network: what is sent again, when, and what is raised."""

import dataclasses
import inspect
import re
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from guerdon.web.problems import STATUS_BY_CODE
from guerdon_client import Retries, calls, errors, reading
from guerdon_client.calls import Call
from guerdon_client.exchange import Outcome, Send, Wait, exchange

GET = calls.getting("/v1/members/ada", lambda response: reading.parsed(response.content))
KEYED = calls.keyed("/v1/redemptions", GET.read, {"userId": "ada"}, "a-key")
ONCE = calls.posting("/v1/transactions/t/confirm", GET.read, {})
ASKED = httpx.Request("GET", "http://guerdon.test/")
REFUSED = httpx.ConnectError("refused")
LOST = httpx.ReadError("reset")


def said(status: int, code: str | None = None, **headers: str) -> httpx.Response:
    """An answer: a problem document of Guerdon's where a code is given, else a gateway's page."""
    if code is None:
        return httpx.Response(status, text="<html>", headers=headers, request=ASKED)
    problem = {"code": code, "detail": "So it is.", "requestId": "r", "held": 5}
    return httpx.Response(status, json=problem, headers=headers, request=ASKED)


OK = httpx.Response(200, json={"fine": True}, request=ASKED)
USUAL = Retries()


@dataclasses.dataclass
class Driven:
    """What an exchange did, and how it ended."""

    sent: int
    waits: list[float]
    result: Any = None
    error: errors.GuerdonError | None = None


def drive(
    call: Call[Any], outcomes: Sequence[Outcome], retries: Retries = USUAL, took: float = 0.0
) -> Driven:
    """Drives an exchange with these outcomes; each attempt takes ``took`` seconds."""
    now, driven = 0.0, Driven(0, [])
    steps = exchange(call, retries, clock=lambda: now, chance=lambda: 0.0)
    left, outcome = list(outcomes), None
    try:
        while True:
            step = steps.send(outcome)
            if isinstance(step, Wait):
                driven.waits.append(step.seconds)
                now, outcome = now + step.seconds, None
            else:
                assert step == Send(call), "the same call, the same key, the same bytes"
                driven.sent += 1
                now, outcome = now + took, left.pop(0)
    except StopIteration as end:
        driven.result = end.value
    except errors.GuerdonError as error:
        driven.error = error
    assert not left, "all that was foreseen came"
    assert driven.error is None or driven.error.idempotency_key == call.key
    return driven


@pytest.mark.parametrize(
    ("outcome", "kind", "again"),
    [
        (REFUSED, errors.Unreachable, {"get", "keyed", "once"}),
        (httpx.ConnectTimeout("slow"), errors.Unreachable, {"get", "keyed", "once"}),
        (httpx.PoolTimeout("busy"), errors.Unreachable, {"get", "keyed", "once"}),
        (LOST, errors.AnswerLost, {"get", "keyed"}),
        (httpx.ReadTimeout("slow"), errors.AnswerLost, {"get", "keyed"}),
        (httpx.WriteError("reset"), errors.AnswerLost, {"get", "keyed"}),
        (httpx.RemoteProtocolError("cut"), errors.AnswerLost, {"get", "keyed"}),
        (said(502), errors.AnswerLost, {"get", "keyed"}),
        (said(503), errors.AnswerLost, {"get", "keyed"}),
        (said(504), errors.AnswerLost, {"get", "keyed"}),
        (said(503, "unavailable"), errors.Unavailable, {"get", "keyed"}),
        (said(503, "provider-unavailable"), errors.ProviderUnavailable, {"get", "keyed"}),
        (said(429, "too-many-requests"), errors.TooManyRequests, {"get", "keyed", "once"}),
        (said(429), errors.TooManyRequests, {"get", "keyed", "once"}),
        (said(500, "internal"), errors.Refused, set()),
        (said(500), errors.UnexpectedAnswer, set()),
        (said(302), errors.UnexpectedAnswer, set()),
        (said(404), errors.UnexpectedAnswer, set()),
        (said(409, "insufficient-tokens"), errors.InsufficientTokens, set()),
        (said(409, "of-a-later-release"), errors.Conflict, set()),
        (said(418, "of-a-later-release"), errors.Refused, set()),
        (httpx.Response(200, text="<html>", request=ASKED), errors.UnexpectedAnswer, set()),
    ],
)
def test_what_is_sent_again(
    outcome: Outcome, kind: type[errors.GuerdonError], again: set[str]
) -> None:
    read = dataclasses.replace
    one = reading.one(calls.Unset)  # type: ignore[arg-type]
    for name, call in (("get", GET), ("keyed", KEYED), ("once", ONCE)):
        reads = GET.read if kind is not errors.UnexpectedAnswer else one
        driven = drive(read(call, read=reads), [outcome], Retries(attempts=1))
        assert type(driven.error) is kind
        if name in again:
            healed = drive(call, [outcome, outcome, OK])
            assert (healed.sent, healed.waits, healed.result) == (3, [0.5, 1.0], {"fine": True})
            given_up = drive(call, [outcome] * 4)
            assert (type(given_up.error), given_up.waits) == (kind, [0.5, 1.0, 2.0])
        else:
            assert drive(read(call, read=reads), [outcome]).sent == 1


def test_retry_after_is_honoured_and_bounded() -> None:
    busy = said(429, "too-many-requests", **{"Retry-After": "7"})
    assert drive(GET, [busy, OK]).waits == [7.0]
    assert drive(GET, [busy, busy, OK], Retries(patience=14)).waits == [7.0, 7.0]
    impatient = drive(GET, [busy], Retries(patience=6))
    assert isinstance(impatient.error, errors.TooManyRequests)
    assert (impatient.error.retry_after, impatient.waits) == (7.0, [])
    # Time that attempts take counts too.
    assert drive(GET, [LOST, LOST], Retries(patience=20), took=10).waits == [0.5]
    past = said(503, "unavailable", **{"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})
    assert drive(GET, [past, OK]).waits == [0.0]
    for strange in ("soon", "-1", "1e3", "²"):
        headers = {"Retry-After": strange.encode()}
        odd = httpx.Response(503, json={"code": "unavailable", "detail": "x"}, headers=headers)
        assert drive(GET, [odd, OK]).waits == [0.5]


def test_chance_only_adds() -> None:
    steps = exchange(GET, Retries(), clock=lambda: 0.0, chance=lambda: 1.0)
    steps.send(None)
    assert steps.send(LOST) == Wait(0.6)


def test_a_key_is_made_once_for_all_attempts_and_fits() -> None:
    one, other = (calls.keyed("/x", GET.read, {}, None).key for _ in range(2))
    assert one is not None
    assert one != other
    assert calls.keyed("/x", GET.read, {}, "mine").all_headers()["Idempotency-Key"] == "mine"
    for wrong in ("", "x" * 256, "ü", "a\nb"):
        with pytest.raises(ValueError, match="printable"):
            calls.keyed("/x", GET.read, {}, wrong)


def test_a_problem_is_told_whole() -> None:
    error = drive(GET, [said(409, "open-transactions")], Retries(attempts=1)).error
    assert isinstance(error, errors.OpenTransactions)
    assert (error.code, error.status, error.detail) == ("open-transactions", 409, "So it is.")
    assert (error.request_id, error.facts, error.errors) == ("r", {"held": 5}, ())
    assert str(error) == "open-transactions: So it is."


def test_every_code_of_guerdon_has_its_error() -> None:
    assert errors.BY_CODE.keys() <= STATUS_BY_CODE.keys()
    for code, status in STATUS_BY_CODE.items():
        made = errors.refusal(errors.Problem(code, status, "x"))
        assert code in errors.BY_CODE or type(made) is errors.BY_STATUS.get(status, errors.Refused)
        expected = errors.BY_STATUS.get(status, errors.Refused)
        assert isinstance(made, expected), "a class for a code is one of its status's"


def test_the_tree_that_is_drawn_is_the_tree() -> None:
    drawn: dict[str, str] = {}
    above: dict[int, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        found = re.fullmatch(r"    ([│├└─ ]*)(\w+)(?: {2,}.*)?", line)
        if found is None:
            continue
        depth = len(found[1]) // 4
        above[depth] = found[2]
        if depth:
            drawn[found[2]] = above[depth - 1]
    actual = {
        name: kind.__bases__[0].__name__
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.GuerdonError) and kind is not errors.GuerdonError
    }
    assert drawn == actual
