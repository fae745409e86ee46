"""The classifier against the specification's table: every code, every kind of body, both dialects.

What is expected is written here from the words of the specification, in its order, and shares
nothing with the code it judges.
"""

import json
from collections.abc import Iterator
from itertools import product
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.providers import outcomes
from guerdon.providers.outcomes import Decision, Judgement, Observation, Trouble

OURS = "0198a3f0-0000-8abc-8000-000000000002"
OTHER = "0198a3f0-0000-8abc-8000-000000000004"
DIALECTS: tuple[outcomes.Dialect, ...] = ("status-code", "json")
CODES = [*range(100, 600), -1, 0, 1, 99, 600, 700, 999, 1000, 10**9]

FOUR = {"success": "S", "failure": "F", "postponed": "P", "recoverable-failure": "U"}
MISSPELT = [
    *("failed", "error", "rejected", "declined", "FAILED", "Error", " declined\n"),
    *("Success", "SUCCESS", "Failure", "POSTPONED", "Recoverable-Failure", " success", "success "),
]
BARE = [400, 401, 403, 404, 405, 410, 413, 414, 415, 421, 422, 426, 431, 451]


def text(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def business(status: str) -> list[bytes]:
    """Bodies that say ``status``, with everything that must not make them say less."""
    return [
        text(status=status),
        text(status=status, transactionId=OURS),
        text(status=status, transactionId=None),
        text(status=status, message="m" * 5000, reference="r" * 5000),
        text(status=status, message=17, reference=["not", "text"]),
        text(status=status, other={"status": "failure"}, list=[1, 2.5, None, True]),
        text(status=status, message="a\x00b", reference="\ud800c"),
        b" \r\n" + text(status=status) + b"\n",
    ]


BODIES: dict[str, list[bytes]] = {
    **{f"says {status}": business(status) for status in FOUR},
    "another transaction": [
        text(status=status, transactionId=claimed)
        for status in FOUR
        for claimed in (OTHER, "", OURS.upper(), 7, [OURS])
    ],
    "misspelt": [text(status=word) for word in MISSPELT],
    "decides nothing": [
        b" ",
        b"OK",
        b"<html><body>success</body></html>",
        b'"success"',
        b"null",
        b"200",
        b'[{"status": "success"}]',
        text(),
        text(status="done"),
        text(status="ok"),
        text(status=None),
        text(status=True),
        text(status=["success"]),
        text(Status="success"),
        text(result={"status": "success"}),
        text(transactionId=OTHER),
        b'{"status": "success"',
        b'{"status": "success"} {}',
        b'{"status": "success", "status": "success"}',
        b'{"status": "success", "a": {"b": 1, "b": 1}}',
        b'{"status": "success", "a": NaN}',
        b'{"status": "success", "a": 1e999}',
        b'{"status": "success", "a": ' + b"9" * 5000 + b"}",
        b'{"status": "success", "a": ' + b"[" * 40 + b"]" * 40 + b"}",
        b"[" * 100_000,
        b"\xef\xbb\xbf" + text(status="success"),
        text(status="success")[:-1] + b', "a": "\xff"}',
        text(status="success").decode().encode("utf-16"),
        b"\x00" * 100,
    ],
    "nothing": [b""],
}


def expected(code: int, kind: str, dialect: str) -> str:
    """The class of a whole answer, by the specification."""
    if code < 200 or code > 599 or 300 <= code <= 399:
        return "U"
    if kind.startswith("says "):
        return FOUR[kind.removeprefix("says ")]
    if kind == "another transaction":
        return "U"
    if code == 202 and kind == "nothing":
        return "P"
    if code < 300:
        if dialect == "json" or kind == "misspelt":
            return "U"
        return {200: "S", 201: "P", 202: "P"}.get(code, "U")
    if code in (408, 425, 429):
        return "N"
    return "R" if code in BARE else "U"


def answers() -> Iterator[tuple[int, str, bytes, outcomes.Dialect]]:
    for code, dialect in product(CODES, DIALECTS):
        for kind, bodies in BODIES.items():
            for body in bodies:
                # Deep and long ones cost time and are judged alike under every code of a class.
                if len(body) < 10_000 or code in (200, 202, 400, 429, 500):
                    yield code, kind, body, dialect


def test_every_code_with_every_body_in_both_dialects() -> None:
    wrong = []
    count = 0
    for code, kind, body, dialect in answers():
        judged = outcomes.classify(Observation(status=code, body=body), dialect, OURS)
        count += 1
        if judged.evidence != expected(code, kind, dialect):
            wrong.append((code, kind, body[:60], dialect, judged.evidence))
    assert count > 70_000
    assert wrong == []


def test_an_answer_that_is_not_whole_settles_nothing() -> None:
    for code, dialect in product(CODES, DIALECTS):
        for bodies in BODIES.values():
            seen = Observation(status=code, body=bodies[0], whole=False)
            assert outcomes.classify(seen, dialect, OURS).evidence == "U"


@pytest.mark.parametrize(
    ("trouble", "evidence"),
    [
        ("no-such-host", "N"),
        ("blocked-address", "N"),
        ("unusable-url", "N"),
        ("dns", "N"),
        ("connect", "N"),
        ("tls", "N"),
        ("unsent", "N"),
        ("broken", "U"),
        ("timed-out", "U"),
        ("lease-ran-out", "U"),
    ],
)
def test_trouble_without_an_answer(trouble: Trouble, evidence: str) -> None:
    for dialect in DIALECTS:
        seen = Observation(trouble=trouble, status=200, body=text(status="success"))
        assert outcomes.classify(seen, dialect, OURS).evidence == evidence


def test_every_trouble_is_judged() -> None:
    for trouble in get_args(Trouble):
        assert outcomes.classify(Observation(trouble=trouble), "json", OURS).evidence in "NU"


def test_what_raises_an_alarm() -> None:
    for code, kind, body, dialect in answers():
        judged = outcomes.classify(Observation(status=code, body=body), dialect, OURS)
        decides = 200 <= code <= 299 or 400 <= code <= 599
        alarming = (
            300 <= code <= 399
            or (kind == "another transaction" and decides)
            or (kind == "misspelt" and dialect == "status-code" and 200 <= code <= 299)
            or (code in (401, 403, 410) and not kind.startswith("says "))
        )
        assert judged.alarm is alarming, (code, kind, body[:60], dialect)


def test_what_pauses_the_provider_at_once() -> None:
    for code, kind, body, dialect in answers():
        judged = outcomes.classify(Observation(status=code, body=body), dialect, OURS)
        bare = not kind.startswith("says ") and kind != "another transaction"
        assert (judged.pause_because is not None) is (code in (401, 403, 410) and bare)


def test_configuration_troubles_pause_and_alarm_and_no_others_do() -> None:
    for trouble in get_args(Trouble):
        judged = outcomes.classify(Observation(trouble=trouble), "json", OURS)
        ours = trouble in ("no-such-host", "blocked-address", "unusable-url")
        assert (judged.configuration, judged.alarm, judged.pause_because is not None) == (ours,) * 3


def test_messages_and_references_are_clipped_or_dropped() -> None:
    long = text(status="success", message="m" * 501, reference="r" * 129)
    judged = outcomes.classify(Observation(status=200, body=long), "json", OURS)
    assert (judged.message, judged.reference) == ("m" * 500, "r" * 128)
    odd = text(status="failure", message={"a": 1}, reference=7)
    judged = outcomes.classify(Observation(status=200, body=odd), "json", OURS)
    assert (judged.evidence, judged.message, judged.reference) == ("F", None, None)


@pytest.mark.parametrize(
    ("code", "given", "kept"),
    [
        (429, 7, 7),
        (429, 86_400, 86_400),
        (429, 86_401, 86_400),
        (429, 10**9, 86_400),
        (429, None, None),
        (503, 120, 120),
        (503, 10**9, 86_400),
        (500, 120, None),
        (408, 120, None),
        (400, 120, None),
        (200, 120, None),
    ],
)
def test_retry_after_counts_for_429_and_503_and_at_most_a_day(
    code: int, given: int | None, kept: int | None
) -> None:
    seen = Observation(status=code, retry_after=given)
    assert outcomes.classify(seen, "json", OURS).retry_after == kept


observations = st.builds(
    Observation,
    trouble=st.none() | st.sampled_from(get_args(Trouble)),
    status=st.none() | st.integers(-(10**6), 10**6) | st.integers(100, 599),
    body=st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ).map(lambda value: json.dumps(value).encode())
    | st.dictionaries(
        st.sampled_from(["status", "message", "reference", "transactionId"]),
        st.sampled_from([*FOUR, *MISSPELT, OURS, OTHER, None, 1, [], {}]),
    ).map(lambda value: json.dumps(value).encode()),
    whole=st.booleans(),
    retry_after=st.none() | st.integers(),
    sent=st.booleans(),
)


@given(observations, st.sampled_from(DIALECTS), st.text(max_size=40))
def test_the_classifier_is_total(
    seen: Observation, dialect: outcomes.Dialect, transaction_id: str
) -> None:
    judged = outcomes.classify(seen, dialect, transaction_id)
    assert judged.evidence in tuple("NRFPSU")
    assert judged.rule
    assert judged.sentence
    # Only words can turn an answer that is not 200 into a success.
    if judged.evidence == "S" and seen.status != 200:
        assert json.loads(seen.body)["status"] == "success"
    if not seen.whole and seen.trouble is None:
        assert judged.evidence == "U"


@given(observations, st.text(max_size=40))
def test_enquiries_are_total_and_believe_only_whole_answers(
    seen: Observation, transaction_id: str
) -> None:
    judged = outcomes.enquiry_answer(seen, transaction_id)
    if judged is not None:
        assert (seen.status, seen.whole) == (200, True)
        assert json.loads(seen.body)["transactionId"] == transaction_id


@pytest.mark.parametrize("status", FOUR)
def test_an_enquiry_is_answered_by_a_200_with_a_status_and_our_id(status: str) -> None:
    body = text(status=status, transactionId=OURS)
    judged = outcomes.enquiry_answer(Observation(status=200, body=body), OURS)
    assert judged is not None
    assert judged.evidence == FOUR[status]


@pytest.mark.parametrize(
    "seen",
    [
        Observation(status=200),
        Observation(status=200, body=text(status="success")),
        Observation(status=200, body=text(status="success", transactionId=OTHER)),
        Observation(status=200, body=text(status="done", transactionId=OURS)),
        Observation(status=200, body=text(status="failed", transactionId=OURS)),
        Observation(status=200, body=text(status="success", transactionId=OURS), whole=False),
        Observation(status=201, body=text(status="success", transactionId=OURS)),
        Observation(status=404, body=text(status="failure", transactionId=OURS)),
        Observation(trouble="connect", sent=False),
    ],
)
def test_nothing_else_answers_an_enquiry(seen: Observation) -> None:
    assert outcomes.enquiry_answer(seen, OURS) is None


AFTER_N = [1, 5, 30, 120, 600]
AFTER_U = [5, 30, 120, 600, 1800]


def judgement(evidence: outcomes.Evidence, rule: str = "r", **more: Any) -> Judgement:
    return Judgement(evidence, rule, "why", **more)


def what_follows(judged: Judgement, **settings: Any) -> Decision:
    usual: dict[str, Any] = {
        "dirty": judged.evidence == "U",
        "idempotent": False,
        "bare4xx": "hold",
        "confirmation": "reply",
        "attempts_after_n": 0,
        "attempts_after_u": 0,
    }
    return outcomes.decide(judged, **{**usual, **settings})


def expected_decision(
    evidence: str, dirty: bool, idempotent: bool, bare4xx: str, confirmation: str, tries: int
) -> Decision:
    """What the specification says follows a class, where no rule of its own applies."""
    if evidence == "S":
        return Decision() if confirmation == "callback" else Decision(news="succeeded")
    if evidence == "P":
        return Decision(news="postponed")
    if evidence == "F":
        return Decision(news="unknown" if dirty and not idempotent else "failed")
    if evidence == "R":
        return Decision(news="failed" if bare4xx == "refund" and not dirty else "unknown")
    if evidence == "N":
        if tries < 5:
            return Decision(retry_after=AFTER_N[tries])
        return Decision(news="unknown" if dirty else "failed")
    if idempotent and tries < 5:
        return Decision(retry_after=AFTER_U[tries])
    return Decision(news="unknown")


def test_every_decision() -> None:
    settings = product(
        "NRFPSU", (False, True), (False, True), ("hold", "refund"), ("reply", "callback"), range(8)
    )
    for evidence, dirty, idempotent, bare4xx, confirmation, tries in settings:
        if evidence == "U" and not dirty:
            continue  # an unknown attempt is what makes a transaction dirty
        decision = outcomes.decide(
            judgement(evidence),  # type: ignore[arg-type]
            dirty=dirty,
            idempotent=idempotent,
            bare4xx=bare4xx,
            confirmation=confirmation,
            attempts_after_n=tries if evidence == "N" else 0,
            attempts_after_u=tries if evidence == "U" else 0,
        )
        assert decision == expected_decision(
            evidence, dirty, idempotent, bare4xx, confirmation, tries
        ), (evidence, dirty, idempotent, bare4xx, confirmation, tries)


def test_wrong_configuration_returns_the_tokens_at_once_unless_dirty() -> None:
    for trouble in ("no-such-host", "blocked-address", "unusable-url"):
        judged = outcomes.classify(Observation(trouble=trouble), "json", OURS)
        assert what_follows(judged) == Decision(news="failed")
        assert what_follows(judged, dirty=True) == Decision(news="unknown")


def test_a_tls_failure_is_tried_again_once() -> None:
    judged = outcomes.classify(Observation(trouble="tls"), "json", OURS)
    assert what_follows(judged) == Decision(retry_after=1)
    assert what_follows(judged, attempts_after_n=1) == Decision(news="failed")


def test_the_providers_own_unknown_and_another_transactions_id_are_never_sent_again() -> None:
    for body in (text(status="recoverable-failure"), text(status="success", transactionId=OTHER)):
        judged = outcomes.classify(Observation(status=200, body=body), "json", OURS)
        assert what_follows(judged, idempotent=True) == Decision(news="unknown")


def test_retry_after_makes_a_wait_longer_and_never_shorter() -> None:
    for code, settings in ((429, {}), (503, {"idempotent": True})):
        schedule = AFTER_N if code == 429 else AFTER_U
        for tries, given_after in product(range(5), (0, 3, 60, 4000, 10**9)):
            seen = Observation(status=code, retry_after=given_after)
            decision = what_follows(
                outcomes.classify(seen, "json", OURS),
                attempts_after_n=tries,
                attempts_after_u=tries,
                **settings,
            )
            assert decision.retry_after == max(schedule[tries], min(given_after, 86_400))


def test_what_cannot_be_stored_is_taken_out_of_a_message() -> None:
    body = text(status="failure", message="a\x00b\ud800c", reference="\x00")
    judgement = outcomes.classify(Observation(status=200, body=body), "status-code", OURS)
    assert (judgement.evidence, judgement.message, judgement.reference) == ("F", "abc", "")
