"""Settings > Audit log: who did what to what, found by person, action, target and day."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import msgspec
from starlette.responses import Response, StreamingResponse

from guerdon import spreadsheet
from guerdon.access import store, trail
from guerdon.access.trail import Sought
from guerdon.clock import rfc3339
from guerdon.console.pages import Pages
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.db.pool import Row
from guerdon.web.parts import Parts

_PATH = "/settings/audit"
_LINES, _MOST, _EXPORT_LOOKS_AT = 100, 100_000, 1_000_000
_USUAL_DAYS = 31
_TEXTS, _DAYS = ("actor", "action", "target"), ("from", "to")
_NAMES = ("at", "actor", "action", "target", "detail", "address", "id")


@dataclass(frozen=True, slots=True)
class _Asked:
    """The filter bar: as it was typed, what it asks for, and what does not read."""

    given: dict[str, str]
    sought: Sought
    wrong: str | None

    def link(self, **more: str | None) -> dict[str, str | None]:
        return {**{name: value or None for name, value in self.given.items()}, **more}


class AuditLog:
    """The handlers."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    def table(self) -> list[Page]:
        """Their place in the table."""
        return [
            Page("GET", _PATH, self.page, "personal"),
            Page("POST", _PATH + "/export", self.export, "personal"),
        ]

    async def page(self, visit: Visit) -> Response:
        """A page of it, and how far a search looked."""
        asked = _read(visit, {name: visit.query(name) or "" for name in (*_TEXTS, *_DAYS)})
        async with self._parts.database.read() as tx:
            rows = await trail.page(tx, asked.sought, _LINES + 1)
            full = len(rows) > _LINES
            reach = None
            if asked.sought.filtered and not full:
                reach = await trail.reach(tx, asked.sought)
        last = rows[_LINES - 1] if full else reach
        values = {
            "title": "Audit log",
            "place": _PATH,
            "rows": [(row, _told(row.detail)) for row in rows[:_LINES]],
            "asked": asked,
            "reach": reach,
            "usual_days": _USUAL_DAYS,
            "more": None if last is None else f"{last.at.isoformat()}|{last.audit_id}",
        }
        status = 200 if asked.wrong is None else 422
        response = await self._pages.screen(visit, "audit.html", values, status=status)
        visit.remember_zone(response)
        return response

    async def export(self, visit: Visit) -> Response:
        """What the filter bar asks for as CSV; who took it is a line of its own."""
        asked = _read(visit, {name: visit.field(name) for name in (*_TEXTS, *_DAYS)})
        async with self._parts.database.tx() as tx:
            await store.audit(
                tx,
                namespace=visit.namespace,
                actor=visit.operator.actor,
                action="audit.exported",
                target="csv",
                detail={name: value for name, value in asked.given.items() if value},
                address=visit.address,
            )
        filename = f"audit-{visit.now:%Y%m%d-%H%M%S}-utc.csv"
        return StreamingResponse(
            self._lines(replace(asked.sought, looked_at=_EXPORT_LOOKS_AT)),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{filename}"'},
        )

    async def _lines(self, sought: Sought) -> AsyncIterator[bytes]:
        yield spreadsheet.lines([_NAMES]).encode()
        async with self._parts.database.read() as tx:
            async for rows in trail.stream(tx, sought, _MOST):
                yield spreadsheet.lines(map(_values, rows)).encode("utf-8", "replace")


def _read(visit: Visit, given: dict[str, str]) -> _Asked:
    given = {name: value.strip().replace("\x00", "")[:320] for name, value in given.items()}
    wrong = None
    days: dict[str, date | None] = {}
    for name in _DAYS:
        try:
            days[name] = date.fromisoformat(given[name]) if given[name] else None
        except ValueError:
            days[name] = None
            wrong = f"“{given[name]}” is no day such as {visit.now:%Y-%m-%d}. It is left out."
    zone = visit.zone.info
    last = days["to"]
    until = visit.now + timedelta(minutes=1)
    if last is not None:
        until = datetime.combine(last + timedelta(days=1), time(), zone)
    first = days["from"]
    since = until - timedelta(days=_USUAL_DAYS)
    if first is not None:
        since = datetime.combine(first, time(), zone)
    actor = given["actor"]
    if "@" in actor and ":" not in actor:
        actor = f"operator:{actor}"
    sought = Sought(
        visit.namespace,
        since,
        until,
        actor=actor or None,
        action=given["action"] or None,
        target=given["target"] or None,
        below=_below(visit.query("below")),
    )
    return _Asked(given, sought, wrong)


def _below(text: str | None) -> tuple[datetime, UUID] | None:
    moment, _, identifier = (text or "").partition("|")
    try:
        at = datetime.fromisoformat(moment)
        return (at, UUID(identifier)) if at.tzinfo is not None else None
    except ValueError:
        return None


def _told(detail: dict[str, Any]) -> list[tuple[str, str]]:
    """The details of a line in words; what changed as before → after."""
    return [(name, _said(value)) for name, value in detail.items() if value not in (None, "", [])]


def _said(value: Any) -> str:
    if isinstance(value, dict) and value.keys() == {"before", "after"}:
        return f"{_said(value['before'])} → {_said(value['after'])}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value in (None, "", []):
        return "nothing"
    if isinstance(value, list):
        return ", ".join(_said(one) for one in value)
    return msgspec.json.encode(value).decode() if isinstance(value, dict) else str(value)


def _values(row: Row) -> list[spreadsheet.Cell]:
    detail = msgspec.json.encode(row.detail).decode() if row.detail else ""
    at = rfc3339(row.at)
    return [at, row.actor, row.action, row.target, detail, row.address, str(row.audit_id)]
