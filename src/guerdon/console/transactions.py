"""Redeem > Transactions: the list."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from starlette.responses import RedirectResponse, Response, StreamingResponse

from guerdon import clock, ids
from guerdon.access import sessions
from guerdon.console import asked as addresses
from guerdon.console import columns, copying, finding, looking, nothing, selection, wording
from guerdon.console.asked import Asked
from guerdon.console.figures import Figures
from guerdon.console.histogram import histogram
from guerdon.console.live import Feed, Listener
from guerdon.console.looking import Looked
from guerdon.console.pages import Pages
from guerdon.console.saved import SavedViews
from guerdon.console.searching import Search
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.redemption import rows
from guerdon.redemption.rows import Row
from guerdon.transactions.lists.pages import Wanted
from guerdon.web.parts import Parts


@dataclass(frozen=True, slots=True)
class _Shown:
    """A page's rows, where the pages beside it begin, and how far a stopped search came."""

    rows: list[Row]
    earlier: UUID | None
    later: UUID | None
    stopped: bool
    reached: UUID | None

    @property
    def reached_at(self) -> datetime | None:
        return None if self.reached is None else ids.moment_in(self.reached)


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
        shown = [column for column in asked.columns if column.mark]

        def cells(row: Row) -> str:
            return self._pages.text(visit, "live.html", row=row, columns=shown)

        async def counts(since: float) -> str:
            counted = await self._figures.counts(namespace, since)
            return self._pages.text(visit, "counts.html", to_decide=counted.to_decide)

        async def may_listen() -> bool:
            async with self._parts.database.read() as tx:
                return await sessions.recognise(tx, visit.cookie) is not None

        marks = "".join(column.mark or "" for column in shown)
        kind = f"{visit.operator.may('operate')} {marks} {visit.zone.name}"
        listener = Listener(wanted, kind, cells, counts, may_listen)
        return StreamingResponse(
            self._feed.frames(listener, visit.request.headers.get("last-event-id", "")),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no", "Cache-Control": "no-store"},
        )

    async def page(self, visit: Visit) -> Response:
        """A page of the list, or the address that what was typed stands for."""
        asked = addresses.read(dict(visit.request.query_params), visit.zone, visit.now)
        meant = await self._meant(visit, asked)
        if meant is not None:
            return RedirectResponse(visit.url("/redeem/transactions", meant), status_code=303)
        counts = await self._figures.counts(visit.namespace)
        view = asked.view or ("needs-decision" if counts.to_decide and not asked.tokens else "all")
        oldest_first = (
            view == "needs-decision" if asked.oldest_first is None else asked.oldest_first
        )
        async with self._parts.database.read() as tx:
            options = await finding.catalogue(tx, visit.namespace)
            wanted = await selection.wanted(tx, self._parts.slots, visit, asked, view)
            everything = await selection.wanted(tx, self._parts.slots, visit, asked, "all")
            bars = None if asked.text else await histogram(tx, visit, everything)
        titles = finding.titles(options)
        tokens = [wording.named(token, titles) for token in asked.tokens]
        tabs, opened = await self._saved.tabs(visit, asked, view)
        shown = await self._shown(visit, wanted, asked, oldest_first=oldest_first)
        values = {
            "title": "Transactions",
            "place": "/redeem/transactions",
            "asked": asked,
            "tokens": tokens,
            "guess": finding.guessed(asked),
            "written": finding.written,
            "as_query": copying.as_query(tokens),
            "as_api_call": copying.as_api_call(_site(visit), tokens, wanted),
            "view": view,
            "live": visit.url("/redeem/transactions/live", asked.link(view=view)),
            "spans": addresses.SPANS if asked.needs_span else (),
            "tabs": tabs,
            "saved": opened,
            "name": None,
            "problem": None,
            "kept": urlencode(asked.kept(view)),
            "rows": shown.rows,
            "columns": asked.columns,
            "offered": columns.offered(asked.columns),
            "choosing": visit.query("choosing"),
            "shown": shown,
            "oldest_first": oldest_first,
            "bars": bars,
            "opened": set(asked.opened),
            "site": _site(visit),
            "nothing": None
            if shown.rows
            else await nothing.explain(self._parts, visit, asked, view, tokens, options),
        }
        response = await self._pages.screen(
            visit, "transactions.html", values, status=422 if asked.wrong else 200
        )
        visit.remember_zone(response)
        return response

    async def _meant(self, visit: Visit, asked: Asked) -> dict[str, str] | None:
        """The parameters that a form of the page stands for: the search box, or the columns."""
        typed = visit.query("find")
        if typed is not None:
            async with self._parts.database.read() as tx:
                return await finding.filters_for(
                    tx, self._parts.slots, visit.namespace, asked, typed[:500].replace("\x00", "")
                )
        if visit.query("chosen") is None:
            return None
        move = visit.query("move")
        shown = columns.moved(visit.request.query_params.getlist("col"), move or "")
        return asked.here(cols=shown) | ({"choosing": move} if move else {})

    async def _looked(
        self, visit: Visit, wanted: Wanted, asked: Asked, *, oldest_first: bool
    ) -> Looked:
        """One more row than the page has. Whoever may reveal replies has them searched too, which
        is written down before."""
        database, limit = self._parts.database, asked.limit + 1
        until = clock.monotonic() + looking.SECONDS
        if asked.text is None:
            return await looking.look(
                database, wanted, limit, oldest_first=oldest_first, until=until
            )
        sealer = None
        if visit.operator.may("operate"):
            sealer = self._parts.sealer
            async with database.tx() as tx:
                span = {"created": asked.parameters["created"]}
                await visit.audit(tx, "replies.searched", visit.namespace, span)
        return await looking.sift(
            database,
            wanted,
            limit,
            Search(asked.text, sealer).among,
            oldest_first=oldest_first,
            until=until,
        )

    async def _shown(
        self, visit: Visit, wanted: Wanted, asked: Asked, *, oldest_first: bool
    ) -> _Shown:
        """The rows of the page, and from which rows the pages beside it go on."""
        backwards = asked.before is not None and asked.after is None
        start = asked.before if backwards else asked.after
        if start is not None:
            beyond = oldest_first != backwards
            wanted = wanted.between(start if beyond else None, None if beyond else start)
        looked = await self._looked(visit, wanted, asked, oldest_first=oldest_first != backwards)
        more = len(looked.found) > asked.limit
        found = looked.found[: asked.limit]
        if backwards:
            found.reverse()
        async with self._parts.database.read() as tx:
            shown = await rows.read(tx, found, {column.key for column in asked.columns})
        has_earlier = more if backwards else asked.after is not None
        has_later = True if backwards else more
        return _Shown(
            shown,
            found[0].transaction_id if found and has_earlier else None,
            found[-1].transaction_id if found and has_later else None,
            looked.stopped,
            looked.reached,
        )


def _site(visit: Visit) -> str:
    """Where this Guerdon is, as this browser sees it."""
    url = visit.request.url
    return f"{'https' if visit.over_https() else url.scheme}://{url.netloc}{visit.base}"
