"""Before an option is saved: what would change, what that means, and whom it would let in."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from guerdon.amount import minor_units
from guerdon.console import option_form
from guerdon.options import changes, eligibility, model
from guerdon.options.changes import Change
from guerdon.options.model import Option, Usage

_PRICES = ("price", "minTokens", "maxTokens", "rates")
_EXAMPLE = 1200
_RATE_LINE = re.compile(r"\s*([A-Z]{3})\s+(\d{1,14}(?:\.\d{1,14})?)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Review:
    """What saving would change, in words; ``mark`` tells this review from any other."""

    changes: Sequence[Change]
    warnings: Sequence[str]
    mark: str


def review(
    before: Option, after: Option, usage: Usage, providers: Mapping[str, str], in_view: int
) -> Review:
    """Compares a version with the one that would follow; ``providers`` are names by ID, and so many
    members have the widget ``in_view``."""
    found = changes.between(model.definition(before), model.definition(after))
    mark = json.dumps([before.version, found], default=str)
    shown = [
        Change("provider", providers.get(change.before), providers.get(change.after))
        if change.field == "providerId"
        else change
        for change in found
    ]
    fields = {change.field for change in found}
    warnings = list(_warnings(fields, before, after, usage, in_view))
    return Review(shown, warnings, hashlib.sha256(mark.encode()).hexdigest()[:16])


def _warnings(
    fields: set[str], before: Option, after: Option, usage: Usage, in_view: int
) -> Sequence[str]:
    said = []
    if fields.intersection(_PRICES):
        now = f"{in_view:,} member{'' if in_view == 1 else 's'}" if in_view else "Nobody"
        verb = "have" if in_view > 1 else "has"
        said.append(
            f"The price changes. {now} {verb} the widget in view now. Whoever has it open and "
            "redeems at the old price is told “price changed” and asked again: nobody is charged "
            "what they were not shown. What is under way keeps its price."
        )
    if before.enabled and not after.enabled:
        said.append("Nobody can start a new redemption; open transactions continue.")
    total = after.limits.total
    if "limits/total" in fields and total is not None and total <= usage.used:
        said.append(f"{usage.used:,} are used already, so nothing is left of {total:,}.")
    if "providerId" in fields:
        said.append("What is under way stays with the provider it was sent to.")
    return said


@dataclass(frozen=True, slots=True)
class Trial:
    """Whether somebody would qualify: each group of conditions, what holds, and what they have."""

    user_id: str
    groups: Sequence[Sequence[tuple[str, bool, str]]]
    qualifies: bool
    besides: Sequence[str]


def tried(
    option: Option, user_id: str, attributes: Mapping[str, object], besides: Sequence[str]
) -> Trial:
    """Tries an audience on a member. ``besides``: what else stands against redeeming."""
    groups = [
        [
            (option_form.condition_text(one), holds, _said(attributes.get(one.attribute)))
            for one, holds in group
        ]
        for group in eligibility.explained(option, attributes)
    ]
    return Trial(user_id, groups, eligibility.in_audience(option, attributes), besides)


def _said(value: object) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def worked(shown: Mapping[str, Any]) -> list[str]:
    """What a currency option would pay out, as its form stands, in an example for each rate."""
    low, high = (_whole(str(shown.get(name, ""))) for name in ("minTokens", "maxTokens"))
    tokens = max(low or 1, min(high or _EXAMPLE, _EXAMPLE))
    examples = []
    for line in str(shown.get("rates", "")).splitlines():
        found = _RATE_LINE.fullmatch(line)
        if found is not None:
            whole, cents = divmod(minor_units(tokens, Decimal(found[2])), 100)
            examples.append(f"{tokens:,} tokens → {found[1]} {whole:,}.{cents:02d}")
    return examples


def _whole(text: str) -> int | None:
    digits = text.replace(",", "")
    return int(digits) if re.fullmatch(r"\d{1,15}", digits, re.ASCII) else None
