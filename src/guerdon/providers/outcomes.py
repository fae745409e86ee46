"""From what was observed to what is done: a pure and total classifier.

The question is never "did the request fail" but "could the reward have been given".

    N   not processed, provably: no request byte left, or the answer says so
    R   a bare refusal: 4xx without a business answer
    F   an explicit business failure
    P   postponed
    S   succeeded
    U   unknown: bytes were sent, and what came back does not settle it

:func:`classify` judges one observation; :func:`decide` says what follows, given what came before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from guerdon import strict_json
from guerdon.errors import MalformedRequest

Evidence = Literal["N", "R", "F", "P", "S", "U"]
Dialect = Literal["status-code", "json"]
# What a reply means for a transaction; the words of ``transactions/states.py``.
NewsWord = Literal["postponed", "succeeded", "failed", "unknown"]

SCHEDULE_AFTER_N = (1, 5, 30, 120, 600)
SCHEDULE_AFTER_U = (5, 30, 120, 600, 1800)
LONGEST_RETRY_AFTER = 86_400

Trouble = Literal[
    "no-such-host",
    "blocked-address",
    "unusable-url",
    "dns",
    "connect",
    "tls",
    "unsent",
    "broken",
    "timed-out",
    "lease-ran-out",
]


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen of one attempt.

    Either ``trouble`` names why there is no whole answer, or ``status`` is its code. ``sent``:
    a request byte may have left. ``body`` is what arrived; ``whole`` says that it is all of it
    (not cut, not late, not past 64 KiB). ``retry_after`` in seconds, from the header.
    """

    trouble: Trouble | None = None
    status: int | None = None
    body: bytes = b""
    whole: bool = True
    retry_after: int | None = None
    sent: bool = True
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an observation means, by which rule, in words; ``alarm``: people should look."""

    evidence: Evidence
    rule: str
    sentence: str
    message: str | None = None
    reference: str | None = None
    retry_after: int | None = None
    pause_because: str | None = None
    alarm: bool = False
    configuration: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows: ``retry_after`` seconds (then nothing moves yet), or ``news``.

    Neither: the provider has acknowledged and will call back.
    """

    news: NewsWord | None = None
    retry_after: float | None = None


_BUSINESS: Mapping[str, Evidence] = {
    "success": "S",
    "failure": "F",
    "postponed": "P",
    "recoverable-failure": "U",
}
_MISSPELT = frozenset({"failed", "error", "rejected", "declined", *_BUSINESS})
_BARE = frozenset({400, 401, 403, 404, 405, 410, 413, 414, 415, 421, 422, 426, 431, 451})
_PAUSING = frozenset({401, 403, 410})
_NEVER_RESENT = frozenset({"body-recoverable-failure", "other-transaction"})

_TROUBLES: Mapping[Trouble, Judgement] = {
    "no-such-host": Judgement(
        "N",
        "no-such-host",
        "The host of the webhook URL does not exist; nothing was sent.",
        pause_because="The host of the webhook URL does not exist.",
        alarm=True,
        configuration=True,
    ),
    "blocked-address": Judgement(
        "N",
        "blocked-address",
        "The webhook URL leads to an address that may not be dialled; nothing was sent.",
        pause_because="The webhook URL leads to an address that may not be dialled.",
        alarm=True,
        configuration=True,
    ),
    "unusable-url": Judgement(
        "N",
        "unusable-url",
        "The webhook URL cannot be used; nothing was sent.",
        pause_because="The webhook URL cannot be used.",
        alarm=True,
        configuration=True,
    ),
    "dns": Judgement("N", "dns-trouble", "The host could not be looked up; nothing was sent."),
    "connect": Judgement("N", "no-connection", "No connection came about; nothing was sent."),
    "tls": Judgement("N", "tls-failure", "TLS failed before any request byte; nothing was sent."),
    "unsent": Judgement("N", "not-begun", "The attempt was not begun; nothing was sent."),
    "broken": Judgement(
        "U", "broken", "The connection broke after bytes were sent; delivery is unknown."
    ),
    "timed-out": Judgement(
        "U", "timed-out", "No whole answer before the deadline; delivery is unknown."
    ),
    "lease-ran-out": Judgement(
        "U", "lease-ran-out", "The process ended while sending; delivery is unknown."
    ),
}


def classify(seen: Observation, dialect: Dialect, transaction_id: str) -> Judgement:
    """Judges one observation. Total: every observation has a judgement."""
    if seen.trouble is not None:
        return _TROUBLES[seen.trouble]
    status = seen.status if seen.status is not None else 0
    if not 200 <= status <= 599:
        return Judgement("U", "odd-status", f"{status} is no final HTTP status.")
    if 300 <= status <= 399:
        return Judgement("U", "redirect", f"{status}: redirects are never followed.", alarm=True)
    if not seen.whole:
        return Judgement("U", "cut", f"{status}, but the answer was cut, late or too large.")
    answer = _business_answer(seen.body, transaction_id)
    if answer is not None and not (
        answer.rule == "misspelt-status" and (dialect == "json" or status >= 300)
    ):
        return answer
    if 200 <= status <= 299:
        return _by_success_code(status, seen.body, dialect)
    return _by_error_code(status, seen.retry_after)


def _business_answer(body: bytes, transaction_id: str) -> Judgement | None:
    try:
        # A message with a NUL in it does not make a "failure" unsaid.
        value: Any = strict_json.parse(body, any_text=True)
    except MalformedRequest:
        return None
    if not isinstance(value, dict):
        return None
    status = value.get("status")
    if not isinstance(status, str):
        return None
    evidence = _BUSINESS.get(status)
    if evidence is None:
        if status.strip().lower() in _MISSPELT:
            return Judgement(
                "U",
                "misspelt-status",
                f"The answer's status is none of the four: {status[:40]!r}.",
                alarm=True,
            )
        return None
    claimed = value.get("transactionId")
    if claimed is not None and claimed != transaction_id:
        return Judgement(
            "U", "other-transaction", "The answer names another transaction.", alarm=True
        )
    return Judgement(
        evidence,
        f"body-{status}",
        f"The answer says {status}.",
        message=_clipped(value.get("message"), 500),
        reference=_clipped(value.get("reference"), 128),
    )


def enquiry_answer(seen: Observation, transaction_id: str) -> Judgement | None:
    """What a statusUrl says: only a whole 200 with one of the four statuses and our ID counts."""
    if seen.status != 200 or not seen.whole:
        return None
    answer = _business_answer(seen.body, transaction_id)
    if answer is None or not answer.rule.startswith("body-"):
        return None
    # Here the ID must stand in the answer: a page that always says success answers nobody.
    value = strict_json.parse(seen.body, any_text=True)
    return answer if value.get("transactionId") == transaction_id else None


def _clipped(value: object, length: int) -> str | None:
    """At most ``length`` characters of a text, without what cannot be stored."""
    if not isinstance(value, str):
        return None
    return value.encode("utf-8", "ignore").decode().replace("\x00", "")[:length]


def _by_success_code(status: int, body: bytes, dialect: Dialect) -> Judgement:
    if status == 202 and not body:
        return Judgement("P", "accepted-202", "202 without a body: the provider will decide later.")
    if dialect == "json":
        return Judgement("U", "no-business-answer", f"{status}, but the body does not decide.")
    if status == 200:
        return Judgement("S", "code-200", "200 confirms.")
    if status in (201, 202):
        return Judgement("P", f"code-{status}", f"{status} postpones.")
    return Judgement("U", "other-2xx", f"{status} says neither done nor later.")


def _by_error_code(status: int, retry_after: int | None) -> Judgement:
    clamped = None if retry_after is None else min(retry_after, LONGEST_RETRY_AFTER)
    if status in (408, 425):
        return Judgement("N", f"code-{status}", f"{status}: the provider did not process it.")
    if status == 429:
        return Judgement(
            "N", "code-429", "429: the provider asks to slow down.", retry_after=clamped
        )
    if status in _BARE:
        because = f"The provider answered {status}." if status in _PAUSING else None
        return Judgement(
            "R",
            f"code-{status}",
            f"{status}: a refusal without a business answer.",
            pause_because=because,
            alarm=because is not None,
        )
    if status >= 500:
        after = clamped if status == 503 else None
        return Judgement(
            "U", "code-5xx", f"{status}: the reward may have been given.", retry_after=after
        )
    return Judgement("U", "other-4xx", f"{status} often means: already done.")


def decide(
    judgement: Judgement,
    *,
    dirty: bool,
    idempotent: bool,
    bare4xx: str,
    confirmation: str,
    attempts_after_n: int,
    attempts_after_u: int,
) -> Decision:
    """What follows a judgement.

    ``dirty``: this or an earlier attempt was U. ``attempts_after_…``: how many attempts have
    already been made because of an N, or a U.
    """
    evidence = judgement.evidence
    if evidence == "S":
        return Decision() if confirmation == "callback" else Decision(news="succeeded")
    if evidence == "P":
        return Decision(news="postponed")
    if evidence == "F":
        return Decision(news="failed" if not dirty or idempotent else "unknown")
    if evidence == "R":
        return Decision(news="failed" if bare4xx == "refund" and not dirty else "unknown")
    if evidence == "N":
        return _after_n(judgement, dirty, attempts_after_n)
    if (
        idempotent
        and judgement.rule not in _NEVER_RESENT
        and attempts_after_u < len(SCHEDULE_AFTER_U)
    ):
        return _again(judgement, SCHEDULE_AFTER_U[attempts_after_u])
    return Decision(news="unknown")


def _after_n(judgement: Judgement, dirty: bool, tries: int) -> Decision:
    allowed = 1 if judgement.rule == "tls-failure" else len(SCHEDULE_AFTER_N)
    if not judgement.configuration and tries < allowed:
        return _again(judgement, SCHEDULE_AFTER_N[tries])
    return Decision(news="unknown" if dirty else "failed")


def _again(judgement: Judgement, seconds: int) -> Decision:
    return Decision(retry_after=max(seconds, judgement.retry_after or 0))
