"""What the search box suggests while somebody types: fields, then values, some with counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from psycopg.errors import QueryCanceled
from starlette.responses import Response

from guerdon.access import team
from guerdon.console import asked as addresses
from guerdon.console import finding
from guerdon.console.pages import STATUS_TEXT, Pages
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.db.pool import ReadTx
from guerdon.members.lists import pages as member_lists
from guerdon.transactions.lists import pages as lists
from guerdon.transactions.lists.pages import Wanted
from guerdon.web.parts import Parts

_MOST, _LONGEST = 8, 200
# Counts are left out where they do not come in time.
_PATIENCE_SECONDS = 0.3
_HINTS: Mapping[str, str] = {
    "status": "postponed, success, …",
    "option": "by its title",
    "user": "a userId, or ada* for its beginning",
    "email": "exactly as it is known",
    "id": "the first 6 digits or more",
    "created": "24h, today, 2026-11-01..2026-11-22",
    "age": ">1h, <30m",
    "price": ">=500, <100",
    "type": "physical, digital, currency",
    "result": "timeout, 5xx, 404: the newest answer",
    "actor": "who ended it",
    "assignee": "me, or an operator's email",
    "payload": "a text in what was sent or said, with created:",
}
_EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "type": addresses.TYPES,
    "created": ("today", "24h", "7d", "30d"),
    "age": (">10m", ">1h", ">24h", "<1h"),
    "price": (">=100", ">=500", ">=1000", "<100"),
    "result": ("timeout", "2xx", "4xx", "5xx", "no-connection", "broken"),
    "actor": tuple(addresses.ACTORS),
}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One line: what stands in the box when it is picked, how it reads, what is said beside it, and
    whether that is a whole filter."""

    put: str
    shown: str
    note: str = ""
    count: int | None = None
    whole: bool = True


class Suggestions:
    """The handler."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    def table(self) -> list[Page]:
        """Its place in the table."""
        return [Page("GET", "/redeem/transactions/suggest", self.suggest)]

    async def suggest(self, visit: Visit) -> Response:
        """What the word that is being typed could become."""
        word = (visit.query("word") or "")[:_LONGEST].replace("\x00", "")
        minus, rest = ("-", word[1:]) if word.startswith("-") else ("", word)
        field, colon, value = rest.partition(":")
        async with self._parts.database.read() as tx:
            if colon and field in finding.FIELDS:
                before, _, typed = value.rpartition(",")
                head = f"{minus}{field}:" + (f"{before}," if before else "")
                found = await self._values(tx, visit, field, head, typed.strip('"'))
            else:
                found = _fields(minus, rest.casefold())
                if not minus and not colon and len(rest) >= 2:
                    for name in ("user", "option"):
                        found += await self._values(tx, visit, name, f"{name}:", rest.strip('"'))
        return self._pages.page(visit, "suggestions.html", {"found": found[: 2 * _MOST]})

    async def _values(
        self, tx: ReadTx, visit: Visit, field: str, head: str, typed: str
    ) -> list[Suggestion]:
        wanted = typed.casefold()
        match field:
            case "status":
                known = [name for name in STATUS_TEXT if wanted in name]
                counts = await self._counts(
                    {n: Wanted(visit.namespace, statuses=(n,)) for n in known}
                )
                return [
                    Suggestion(head + name, STATUS_TEXT[name], count=counts.get(name))
                    for name in known
                ]
            case "option":
                titles = {
                    str(option.name): option.title
                    for option in await finding.catalogue(tx, visit.namespace)
                    if wanted in option.title.casefold()
                }
                few = dict(list(titles.items())[:_MOST])
                counts = await self._counts(
                    {n: Wanted(visit.namespace, option_names=(UUID(n),)) for n in few}
                )
                return [
                    Suggestion(head + name, title, "option", counts.get(name))
                    for name, title in few.items()
                ]
            case "user":
                rows = await member_lists.by_prefix(
                    tx, self._parts.slots, visit.namespace, typed, _MOST
                )
                return [
                    Suggestion(f'{head}"{row.user_id}"', row.user_id, "user")
                    for row in rows
                    if '"' not in row.user_id
                ]
            case "assignee":
                people = [row.email for row in await team.people(tx, visit.namespace)]
                known = [one for one in ("me", *people) if one.casefold().startswith(wanted)]
                return [Suggestion(head + one, one) for one in known[:_MOST]]
        examples = [one for one in _EXAMPLES.get(field, ()) if one.startswith(typed)]
        return [Suggestion(head + one, one) for one in examples]

    async def _counts(self, asked: Mapping[str, Wanted]) -> dict[str, int]:
        """How many transactions some lists have."""
        found: dict[str, int] = {}
        try:
            async with self._parts.database.read() as tx:
                await lists.bounded(tx, _PATIENCE_SECONDS)
                for key, wanted in asked.items():
                    found[key] = await lists.count(tx, wanted)
        except QueryCanceled:  # the lines stay, those without a count too
            return found
        return found


def _fields(minus: str, begun: str) -> list[Suggestion]:
    """The fields that begin so."""
    return [
        Suggestion(f"{minus}{name}:", f"{name}:", hint, whole=False)
        for name, hint in _HINTS.items()
        if name.startswith(begun) and (not minus or name in addresses.NEGATED)
    ]
