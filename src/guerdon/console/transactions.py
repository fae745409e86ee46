"""Redeem > Transactions: the list."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode
from uuid import UUID

from psycopg.errors import QueryCanceled
from starlette.responses import RedirectResponse, Response, StreamingResponse

from guerdon.access import sessions
from guerdon.console import asked as addresses
from guerdon.console import finding, selection
from guerdon.console.asked import Asked, Token
from guerdon.console.figures import Figures
from guerdon.console.histogram import histogram
from guerdon.console.live import Feed, Listener
from guerdon.console.pages import Pages
from guerdon.console.saved import SavedViews
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.db.pool import ReadTx
from guerdon.members import store as members
from guerdon.transactions.desk import store as desk
from guerdon.transactions.lists import pages as lists
from guerdon.transactions.lists.pages import Wanted
from guerdon.transactions.model import Transaction
from guerdon.web.parts import Parts

LOOKS_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Row:
    """A transaction in a list, with its member's userId and who looks after it."""

    t: Transaction
    user_id: str
    assignee: str | None = None

    @property
    def to_decide(self) -> bool:
        return decidable(self.t)


def decidable(t: Transaction) -> bool:
    """Whether an operator may confirm or cancel it as it stands."""
    return t.status in ("postponed", "recoverable-failure")


class Transactions:
    """The handlers."""

    def __init__(
        self, parts: Parts, pages: Pages, figures: Figures, feed: Feed, saved: SavedViews
    ) -> None:
        self._parts = parts
        self._pages = pages
        self._figures = figures
        self._feed = feed
        self._saved = saved

    def table(self) -> list[Page]:
        """Their place in the table."""
        return [
            Page("GET", "/redeem/transactions", self.page),
            Page("GET", "/redeem/transactions/live", self.live),
        ]

    async def live(self, visit: Visit) -> Response:
        """What changes in the list, as it changes."""
        asked = addresses.read(dict(visit.request.query_params), visit.zone, visit.now)
        async with self._parts.database.read() as tx:
            wanted = await selection.wanted(
                tx, self._parts.slots, visit, asked, asked.view or "all"
            )
        namespace = visit.namespace

        def cells(t: Transaction) -> str:
            return self._pages.text(visit, "live.html", t=t)

        async def counts(since: float) -> str:
            counted = await self._figures.counts(namespace, since)
            return self._pages.text(visit, "counts.html", to_decide=counted.to_decide)

        async def may_listen() -> bool:
            async with self._parts.database.read() as tx:
                return await sessions.recognise(tx, visit.cookie) is not None

        kind = "operates" if visit.operator.may("operate") else "reads"
        listener = Listener(wanted, kind, cells, counts, may_listen)
        return StreamingResponse(
            self._feed.frames(listener, visit.request.headers.get("last-event-id", "")),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no", "Cache-Control": "no-store"},
        )

    async def page(self, visit: Visit) -> Response:
        """A page of the list, or the address that what was typed stands for."""
        asked = addresses.read(dict(visit.request.query_params), visit.zone, visit.now)
        typed = visit.query("find")
        if typed is not None:
            async with self._parts.database.read() as tx:
                parameters = await finding.filters_for(
                    tx, self._parts.slots, visit.namespace, asked, typed[:500].replace("\x00", "")
                )
            where = visit.url("/redeem/transactions", parameters)
            return RedirectResponse(where, status_code=303)
        counts = await self._figures.counts(visit.namespace)
        view = asked.view or ("needs-decision" if counts.to_decide and not asked.tokens else "all")
        oldest_first = (
            view == "needs-decision" if asked.oldest_first is None else asked.oldest_first
        )
        async with self._parts.database.read() as tx:
            titles = {
                option.name: option.title for option in await finding.catalogue(tx, visit.namespace)
            }
            wanted = await selection.wanted(tx, self._parts.slots, visit, asked, view)
            bars = await histogram(tx, visit, asked)
        tabs, opened = await self._saved.tabs(visit, asked, view)
        rows, earlier, later, stopped = await self._rows(wanted, asked, oldest_first=oldest_first)
        values = {
            "title": "Transactions",
            "place": "/redeem/transactions",
            "asked": asked,
            "tokens": [_named(token, titles) for token in asked.tokens],
            "view": view,
            "live": visit.url("/redeem/transactions/live", asked.link(view=view)),
            "tabs": tabs,
            "saved": opened,
            "name": None,
            "problem": None,
            "kept": urlencode(asked.kept(view)),
            "rows": rows,
            "earlier": earlier,
            "later": later,
            "oldest_first": oldest_first,
            "bars": bars,
            "opened": set(asked.opened),
            "stopped": stopped,
            "nothing": None if rows else self._nothing(view, asked, any_option=bool(titles)),
        }
        response = await self._pages.screen(
            visit, "transactions.html", values, status=422 if asked.wrong else 200
        )
        visit.remember_zone(response)
        return response

    async def _rows(
        self, wanted: Wanted, asked: Asked, *, oldest_first: bool
    ) -> tuple[list[Row], UUID | None, UUID | None, bool]:
        """The rows, where the pages beside them begin, and whether looking was stopped: what no
        index knows, such as a price that nobody paid, is looked for so long and no longer."""
        try:
            async with self._parts.database.read() as tx:
                await lists.bounded(tx, LOOKS_SECONDS)
                found, earlier, later = await _page(tx, wanted, asked, oldest_first=oldest_first)
                names = await members.user_ids(tx, {(t.slot, t.member_id) for t in found})
                assigned = await desk.assignees(tx, {(t.slot, t.transaction_id) for t in found})
        except QueryCanceled:
            return [], None, None, True
        rows = [Row(t, names.get(t.member_id, ""), assigned.get(t.transaction_id)) for t in found]
        return rows, earlier, later, False

    @staticmethod
    def _nothing(view: str, asked: Asked, *, any_option: bool) -> str:
        """Which empty state this is."""
        if asked.tokens or asked.after is not None or asked.before is not None:
            return "filtered"
        if view == "needs-decision":
            return "decided"
        if view != "all":
            return "view"
        return "unused" if any_option else "new"


async def _page(
    tx: ReadTx, wanted: Wanted, asked: Asked, *, oldest_first: bool
) -> tuple[list[Transaction], UUID | None, UUID | None]:
    """The rows, and from which row an earlier and a later page of the list go on."""
    backwards = asked.before is not None and asked.after is None
    start = asked.before if backwards else asked.after
    if start is not None:
        beyond = oldest_first != backwards
        wanted = wanted.between(start if beyond else None, None if beyond else start)
    found = await lists.page(tx, wanted, asked.limit + 1, oldest_first=oldest_first != backwards)
    more = len(found) > asked.limit
    found = found[: asked.limit]
    if backwards:
        found.reverse()
    has_earlier = more if backwards else asked.after is not None
    has_later = True if backwards else more
    return (
        found,
        found[0].transaction_id if found and has_earlier else None,
        found[-1].transaction_id if found and has_later else None,
    )


def _named(token: Token, titles: Mapping[UUID, str]) -> Token:
    """An option's filter is shown by its title."""
    if token.field != "option":
        return token
    found = selection.uuids([token.value])
    if not found:
        return replace(token, wrong="is no option of this programme")
    return replace(token, shown=titles.get(found[0], token.value))
