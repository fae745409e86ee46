"""Whether an option may be redeemed, by whom, and how often: pure decisions, no database."""

import operator
from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from guerdon import clock
from guerdon.options.model import Condition, Option, Window

_MINUTES_OF_A_DAY = 24 * 60
_COMPARISONS = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}


def unavailable(option: Option, moment: datetime) -> str | None:
    """Why nobody may redeem the option at ``moment``, in a sentence; ``None``: it is open."""
    if option.archived:
        return "This option is no longer offered."
    if not option.enabled:
        return "This option is not offered at present."
    window = option.window
    if window is None:
        return None
    if window.opens is not None and moment < window.opens:
        return f"This option opens at {clock.rfc3339(window.opens)}."
    if window.closes is not None and moment >= window.closes:
        return f"This option closed at {clock.rfc3339(window.closes)}."
    if not _in_hours(window, moment):
        return "This option is closed at this hour."
    return None


def _in_hours(window: Window, moment: datetime) -> bool:
    """By the clock on the wall of the window's zone; a span belongs to the day it begins on."""
    local = moment.astimezone(ZoneInfo(window.time_zone))
    today = local.isoweekday()
    yesterday = (today - 2) % 7 + 1
    minute = local.hour * 60 + local.minute
    for start, end in window.hours or ((0, _MINUTES_OF_A_DAY),):
        if start < end:
            if today in window.weekdays and start <= minute < end:
                return True
        elif (today in window.weekdays and minute >= start) or (
            yesterday in window.weekdays and minute < end
        ):
            return True
    return False


def in_audience(option: Option, attributes: Mapping[str, object]) -> bool:
    """Whether a member with these attributes is among those the option is offered to."""
    return not option.audience or any(
        all(_holds(condition, attributes) for condition in group) for group in option.audience
    )


def explained(
    option: Option, attributes: Mapping[str, object]
) -> list[list[tuple[Condition, bool]]]:
    """The conditions of the audience, group by group, and whether each holds."""
    return [[(one, _holds(one, attributes)) for one in group] for group in option.audience]


def _holds(condition: Condition, attributes: Mapping[str, object]) -> bool:
    """``null`` is a missing attribute; one that is missing satisfies only ne, notIn, missing."""
    value, wanted = attributes.get(condition.attribute), condition.value
    match condition.op:
        case "missing":
            return value is None
        case "exists":
            return value is not None
        case "ne":
            return not _same(value, wanted)
        case "notIn":
            return not _among(value, wanted)
        case "eq":
            return _same(value, wanted)
        case "in":
            return _among(value, wanted)
        case "contains":
            return _contains(value, wanted)
        case comparison:
            return _compares(comparison, value, wanted)


def _same(value: object, wanted: object) -> bool:
    """Equal and of one kind: ``true`` is not 1, ``"1"`` is not 1; 1.0 is 1."""
    return isinstance(value, bool) == isinstance(wanted, bool) and value == wanted


def _among(value: object, wanted: object) -> bool:
    return isinstance(wanted, tuple) and any(_same(value, one) for one in wanted)


def _contains(value: object, wanted: object) -> bool:
    """A list has it as an element; a text has it as a part."""
    if isinstance(value, list):
        return any(_same(one, wanted) for one in value)
    return isinstance(value, str) and isinstance(wanted, str) and wanted in value


def _compares(comparison: str, value: object, wanted: object) -> bool:
    """Numbers by size, texts code point by code point (so ISO dates by age); else it is false."""
    if isinstance(value, bool) or isinstance(wanted, bool):
        return False
    if isinstance(value, int | float) and isinstance(wanted, int | float):
        return bool(_COMPARISONS[comparison](value, wanted))
    if isinstance(value, str) and isinstance(wanted, str):
        return bool(_COMPARISONS[comparison](value, wanted))
    return False


def needs_member_counts(option: Option) -> bool:
    """Whether :func:`member_limit` looks at its numbers at all."""
    limits = option.limits
    return limits.per_member is not None or limits.per_member_period is not None


def period_start(option: Option, moment: datetime) -> datetime:
    """From when on uses count for the period's limit; ``moment`` itself where there is none."""
    period = option.limits.per_member_period
    return moment if period is None else moment - timedelta(days=period.days)


def member_limit(option: Option, used: int, used_in_period: int) -> str | None:
    """Which limit a member has reached, in a sentence, or ``None``."""
    limits = option.limits
    if limits.per_member is not None and used >= limits.per_member:
        return f"A member may redeem this {_times(limits.per_member)}, and has."
    period = limits.per_member_period
    if period is not None and used_in_period >= period.count:
        days = "day" if period.days == 1 else f"{period.days} days"
        return f"A member may redeem this {_times(period.count)} in any {days}, and has."
    return None


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
