"""The classifier's table as Markdown: asked of the classifier itself, never written by hand.

    python -m guerdon.providers.outcome_table

prints what ``docs/outcomes.md`` holds below its marker; a test fails when the two differ.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import get_args
from uuid import UUID

from guerdon.providers import outcomes
from guerdon.providers.outcomes import Dialect, Judgement, Observation, Trouble

_OURS, _OTHER = str(UUID(int=2)), str(UUID(int=4))
_STATUSES = ("success", "failure", "postponed", "recoverable-failure")
_CODES = range(100, 600)
_DIALECTS: tuple[Dialect, ...] = ("status-code", "json")


def _says(status: str, transaction_id: str = _OURS) -> bytes:
    return json.dumps({"status": status, "transactionId": transaction_id}).encode()


# A title for each kind of body, and one body that stands for it.
_BODIES: dict[str, tuple[bytes, bool]] = {
    **{f"`{status}`": (_says(status), True) for status in _STATUSES},
    "another transaction's": (_says("success", _OTHER), True),
    "misspelt": (_says("Failed"), True),
    "anything else": (b"OK", True),
    "none": (b"", True),
    "cut": (_says("success"), False),
}

# One observation for each row of what follows.
_CLASSES: dict[str, Observation] = {
    "S": Observation(status=200, body=_says("success")),
    "P": Observation(status=200, body=_says("postponed")),
    "F": Observation(status=200, body=_says("failure")),
    "R": Observation(status=400),
    "N": Observation(trouble="connect"),
    "N, TLS": Observation(trouble="tls"),
    "N, configuration": Observation(trouble="no-such-host"),
    "U": Observation(trouble="broken"),
    "U, in the provider's words or about another transaction": Observation(
        status=200, body=_says("recoverable-failure")
    ),
}

# A provider as it is by default, and where one setting differs; clean, or dirty: after an unknown.
_SETTINGS: dict[str, tuple[bool, bool, str, str]] = {
    "clean": (False, False, "hold", "reply"),
    "dirty": (True, False, "hold", "reply"),
    "dirty, `idempotent`": (True, True, "hold", "reply"),
    "clean, `bare4xx: refund`": (False, False, "refund", "reply"),
    "clean, `confirmation: callback`": (False, False, "hold", "callback"),
}


def markdown() -> str:
    """The whole section: codes and bodies, troubles, rules, and what follows each class."""
    parts = [
        "## Whole answers, by code and body",
        "`!` raises an alarm, `‖` also pauses the provider at once.",
    ]
    for dialect in _DIALECTS:
        parts += [f"### Dialect `{dialect}`", _answers(dialect)]
    parts += ["## No whole answer", _troubles(), "## Rules", _rules()]
    parts += ["## What follows", _what_follows()]
    return "\n\n".join(parts) + "\n"


def _answers(dialect: Dialect) -> str:
    def cells(code: int) -> tuple[str, ...]:
        return tuple(
            _short(
                outcomes.classify(Observation(status=code, body=body, whole=whole), dialect, _OURS)
            )
            for body, whole in _BODIES.values()
        )

    groups: dict[tuple[int, tuple[str, ...]], list[int]] = {}
    for code in _CODES:
        groups.setdefault((code // 100, cells(code)), []).append(code)
    rows = ((_ranges(codes), *row) for (_, row), codes in groups.items())
    return _table(("code", *_BODIES), rows)


def _short(judged: Judgement) -> str:
    return judged.evidence + "!" * judged.alarm + "‖" * (judged.pause_because is not None)


def _ranges(codes: Iterable[int]) -> str:
    """``400–401 403``: runs of codes as people write them."""
    runs = groupby(enumerate(codes), key=lambda pair: pair[1] - pair[0])
    spans = [[code for _, code in run] for _, run in runs]
    return " ".join(f"{s[0]}" if len(s) == 1 else f"{s[0]}–{s[-1]}" for s in spans)


def _troubles() -> str:
    judged = [
        (trouble, outcomes.classify(Observation(trouble=trouble), "json", _OURS))
        for trouble in get_args(Trouble)
    ]
    rows = ((f"`{trouble}`", _short(found), found.sentence) for trouble, found in judged)
    return _table(("trouble", "class", "meaning"), rows)


def _rules() -> str:
    """Every rule that an observation can meet, with the sentence that people read."""
    met: dict[str, tuple[str, str]] = {}
    for seen, dialect in _observations():
        judged = outcomes.classify(seen, dialect, _OURS)
        met.setdefault(judged.rule, (_short(judged), judged.sentence))
    return _table(
        ("rule", "class", "for example"),
        ((f"`{rule}`", short, sentence) for rule, (short, sentence) in sorted(met.items())),
    )


def _observations() -> Iterator[tuple[Observation, Dialect]]:
    for dialect in _DIALECTS:
        for trouble in get_args(Trouble):
            yield Observation(trouble=trouble), dialect
        for code in _CODES:
            for body, whole in _BODIES.values():
                yield Observation(status=code, body=body, whole=whole), dialect


def _what_follows() -> str:
    rows = []
    for title, seen in _CLASSES.items():
        judged = outcomes.classify(seen, "json", _OURS)
        rows.append((title, *(_told(judged, *settings) for settings in _SETTINGS.values())))
    return _table(("class", *_SETTINGS), rows)


def _told(judged: Judgement, dirty: bool, idempotent: bool, bare4xx: str, confirmation: str) -> str:
    """``again after 1 s, 5 s, then failed``: what is decided when it happens again and again."""
    waits: list[str] = []
    while True:
        decision = outcomes.decide(
            judged,
            dirty=dirty or judged.evidence == "U",
            idempotent=idempotent,
            bare4xx=bare4xx,
            confirmation=confirmation,
            attempts_after_n=len(waits),
            attempts_after_u=len(waits),
        )
        if decision.retry_after is None:
            break
        waits.append(_spelt(decision.retry_after))
    end = decision.news if decision.news is not None else "acknowledged: a callback decides"
    return f"again after {', '.join(waits)}, then {end}" if waits else end


def _spelt(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(markdown())
