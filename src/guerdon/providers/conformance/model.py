"""What ``guerdon conformance --json`` prints, as far as it is kept with a provider.

A report is the word of whoever gives it: nothing in it can be proved here. It must name the
provider's own address and dialect, and be newer than the provider's last change; what it found is
counted anew and not believed.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from guerdon.fields import PRINTABLE

LONGEST_WORDS = 2000
# What a server said may be quoted whole; it is clipped before it is kept.
Words = Annotated[str, msgspec.Meta(max_length=100_000)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=PRINTABLE)]


class Row(msgspec.Struct, forbid_unknown_fields=True):
    """The row of ``outcomes.md`` that the deciding answer met."""

    rule: Name
    verdict: Name
    meaning: Words


class Scenario(msgspec.Struct, forbid_unknown_fields=True):
    """How one went. ``trace``, what went over the wire, is taken and not kept."""

    name: Name
    title: Name
    result: Literal["pass", "fail", "left-out"]
    detail: Words
    row: Row | None = None
    trace: list[Any] | msgspec.UnsetType = msgspec.UNSET


class Report(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """One run. ``passed`` is what it says of itself; :func:`passed` is what counts."""

    url: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
    dialect: Literal["status-code", "json"]
    ran_at: datetime
    realistic: bool
    passed: bool
    scenarios: Annotated[list[Scenario], msgspec.Meta(min_length=1, max_length=200)]


def bounded(one: Scenario) -> Scenario:
    """As it is kept: without the trace, and with words that a page can show."""
    row = one.row
    if row is not None:
        row = msgspec.structs.replace(row, meaning=_clipped(row.meaning))
    return msgspec.structs.replace(one, detail=_clipped(one.detail), row=row, trace=msgspec.UNSET)


def _clipped(words: str) -> str:
    return words.replace("\x00", "")[:LONGEST_WORDS]


def count(scenarios: list[Scenario]) -> dict[str, int]:
    """How many passed, failed and were left out."""
    return {
        result: sum(one.result == result for one in scenarios)
        for result in ("pass", "fail", "left-out")
    }


def passed(scenarios: list[Scenario]) -> bool:
    """Nothing failed, and something was seen to pass."""
    counted = count(scenarios)
    return not counted["fail"] and counted["pass"] > 0
