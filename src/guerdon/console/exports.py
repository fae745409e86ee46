"""The list as a file: CSV for spreadsheets, JSON Lines for programs, streamed from one snapshot."""

import csv
import io
from collections.abc import AsyncIterator, Sequence

import msgspec
from starlette.responses import Response, StreamingResponse

from guerdon.console import asked as addresses
from guerdon.console import columns, rows, selection
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.errors import InvalidRequest
from guerdon.transactions.lists import pages as lists
from guerdon.transactions.lists.pages import Wanted
from guerdon.web.parts import Parts

MOST = 100_000
# What a spreadsheet would run as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_FORMATS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}


class Exports:
    """The handlers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def table(self) -> list[Page]:
        """Their place in the table."""
        return [Page("POST", "/redeem/transactions/export", self.export)]

    async def export(self, visit: Visit) -> Response:
        """The list that the form's filters ask for; who took it is written down."""
        kind = visit.field("format")
        if kind not in _FORMATS:
            raise InvalidRequest("An export is CSV or JSON Lines.")
        given = {name: visit.field(name) for name in ("view", "cols", *addresses.FILTERS)}
        asked = addresses.read({k: v for k, v in given.items() if v}, visit.zone, visit.now)
        if asked.text is not None:
            raise InvalidRequest(
                "A search of payloads is no list to export. Take that filter away."
            )
        keys: Sequence[str] = [column.key for column in asked.columns]
        if visit.field("columns") == "all":
            keys = columns.WHOLE
        elif not visit.operator.may("personal"):
            keys = [key for key in keys if key != "note"]
        personal = bool(visit.field("personal"))
        if personal:
            visit.require("personal")
            keys = [*keys, "personal"]
        async with self._parts.database.tx() as tx:
            wanted = await selection.wanted(
                tx, self._parts.slots, visit, asked, asked.view or "all"
            )
            await visit.audit(
                tx,
                "transactions.exported",
                kind,
                {name: value for name, value in given.items() if value} | {"personal": personal},
            )
        filename = f"transactions-{asked.view or 'all'}-{visit.now:%Y%m%d-%H%M%S}-utc.{kind}"
        return StreamingResponse(
            self._lines(wanted, kind, keys),
            media_type=_FORMATS[kind],
            headers={"Content-Disposition": f'attachment; filename="{filename}"'},
        )

    async def _lines(self, wanted: Wanted, kind: str, keys: Sequence[str]) -> AsyncIterator[bytes]:
        """In one snapshot and constant memory; ``names`` is a second connection, because the first
        has its cursor open."""
        fields = columns.fields(keys)
        if kind == "csv":
            yield csv_lines([list(fields)])
        database = self._parts.database
        async with database.read() as tx, database.read() as names:
            async for group in lists.stream(tx, wanted, MOST):
                found = await rows.read(names, group, keys)
                values = [{name: of(row) for name, of in fields.items()} for row in found]
                if kind == "csv":
                    yield csv_lines([[harmless(one) for one in row.values()] for row in values])
                else:
                    yield b"".join(msgspec.json.encode(row) + b"\n" for row in values)


def harmless(value: str | int | None) -> str:
    """A cell that no spreadsheet runs."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_lines(rows: Sequence[Sequence[str]]) -> bytes:
    """Rows as CSV (RFC 4180)."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8", "replace")
