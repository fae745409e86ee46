"""Exports: what was taken lately, files that are being written or kept, and what each is."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
from starlette.responses import RedirectResponse, Response, StreamingResponse

from guerdon import ids
from guerdon.clock import rfc3339
from guerdon.console.exports import MEDIA_TYPES
from guerdon.console.pages import Pages
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.db.pool import ReadTx
from guerdon.errors import NotFound
from guerdon.redemption.exports.sheet import Sheet
from guerdon.transactions.exports import store
from guerdon.transactions.exports.model import Export
from guerdon.transactions.lists.pages import FIRST_ID
from guerdon.web.parts import Parts

_PATH = "/redeem/exports"
_NEWEST = 100
_DATES = {"iso": "ISO 8601 with the offset", "spreadsheet": "local, without the offset"}


class ExportFiles:
    """The handlers."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    def table(self) -> list[Page]:
        """Their place in the table."""
        return [
            Page("GET", _PATH, self.list),
            Page("GET", _PATH + "/{id}", self.page),
            Page("GET", _PATH + "/{id}/description", self.describe),
            Page("POST", _PATH + "/{id}/download", self.download),
            Page("POST", _PATH + "/{id}/stop", self.stop),
        ]

    async def list(self, visit: Visit) -> Response:
        """The newest exports of everybody."""
        async with self._parts.database.read() as tx:
            exports = await store.exports(tx, visit.namespace, _NEWEST)
        values = {"title": "Exports", "place": _PATH, "exports": exports}
        return await self._pages.screen(visit, "exports.html", values)

    async def page(self, visit: Visit) -> Response:
        """One export, and how far it came."""
        async with self._parts.database.read() as tx:
            export = await self._export(tx, visit)
        values = {
            "title": "Export",
            "place": _PATH,
            "export": export,
            "names": Sheet(export.plan).names,
            "dates": _DATES[export.plan.dates],
            "reached": None if export.walked_to is None else ids.moment_in(export.walked_to),
            "may_stop": _may_stop(visit, export),
        }
        if visit.fragment:
            return self._pages.page(visit, "export_progress.html", values)
        return await self._pages.screen(visit, "export.html", values)

    async def describe(self, visit: Visit) -> Response:
        """What the file is, for whoever finds it later: JSON, to be kept beside it."""
        async with self._parts.database.read() as tx:
            export = await self._export(tx, visit)
        text = msgspec.json.format(msgspec.json.encode(description(export)), indent=2)
        return Response(
            text + b"\n",
            media_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="{export.name}.json"'},
        )

    async def download(self, visit: Visit) -> Response:
        """The kept file; who took it is written down."""
        async with self._parts.database.read() as tx:
            export = await self._export(tx, visit)
        if export.plan.personal:
            visit.require("personal")
        if not export.has_file:
            raise NotFound("There is no file of this export.")
        async with self._parts.database.tx() as tx:
            await visit.audit(tx, "export.downloaded", export.export_id, {"file": export.name})
        return StreamingResponse(
            self._content(export),
            media_type=MEDIA_TYPES[export.plan.format],
            headers={
                "Content-Disposition": f'attachment; filename="{export.name}"',
                "Content-Length": str(export.size),
            },
        )

    async def stop(self, visit: Visit) -> Response:
        """Ends a file that is being written: by who began it, or who may decide for many."""
        async with self._parts.database.tx() as tx:
            export = await self._export(tx, visit)
            if not _may_stop(visit, export):
                visit.require("bulk")
            if await store.stop(tx, export, visit.operator.actor):
                await visit.audit(tx, "export.stopped", export.export_id, {"file": export.name})
        return RedirectResponse(visit.url(f"{_PATH}/{export.export_id}"), status_code=303)

    async def _content(self, export: Export) -> AsyncIterator[bytes]:
        async with self._parts.database.read() as tx:
            async for part in store.content(tx, export.export_id):
                yield part

    async def _export(self, tx: ReadTx, visit: Visit) -> Export:
        found = await store.export(tx, visit.namespace, visit.identifier("id"))
        if found is None:
            raise NotFound("There is nothing at this address.")
        return found


def _may_stop(visit: Visit, export: Export) -> bool:
    return export.actor == visit.operator.actor or visit.operator.may("bulk")


def description(export: Export) -> dict[str, Any]:
    """The query that made a file, who asked for it and when, and what came of it."""
    plan = export.plan
    wanted = plan.wanted
    first = UUID(int=wanted.above.int + 1)
    return {
        "query": {
            "list": export.words,
            "parameters": export.asked,
            "createdFrom": None if wanted.above == FIRST_ID else rfc3339(ids.moment_in(first)),
            "createdTo": rfc3339(ids.moment_in(wanted.below)),
            "order": "newest first",
        },
        "file": export.name,
        "format": "CSV (RFC 4180), UTF-8" if plan.format == "csv" else "JSON Lines, UTF-8",
        "onePerRow": plan.rows,
        "columns": Sheet(plan).names,
        "timeZone": plan.zone,
        "times": _DATES[plan.dates],
        "personalData": plan.personal,
        "state": export.state,
        "rows": export.written if export.ended_at is not None else None,
        "bytes": export.size if export.ended_at is not None else None,
        "snapshot": "of one moment" if not export.kept else "of each part's moment",
        "namespace": export.namespace,
        "exportedBy": export.actor,
        "startedAt": rfc3339(export.started_at),
        "endedAt": None if export.ended_at is None else rfc3339(export.ended_at),
        "export": str(export.export_id),
        "madeBy": f"Guerdon {plan.version}",
    }
