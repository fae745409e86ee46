"""Who may redeem what, and when. Pure."""

from datetime import datetime, timedelta
from typing import Any

from guerdon.options.model import Condition, Option

_MISSING = object()


def unavailable(option: Option, moment: datetime) -> str | None:
    """Why nobody may redeem the option at ``moment``, in a sentence, or ``None``."""
    if option.archived:
        return "This option is archived."
    if not option.definition.enabled:
        return "This option is switched off."
    window = option.definition.window
    if window is None:
        return None
    if window.from_ is not None and moment < window.from_:
        return "This option has not started yet."
    if window.to is not None and moment >= window.to:
        return "This option has ended."
    if not _open_now(option, moment, window.weekdays):
        return "This option is not offered at this hour."
    return None


def _open_now(option: Option, moment: datetime, weekdays: list[int]) -> bool:
    local = moment.astimezone(option.zone)
    today = local.isoweekday() in weekdays
    if not option.hours:
        return today
    yesterday = (local - timedelta(days=1)).isoweekday() in weekdays
    now = local.time().replace(tzinfo=None)
    for start, end in option.hours:
        if start < end:
            if today and start <= now < end:
                return True
        # An end before its start runs over midnight and belongs to the day it began.
        elif (today and now >= start) or (yesterday and now < end):
            return True
    return False


def in_audience(option: Option, attributes: dict[str, Any]) -> bool:
    """Whether a member belongs: OR between groups, AND inside one, none = everyone."""
    groups = option.definition.audience
    if not groups:
        return True
    return any(all(_holds(condition, attributes) for condition in group) for group in groups)


def _holds(condition: Condition, attributes: dict[str, Any]) -> bool:
    actual = attributes.get(condition.attribute, _MISSING)
    if actual is _MISSING:
        return condition.op in ("ne", "notIn", "missing")
    wanted = condition.value
    match condition.op:
        case "exists":
            return True
        case "missing":
            return False
        case "eq":
            return _same(actual, wanted)
        case "ne":
            return not _same(actual, wanted)
        case "in":
            return isinstance(wanted, list) and any(_same(actual, item) for item in wanted)
        case "notIn":
            return not (isinstance(wanted, list) and any(_same(actual, item) for item in wanted))
        case "contains":
            return _contains(actual, wanted)
        case _:
            return _ordered(condition.op, actual, wanted)


def _same(left: Any, right: Any) -> bool:
    # JSON's true is not 1, though Python's is.
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _contains(actual: Any, wanted: Any) -> bool:
    if isinstance(actual, str) and isinstance(wanted, str):
        return wanted in actual
    return isinstance(actual, list) and any(_same(item, wanted) for item in actual)


def _ordered(op: str, actual: Any, wanted: Any) -> bool:
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (actual, wanted))
    if not numbers and not (isinstance(actual, str) and isinstance(wanted, str)):
        return False
    if op in ("gt", "gte") and actual > wanted:
        return True
    if op in ("lt", "lte") and actual < wanted:
        return True
    return op in ("gte", "lte") and bool(actual == wanted)


def needs_member_counts(option: Option) -> bool:
    """Whether the option limits each member, so that their uses must be counted."""
    limits = option.definition.limits
    return limits is not None and (
        limits.per_member is not None or limits.per_member_period is not None
    )


def period_start(option: Option, moment: datetime) -> datetime:
    """Since when uses count for the limit of a rolling period."""
    limits = option.definition.limits
    period = limits.per_member_period if limits is not None else None
    return moment - timedelta(days=period.days if period is not None else 0)


def member_limit(option: Option, used: int, used_in_period: int) -> str | None:
    """Why this member may not redeem once more, in a sentence, or ``None``."""
    limits = option.definition.limits
    if limits is None:
        return None
    if limits.per_member is not None and used >= limits.per_member:
        return f"A member may redeem this {limits.per_member} times."
    period = limits.per_member_period
    if period is not None and used_in_period >= period.count:
        return f"A member may redeem this {period.count} times in {period.days} days."
    return None
