"""What is said in place of an empty list: why it is empty, and what to do next."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from psycopg.errors import QueryCanceled

from guerdon.access import trail
from guerdon.console import asked as addresses
from guerdon.console import selection
from guerdon.console.asked import Asked, Token
from guerdon.console.visit import Visit
from guerdon.options.model import Option
from guerdon.transactions.lists import pages as lists
from guerdon.web.parts import Parts

# So many filters are told with what there would be without them.
_EXPLAINED, _PATIENCE_SECONDS = 6, 0.1
_LOOKS_BACK = timedelta(days=7)
Why = Literal["filtered", "decided", "view", "unused", "new"]


@dataclass(frozen=True, slots=True)
class Nothing:
    """Why a list is empty. ``without``: how many there would be without some filters; ``option``:
    the one to try first; ``waited``: how long the decisions of a week took at most, and since when,
    if not since its beginning."""

    why: Why
    without: dict[Token, int] = field(default_factory=dict)
    option: Option | None = None
    waited: tuple[timedelta, datetime | None] | None = None


async def explain(
    parts: Parts,
    visit: Visit,
    asked: Asked,
    view: str,
    tokens: Sequence[Token],
    options: Sequence[Option],
) -> Nothing:
    """Which empty state this is. ``tokens`` are the filters as they are shown."""
    if asked.tokens or asked.after is not None or asked.before is not None:
        return Nothing("filtered", without=await _without(parts, visit, asked, view, tokens))
    if view == "needs-decision":
        async with parts.database.read() as tx:
            waited = await trail.longest_wait(tx, visit.namespace, visit.now - _LOOKS_BACK)
        return Nothing("decided", waited=waited)
    if view != "all":
        return Nothing("view")
    if not options:
        return Nothing("new")
    offered = (option for option in options if option.enabled and not option.archived)
    return Nothing("unused", option=next(offered, None))


async def _without(
    parts: Parts, visit: Visit, asked: Asked, view: str, tokens: Sequence[Token]
) -> dict[Token, int]:
    """How many there would be without each of the first filters, as far as is quickly known."""
    found = {}
    for token, other in list(zip(asked.tokens, tokens, strict=True))[:_EXPLAINED]:
        rest = addresses.read(asked.without(token), visit.zone, visit.now)
        if rest.text is not None or rest.needs_span:  # counting would have to search
            continue
        try:
            async with parts.database.read() as tx:
                await lists.bounded(tx, _PATIENCE_SECONDS)
                wanted = await selection.wanted(tx, parts.slots, visit, rest, view)
                found[other] = await lists.count(tx, wanted)
        except QueryCanceled:  # no index knows it: the filter is named without a number
            continue
    return found
