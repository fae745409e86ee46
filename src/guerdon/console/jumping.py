"""The palette: from anywhere to a transaction, a member, an option, a view or a page.

Everything is found by an index or among few things, and each kind is bounded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.responses import Response

from guerdon.access.views import store as views
from guerdon.console import asked as addresses
from guerdon.console import finding
from guerdon.console.pages import NAVIGATION, STATUS_TEXT, Pages, short
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.db.pool import ReadTx
from guerdon.members.lists import pages as member_lists
from guerdon.transactions.lists import pages as lists
from guerdon.transactions.lists.pages import Wanted
from guerdon.web.parts import Parts

_EACH, _LONGEST = 6, 200
_VIEWS = {
    "needs-decision": "Needs a decision",
    "all": "All transactions",
    "failed-today": "Failed today",
    "slow-provider": "Slow provider",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere to go. ``kind`` says what it is."""

    kind: str
    name: str
    note: str
    where: str


class Jumping:
    """The handlers."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    def table(self) -> list[Page]:
        """Their place in the table."""
        return [Page("GET", "/jump", self.jump), Page("GET", "/keys", self.keys)]

    async def jump(self, visit: Visit) -> Response:
        """What fits what was typed: the lines of the palette, or a page without JavaScript."""
        text = " ".join((visit.query("q") or "")[:_LONGEST].replace("\x00", "").split())
        async with self._parts.database.read() as tx:
            found = [
                *await _transactions(tx, visit, text),
                *await self._members(tx, visit, text),
                *await _options(tx, visit, text),
                *await _views(tx, visit, text),
                *_pages(visit, text),
            ]
        values: dict[str, object] = {"found": found, "text": text}
        if visit.fragment:
            return self._pages.page(visit, "jump_found.html", values)
        return await self._pages.screen(visit, "jump.html", values | {"title": "Jump", "place": ""})

    async def keys(self, visit: Visit) -> Response:
        """Every key and what it does, in a dialog or as a page."""
        if visit.fragment:
            return self._pages.page(visit, "keys_list.html", {})
        return await self._pages.screen(visit, "keys_page.html", {"title": "Keys", "place": ""})

    async def _members(self, tx: ReadTx, visit: Visit, text: str) -> list[Place]:
        if not text:
            return []
        rows = await member_lists.by_prefix(tx, self._parts.slots, visit.namespace, text, _EACH)
        if "@" in text:
            rows += await member_lists.by_email(tx, visit.namespace, text, _EACH)
        names = dict.fromkeys(row.user_id for row in rows)
        return [
            Place("Member", name, "", visit.url("/members/one", {"user": name})) for name in names
        ]


async def _transactions(tx: ReadTx, visit: Visit, text: str) -> list[Place]:
    span = addresses.id_span(text)
    if span is None:
        return []
    found = await lists.page(tx, Wanted(visit.namespace).between(*span), _EACH)
    return [
        Place(
            "Transaction",
            short(t.transaction_id),
            f"{t.option_title} · {STATUS_TEXT[t.status]}",
            visit.url(f"/redeem/transactions/{t.transaction_id}"),
        )
        for t in found
    ]


async def _options(tx: ReadTx, visit: Visit, text: str) -> list[Place]:
    if not text:
        return []
    found = [
        option
        for option in await finding.catalogue(tx, visit.namespace)
        if _fits(text, option.title) or str(option.name).startswith(text.lower())
    ]
    return [
        Place("Option", one.title, short(one.name), visit.url(f"/redeem/options/{one.name}"))
        for one in found[:_EACH]
    ]


async def _views(tx: ReadTx, visit: Visit, text: str) -> list[Place]:
    places = [
        Place("View", name, "", visit.url("/redeem/transactions", {"view": key}))
        for key, name in _VIEWS.items()
    ]
    for one in await views.seen_by(tx, visit.operator):
        leads = dict(parse_qsl(one.query)) | {"saved": str(one.view_id)}
        whose = "of the team" if one.shared else "yours"
        places.append(Place("View", one.name, whose, visit.url("/redeem/transactions", leads)))
    return _named(places, text)


def _pages(visit: Visit, text: str) -> list[Place]:
    places = [
        Place("Page", link.name, section, visit.url(link.path))
        for section, links in NAVIGATION
        for link in links
        if link.right in visit.rights
    ]
    return _named(places, text)


def _named(places: Sequence[Place], text: str) -> list[Place]:
    return [place for place in places if _fits(text, place.name)][: 2 * _EACH]


def _fits(text: str, name: str) -> bool:
    return text.casefold() in name.casefold()
