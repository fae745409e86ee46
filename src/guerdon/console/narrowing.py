"""What the values of filters mean for a list, as far as nothing has to be looked up."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from guerdon import ids
from guerdon.console import asked as addresses
from guerdon.console.asked import Asked
from guerdon.console.moments import Zone
from guerdon.transactions.lists.pages import FIRST_ID, Wanted
from guerdon.transactions.states import Status

# What people call a rule of the outcome table.
_RULES = {"timeout": "timed-out"}


def narrowed(wanted: Wanted, asked: Asked, zone: Zone, now: datetime) -> Wanted:
    """The list under all filters but those of users, options and assignees."""
    statuses = chosen(asked.values("status"), [str(one) for one in Status])
    if statuses is not None:
        have = statuses if wanted.statuses is None else wanted.statuses
        wanted = replace(wanted, statuses=tuple(one for one in have if one in statuses))
    types = chosen(asked.values("type"), addresses.TYPES)
    closers = chosen(asked.values("actor"), list(addresses.ACTORS))
    if closers is not None:
        closers = tuple(addresses.ACTORS.get(one, f"operator:{one}") for one in closers)
    results = tuple(_RULES.get(one, one) for one in asked.values("result"))
    wanted = replace(wanted, types=types, closers=closers, results=results or None)
    for value in asked.values("price"):
        wanted = _priced(wanted, value)
    for value in asked.values("q"):
        span = addresses.id_span(value)
        wanted = wanted if span is None else wanted.between(*span)
    for value in asked.values("created"):
        span_asked = addresses.created(value, zone, now)
        if span_asked is not None:
            start, end = span_asked
            wanted = wanted.between(since(start), None if end is None else ids.first_id_at(end))
    for value in asked.values("age"):
        wanted = _aged(wanted, value, now)
    return wanted


def chosen(values: Sequence[str], every: Sequence[str]) -> tuple[str, ...] | None:
    """The values that are meant, where there is a fixed number of them; ``None`` = any."""
    if not values:
        return None
    refused = {value[1:] for value in values if value.startswith("-")}
    named = [value for value in values if not value.startswith("-")]
    return tuple(value for value in named or every if value not in refused)


def since(moment: datetime) -> UUID:
    """The exclusive lower end that lets a moment's first ID in."""
    return UUID(int=max(ids.first_id_at(moment).int - 1, FIRST_ID.int))


def _priced(wanted: Wanted, value: str) -> Wanted:
    found = addresses.PRICE.fullmatch(value)
    if found is None:
        return wanted
    amount = int(found["number"])
    match found["sign"]:
        case ">=":
            return replace(wanted, lowest=amount)
        case ">":
            return replace(wanted, lowest=amount + 1)
        case "<=":
            return replace(wanted, highest=amount)
        case "<":
            return replace(wanted, highest=amount - 1)
    return replace(wanted, lowest=amount, highest=amount)


def _aged(wanted: Wanted, value: str, now: datetime) -> Wanted:
    found = addresses.AGE.fullmatch(value)
    if found is None:
        return wanted
    then = now - timedelta(seconds=addresses.seconds(found["length"]))
    if found["sign"] == "<":
        return wanted.between(since(then), None)
    return wanted.between(None, ids.first_id_at(then))
