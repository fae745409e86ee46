"""Problem documents: every refusal has its status, and tells nothing but what it is for."""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import pytest

from guerdon import errors
from guerdon.errors import GuerdonError
from guerdon.sealing import SealBroken
from guerdon.web import problems

STATUSES = {
    400: ["malformed-request"],
    401: ["unauthenticated"],
    403: ["not-permitted"],
    404: ["not-found", "option-not-found", "member-not-found", "transaction-not-found"],
    405: ["method-not-allowed"],
    409: [
        *("insufficient-tokens", "option-unavailable", "limit-reached", "not-eligible"),
        *("member-frozen", "price-changed", "already-final", "sending", "not-open"),
        "open-transactions",
    ],
    410: ["member-erased"],
    412: ["precondition-failed"],
    413: ["too-large"],
    415: ["unsupported-media-type"],
    422: ["invalid-request", "idempotency-key-reused", "webhook-id-reused"],
    429: ["too-many-requests"],
    500: ["internal"],
    503: ["provider-unavailable", "unavailable"],
}


def every_error(kind: type[GuerdonError] = GuerdonError) -> Iterator[type[GuerdonError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from every_error(below)


@pytest.mark.parametrize(
    ("code", "status"), [(code, status) for status, codes in STATUSES.items() for code in codes]
)
def test_each_code_has_the_status_of_the_wire(code: str, status: int) -> None:
    assert problems.STATUS_BY_CODE[code] == status


@pytest.mark.parametrize("kind", sorted(set(every_error()), key=lambda kind: kind.__name__))
def test_every_error_has_a_status(kind: type[GuerdonError]) -> None:
    answer = problems.response(kind("A sentence."), "id-1")
    assert answer.status_code == problems.STATUS_BY_CODE[kind.code]


def test_no_code_is_anyones_but_its_own() -> None:
    # Those of other files stop the command or are defects; they reach no door by a code of theirs.
    kinds = [kind for kind in every_error() if kind.__module__ == errors.__name__]
    codes = [kind.code for kind in kinds if "code" in kind.__dict__]
    assert sorted(codes) == sorted(set(problems.STATUS_BY_CODE))
    assert SealBroken.code == errors.InvariantBroken.code == "internal"


def test_a_problem_is_a_problem_document() -> None:
    error = errors.InsufficientTokens("This takes 2.", available=1, required=2)
    answer = problems.response(error, "id-1")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert msgspec.json.decode(answer.body) == {
        "type": "https://guerdon.dev/problems/insufficient-tokens",
        "title": "Insufficient tokens",
        "status": 409,
        "code": "insufficient-tokens",
        "detail": "This takes 2.",
        "requestId": "id-1",
        "available": 1,
        "required": 2,
    }


def test_the_status_of_a_transaction_does_not_hide_the_status_of_the_answer() -> None:
    at = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
    error = errors.AlreadyFinal("No.", currentStatus="success", closedAt=at, closedBy="provider")
    told = msgspec.json.decode(problems.response(error, "id-1").body)
    assert (told["status"], told["currentStatus"]) == (409, "success")
    assert (told["closedAt"], told["closedBy"]) == ("2026-11-22T09:30:00Z", "provider")


@pytest.mark.parametrize(
    ("error", "header", "value"),
    [
        (errors.ProviderUnavailable("Down.", retryAfter=5), "retry-after", "5"),
        (errors.TooManyRequests("Slower.", retryAfter=0), "retry-after", "0"),
        (errors.Unauthenticated("Who?"), "www-authenticate", "Bearer"),
        (errors.MethodNotAllowed("No.", allow="GET, PUT"), "allow", "GET, PUT"),
    ],
)
def test_headers_that_belong_to_a_problem(error: GuerdonError, header: str, value: str) -> None:
    assert problems.response(error, "id-1").headers[header] == value


def test_headers_are_not_where_they_do_not_belong() -> None:
    answer = problems.response(errors.NotFound("Nothing."), "id-1")
    assert not {"retry-after", "www-authenticate", "allow"} & set(answer.headers)
