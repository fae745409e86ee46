"""The list as a file: what goes into it is chosen in a dialog; a short one is streamed, a long one
is begun in the background."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

import msgspec
from psycopg.errors import QueryCanceled
from starlette.responses import RedirectResponse, Response, StreamingResponse

from guerdon import __version__
from guerdon.console import asked as addresses
from guerdon.console import columns, finding, moments, selection, wording
from guerdon.console.asked import Asked
from guerdon.console.pages import Pages
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.db.pool import ReadTx
from guerdon.errors import InvalidRequest
from guerdon.redemption.exports import sheet, writing
from guerdon.transactions.exports import store
from guerdon.transactions.exports.model import PERSONAL, Plan
from guerdon.transactions.lists import pages as lists
from guerdon.transactions.lists.pages import Wanted
from guerdon.web.parts import Parts

MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
_PATH = "/redeem/transactions/export"
# How long counting may take: for the dialog, and to know that a list is short enough to stream.
_ESTIMATE_SECONDS, _SIZE_SECONDS = 0.3, 2.0
# What the dialog offers; what was sent about the member is asked for in a tick of its own.
_OFFERED = {
    key: columns.COLUMNS[key].name if key in columns.COLUMNS else "Closed at"
    for key in sheet.COLUMNS
    if key != "personal"
}


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The form as it was filled in, and why it cannot be done, if it cannot."""

    columns: tuple[str, ...]
    rows: Literal["transaction", "event"] = "transaction"
    zone: str = "UTC"
    dates: Literal["iso", "spreadsheet"] = "iso"
    format: Literal["csv", "jsonl"] = "csv"
    personal: bool = False
    problem: str | None = None

    def plan(self, wanted: Wanted) -> Plan:
        keys = (*self.columns, "personal") if self.personal else self.columns
        return Plan(wanted, keys, self.rows, self.zone, self.dates, self.format, __version__)


@dataclass(frozen=True, slots=True)
class _List:
    """Which list it is: as its address asks for it, and in words."""

    view: str
    asked: Asked
    words: str
    wanted: Wanted


class Exports:
    """The handlers."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    def table(self) -> list[Page]:
        """Their place in the table."""
        return [Page("GET", _PATH, self.ask), Page("POST", _PATH, self.export)]

    async def ask(self, visit: Visit) -> Response:
        """The dialog, with the columns that the list shows and the page's zone."""
        async with self._parts.database.read() as tx:
            one = await self._list(tx, visit, dict(visit.request.query_params))
        shown = ["updated" if column.key == "age" else column.key for column in one.asked.columns]
        keys = tuple(key for key in dict.fromkeys(shown) if _may_have(visit, key))
        return await self._form(visit, one, _Chosen(keys, zone=visit.zone.name))

    async def export(self, visit: Visit) -> Response:
        """The file, or where it will be; who took it is written down."""
        given = {name: visit.field(name) for name in ("view", *addresses.FILTERS)}
        given = {name: value for name, value in given.items() if value}
        chosen = _chosen(visit)
        if chosen.personal or not PERSONAL.isdisjoint(chosen.columns):
            visit.require("personal")
        async with self._parts.database.read() as tx:
            one = await self._list(tx, visit, given)
            plan = chosen.plan(await writing.frozen(tx, one.wanted, visit.now))
        if one.asked.wrong:
            problem = "A filter of this list does not read. Put it right, then export."
            chosen = replace(chosen, problem=problem)
        if chosen.problem is not None:
            return await self._form(visit, one, chosen)
        kept = await self._is_long(plan)
        name = _file_name(visit, one.words, plan)
        try:
            export_id = await self._begin(visit, one, plan, name, kept=kept)
        except InvalidRequest as refused:
            return await self._form(visit, one, replace(chosen, problem=refused.detail))
        if kept:
            return RedirectResponse(visit.url(f"/redeem/exports/{export_id}"), status_code=303)
        described = visit.url(f"/redeem/exports/{export_id}/description")
        return StreamingResponse(
            self._streamed(export_id, plan),
            media_type=MEDIA_TYPES[plan.format],
            headers={
                "Content-Disposition": f'attachment; filename="{name}"',
                "Link": f'<{described}>; rel="describedby"; type="application/json"',
            },
        )

    async def _begin(self, visit: Visit, one: _List, plan: Plan, name: str, *, kept: bool) -> UUID:
        asked, actor = dict(one.asked.parameters), visit.operator.actor
        detail = {"file": name, "list": one.words, "rows": plan.rows, "format": plan.format}
        detail |= {"columns": ",".join(plan.columns), "zone": plan.zone}
        async with self._parts.database.tx() as tx:
            export_id = await store.add(
                tx, visit.namespace, actor, name, asked, one.words, plan, kept=kept
            )
            await visit.audit(
                tx, "transactions.exported", export_id, detail | {"personal": plan.personal}
            )
        return export_id

    async def _list(self, tx: ReadTx, visit: Visit, parameters: dict[str, str]) -> _List:
        asked = addresses.read(parameters, visit.zone, visit.now)
        if asked.text is not None:
            raise InvalidRequest(
                "A search of payloads is no list to export. Take that filter away."
            )
        view = asked.view or "all"
        titles = finding.titles(await finding.catalogue(tx, visit.namespace))
        words = wording.in_words(view, [wording.named(token, titles) for token in asked.tokens])
        wanted = await selection.wanted(tx, self._parts.slots, visit, asked, view)
        return _List(view, asked, words, wanted)

    async def _form(self, visit: Visit, one: _List, chosen: _Chosen) -> Response:
        try:
            async with self._parts.database.read() as tx:
                await lists.bounded(tx, _ESTIMATE_SECONDS)
                found = await lists.count(tx, one.wanted)
        except QueryCanceled:  # no index knows it: how many is left open
            found = None
        shown = [key for key in chosen.columns if key in _OFFERED]
        values = {
            "title": "Export transactions",
            "place": "/redeem/transactions",
            "chosen": chosen,
            "words": one.words,
            "found": found,
            "offered": {key: _OFFERED[key] for key in (*shown, *_OFFERED)},
            "personal_columns": PERSONAL,
            "kept": one.asked.link(
                view=one.view, saved=None, sort=None, limit=None, cols=None, tz=None
            ),
            "tz": {"tz": visit.zone.choice},
            "most_streamed": writing.MOST_STREAMED,
        }
        if visit.fragment:
            return self._pages.page(visit, "export_form.html", values)
        status = 200 if chosen.problem is None else 422
        return await self._pages.screen(visit, "export_page.html", values, status=status)

    async def _is_long(self, plan: Plan) -> bool:
        try:
            async with self._parts.database.read() as tx:
                await lists.bounded(tx, _SIZE_SECONDS)
                return await writing.rows_of(tx, plan) > writing.MOST_STREAMED
        except QueryCanceled:  # what takes long to count takes longer to read
            return True

    async def _streamed(self, export_id: UUID, plan: Plan) -> AsyncIterator[bytes]:
        rows = size = 0
        async with self._parts.database.read() as tx:
            async for piece, count in writing.stream(tx, plan):
                rows += count
                size += len(piece)
                yield piece
        async with self._parts.database.tx() as tx:
            await store.finish_streamed(tx, export_id, rows, size)


def _may_have(visit: Visit, key: str) -> bool:
    return key not in PERSONAL or visit.operator.may("personal")


def _chosen(visit: Visit) -> _Chosen:
    """The form. Raises ``InvalidRequest`` for what it cannot have sent."""
    given = {name: visit.field(name) for name in ("rows", "zone", "dates", "format")}
    keys = tuple(dict.fromkeys(visit.form.get("col", [])))
    try:
        chosen = msgspec.convert(
            given | {"columns": keys, "personal": bool(visit.field("personal"))}, _Chosen
        )
    except msgspec.ValidationError as wrong:
        raise InvalidRequest("This is no export that the form offers.") from wrong
    known = moments.zone(chosen.zone, None).name == chosen.zone
    if not (known and set(keys) <= _OFFERED.keys()):
        raise InvalidRequest("This is no export that the form offers.")
    return chosen if keys else replace(chosen, problem="Tick at least one column.")


def _file_name(visit: Visit, words: str, plan: Plan) -> str:
    what = "transactions" if plan.rows == "transaction" else "transaction-events"
    local = visit.now.astimezone(moments.zone(plan.zone, None).info)
    zone = plan.zone.replace("/", "-")
    return f"{what}-{wording.slug(words)}-{local:%Y%m%d-%H%M%S}-{zone}.{plan.format}"
