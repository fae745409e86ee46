"""The bars above the list: what was redeemed when, and what became of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from guerdon import ids
from guerdon.console import asked as addresses
from guerdon.console.asked import Asked
from guerdon.console.visit import Visit
from guerdon.db.pool import ReadTx
from guerdon.transactions.lists import pages as lists

BARS = 48
HEIGHT = 44
_LOOKED_AT = 20_000
_ORDER = ("success", "failure", "pending", "postponed", "recoverable-failure")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a bar, in the units of the drawing."""

    status: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what it says, where it leads, and its pieces from the ground up."""

    number: int
    label: str
    created: str
    total: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Histogram:
    """All of them. ``since`` is set where not everything was looked at."""

    bars: tuple[Bar, ...]
    total: int
    start: datetime
    end: datetime
    since: datetime | None


async def histogram(tx: ReadTx, visit: Visit, asked: Asked) -> Histogram:
    """The bars of the span that the list is filtered by, or of the last 24 hours."""
    start, end = visit.now - timedelta(hours=24), visit.now
    for value in asked.values("created"):
        span = addresses.created(value, visit.zone, visit.now)
        if span is not None:
            start, end = span[0], span[1] or visit.now
    width = max((end - start).total_seconds() / BARS, 1.0)
    rows = await lists.histogram(
        tx,
        visit.namespace,
        (ids.first_id_at(start), ids.first_id_at(end + timedelta(milliseconds=1))),
        start,
        width,
        _LOOKED_AT,
    )
    counted: dict[int, dict[str, int]] = {}
    for row in rows:
        bar = counted.setdefault(min(max(row.bar, 0), BARS - 1), {})
        bar[row.status] = bar.get(row.status, 0) + row.found
    total = sum(row.found for row in rows)
    highest = max((sum(bar.values()) for bar in counted.values()), default=1)
    bars = tuple(
        _bar(visit, number, start + timedelta(seconds=width * number), width, bar, highest)
        for number, bar in sorted(counted.items())
    )
    cut = min(row.first for row in rows) if total >= _LOOKED_AT else None
    return Histogram(bars, total, start, end, cut)


def _bar(
    visit: Visit, number: int, start: datetime, width: float, found: dict[str, int], highest: int
) -> Bar:
    pieces, top = [], float(HEIGHT)
    for status in _ORDER:
        height = found.get(status, 0) / highest * HEIGHT
        if height:
            top -= height
            pieces.append(Piece(status, round(top, 2), round(height, 2)))
    total = sum(found.values())
    end = start + timedelta(seconds=width)
    parts = ", ".join(f"{found[status]} {status}" for status in _ORDER if status in found)
    first, last = (moment.astimezone(visit.zone.info) for moment in (start, end))
    label = f"{first:%d %b %H:%M} to {last:%H:%M}: {total:,} ({parts})"
    span = f"{first:%Y-%m-%dT%H:%M:%S}..{last:%Y-%m-%dT%H:%M:%S}"
    return Bar(number, label, span, total, tuple(pieces))
