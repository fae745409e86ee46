"""The tabs above the list: the fixed views, and those that people saved, with their counts.

A saved view is a name for a query. Its tab leads to that query and says in ``saved`` whose it is;
what is filtered further is told as changed, until it is saved there or reset.
"""

from collections import OrderedDict
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from psycopg.errors import QueryCanceled
from starlette.responses import RedirectResponse, Response

from guerdon import clock, ids
from guerdon.access.views import store as views
from guerdon.access.views.store import SavedView
from guerdon.console import asked as addresses
from guerdon.console import selection
from guerdon.console.asked import Asked
from guerdon.console.figures import Figures
from guerdon.console.pages import Pages
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.errors import InvalidRequest
from guerdon.transactions.lists import pages as lists
from guerdon.web.parts import Parts

_LIST, _OWN, _TEAM = (
    "/redeem/transactions",
    "/redeem/transactions/views",
    "/redeem/transactions/team-views",
)
# A saved view's count is as old as this at most if it can be had in time: so many a page, each in
# so many seconds. Otherwise its last figure stays.
_KEPT_SECONDS, _COUNTED_AT_ONCE, _PATIENCE_SECONDS = 15.0, 4, 0.05
_REMEMBERED = 5000
_Key = tuple[UUID, str, str, str]


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab: its name, where it leads, and the count beside its name, if one is known."""

    name: str
    parameters: dict[str, str]
    count: int | None
    current: bool
    deciding: bool = False
    path: str = "/redeem/transactions"


@dataclass(frozen=True, slots=True)
class Opened:
    """The saved view that is being looked at, and whether the list was changed since."""

    view: SavedView
    changed: bool
    parameters: dict[str, str]

    @property
    def path(self) -> str:
        """Where its forms go."""
        return f"{_TEAM if self.view.shared else _OWN}/{self.view.view_id}"


class SavedViews:
    """The handlers, and the tabs."""

    def __init__(self, parts: Parts, pages: Pages, figures: Figures) -> None:
        self._parts = parts
        self._pages = pages
        self._figures = figures
        self._counts: OrderedDict[_Key, tuple[float, int | None]] = OrderedDict()

    def table(self) -> list[Page]:
        """Their place in the table."""
        return [
            Page("POST", _OWN, self.add_own),
            Page("POST", _TEAM, self.add_shared, "bulk"),
            Page("POST", _OWN + "/{id}/save", self.save_own),
            Page("POST", _TEAM + "/{id}/save", self.save_shared, "bulk"),
            Page("POST", _OWN + "/{id}/delete", self.delete_own),
            Page("POST", _TEAM + "/{id}/delete", self.delete_shared, "bulk"),
        ]

    async def add_own(self, visit: Visit) -> Response:
        """Saves the list for the operator alone."""
        return await self._add(visit, shared=False)

    async def add_shared(self, visit: Visit) -> Response:
        """Saves the list for the team."""
        return await self._add(visit, shared=True)

    async def save_own(self, visit: Visit) -> Response:
        """The list as it is becomes what the operator's view stands for."""
        return await self._save(visit, shared=False)

    async def save_shared(self, visit: Visit) -> Response:
        """The same for a view of the team."""
        return await self._save(visit, shared=True)

    async def delete_own(self, visit: Visit) -> Response:
        """The operator's view is gone."""
        return await self._delete(visit, shared=False)

    async def delete_shared(self, visit: Visit) -> Response:
        """The team's view is gone for everybody."""
        return await self._delete(visit, shared=True)

    async def _add(self, visit: Visit, *, shared: bool) -> Response:
        query = _query(visit)
        name = " ".join(visit.field("name").replace("\x00", "").split())
        try:
            async with self._parts.database.tx() as tx:
                view_id = await views.add(tx, visit.operator, name, query, shared=shared)
                if shared:
                    await visit.audit(tx, "view.saved", view_id, {"name": name, "query": query})
        except InvalidRequest as refused:
            values: dict[str, object] = {"title": "Save this view", "place": _LIST, "kept": query}
            values |= {"name": name, "back": dict(parse_qsl(query)), "problem": refused.detail}
            return await self._pages.screen(visit, "save_view.html", values, status=422)
        return _to(visit, query, view_id)

    async def _save(self, visit: Visit, *, shared: bool) -> Response:
        query, view_id = _query(visit), visit.identifier("id")
        async with self._parts.database.tx() as tx:
            seen = await views.seen_by(tx, visit.operator)
            changed = await views.change(tx, visit.operator, view_id, query, shared=shared)
            if shared:
                before = next((one.query for one in seen if one.view_id == view_id), "")
                detail = {"name": changed.name, "before": before, "after": query}
                await visit.audit(tx, "view.changed", view_id, detail)
        return _to(visit, query, view_id)

    async def _delete(self, visit: Visit, *, shared: bool) -> Response:
        view_id = visit.identifier("id")
        async with self._parts.database.tx() as tx:
            gone = await views.remove(tx, visit.operator, view_id, shared=shared)
            if shared:
                detail = {"name": gone.name, "query": gone.query}
                await visit.audit(tx, "view.deleted", view_id, detail)
        return _to(visit, _query(visit), None)

    async def tabs(self, visit: Visit, asked: Asked, view: str) -> tuple[list[Tab], Opened | None]:
        """The tabs, and the saved view among them that is being looked at."""
        counts = await self._figures.counts(visit.namespace)
        async with self._parts.database.read() as tx:
            start = ids.first_id_at(visit.zone.midnight(visit.now))
            failed = await lists.count_status(tx, visit.namespace, "failure", start)
            saved = await views.seen_by(tx, visit.operator)
        opened = next((one for one in saved if str(one.view_id) == asked.saved), None)
        fixed = [
            ("needs-decision", "Needs a decision", counts.to_decide),
            ("all", "All", None),
            ("failed-today", "Failed today", failed),
            ("slow-provider", "Slow provider", counts.pending_long),
        ]
        if view == "contradictions":
            fixed.append(("contradictions", "Contradictions", None))
        found = [
            Tab(name, {"view": key}, count, opened is None and key == view, key == fixed[0][0])
            for key, name, count in fixed
        ]
        if counts.cases:
            found.append(Tab("Cases", {}, counts.cases, False, path="/redeem/cases"))
        known = await self._counted(visit, saved)
        for one in saved:
            leads = dict(parse_qsl(one.query)) | {"saved": str(one.view_id)}
            found.append(Tab(one.name, leads, known.get(one.view_id), one is opened))
        if opened is None:
            return found, None
        kept = dict(parse_qsl(opened.query))
        changed = kept != asked.kept(view)
        return found, Opened(opened, changed, kept | {"saved": str(opened.view_id)})

    async def _counted(self, visit: Visit, saved: list[SavedView]) -> dict[UUID, int | None]:
        """What is known of each; the oldest figures are counted anew."""
        keys = {one.view_id: _key(visit, one) for one in saved}
        since = clock.monotonic() - _KEPT_SECONDS
        ages = {one.view_id: self._counts.get(keys[one.view_id], (0.0, None))[0] for one in saved}
        stale = sorted(
            (one for one in saved if ages[one.view_id] < since), key=lambda one: ages[one.view_id]
        )
        for one in stale[:_COUNTED_AT_ONCE]:
            key = keys[one.view_id]
            count = await self._count(visit, one)
            last = self._counts.get(key, (0.0, None))[1]
            self._counts[key] = (clock.monotonic(), last if count is None else count)
            self._counts.move_to_end(key)
            while len(self._counts) > _REMEMBERED:
                self._counts.popitem(last=False)
        return {view_id: self._counts.get(key, (0.0, None))[1] for view_id, key in keys.items()}

    async def _count(self, visit: Visit, saved: SavedView) -> int | None:
        asked = addresses.read(dict(parse_qsl(saved.query)), visit.zone, visit.now)
        if asked.text is not None:
            return None
        try:
            async with self._parts.database.read() as tx:
                await lists.bounded(tx, _PATIENCE_SECONDS)
                wanted = await selection.wanted(
                    tx, self._parts.slots, visit, asked, asked.view or "all"
                )
                return await lists.count(tx, wanted)
        except QueryCanceled:
            return None


def _key(visit: Visit, saved: SavedView) -> _Key:
    """What a count depends on: "me" and "today" are somebody's."""
    return saved.view_id, saved.query, visit.operator.actor, visit.zone.name


def _query(visit: Visit) -> str:
    """What the form's list asks for, as it is saved: nothing of pages, open rows and zones."""
    given = dict(parse_qsl(visit.field("query").replace("\x00", "")))
    asked = addresses.read(given, visit.zone, visit.now)
    return urlencode(asked.kept(asked.view or "all"))


def _to(visit: Visit, query: str, view_id: UUID | None) -> Response:
    saved = {} if view_id is None else {"saved": str(view_id)}
    where = visit.url(_LIST, dict(parse_qsl(query)) | saved)
    return RedirectResponse(where, status_code=303)
