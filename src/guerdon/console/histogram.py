"""The bars above the list: what was redeemed when, and what became of it.

Whole hours come from the hours that are kept, however many redemptions they hold. What these do not
know is read from the newest redemptions of the span, so many and no more: bars finer than an hour,
any filter but the status, and hours that were not counted yet.
"""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from guerdon import ids
from guerdon.console.visit import Visit
from guerdon.db.pool import ReadTx
from guerdon.transactions.hours import store as hours
from guerdon.transactions.hours.store import HOUR
from guerdon.transactions.lists import pages as lists
from guerdon.transactions.lists.pages import FIRST_ID, LAST_ID, Wanted

BARS = 48
WIDTH, HEIGHT = 480, 44
_LOOKED_AT = 10_000
_SHORT = timedelta(hours=12)
# How many hours a bar may stand for: people count in these.
_STEPS = (1, 2, 3, 4, 6, 8, 12, 24, 48, 72, 168, 336, 672)
_ORDER = ("success", "failure", "pending", "postponed", "recoverable-failure")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a bar, in the units of the drawing."""

    status: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: where it stands, what it says, where it leads, its pieces from the ground up."""

    x: float
    label: str
    created: str
    total: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Histogram:
    """All of them, ``width`` apart. ``since``: how far back the ``looked_at`` newest ones reach, if
    that is not all of the span."""

    bars: tuple[Bar, ...]
    width: float
    total: int
    start: datetime
    end: datetime
    looked_at: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class _Counted:
    """How many there are of each status in each bar of some length."""

    start: datetime
    end: datetime
    step: timedelta
    found: dict[int, Counter[str]]
    looked_at: int = 0
    since: datetime | None = None


async def histogram(tx: ReadTx, visit: Visit, wanted: Wanted) -> Histogram:
    """The bars of the span that a list is filtered by, or of the last 24 hours."""
    start, end = _span(visit, wanted)
    first = hours.hour_of(start)
    whole = await hours.whole_from(tx, visit.namespace)
    by_hour = _by_status_alone(wanted) and end - start >= _SHORT
    if by_hour and whole is not None and whole <= first:
        counted = await _of_hours(tx, wanted, first, end)
    else:
        counted = await _of_newest(tx, wanted, start, end)
    return _drawn(visit, counted)


def _span(visit: Visit, wanted: Wanted) -> tuple[datetime, datetime]:
    end = visit.now if wanted.below == LAST_ID else min(ids.moment_in(wanted.below), visit.now)
    if wanted.above == FIRST_ID:
        return end - timedelta(hours=24), end
    start = ids.moment_in(UUID(int=wanted.above.int + 1))
    return start, max(end, start + timedelta(milliseconds=1))


def _by_status_alone(wanted: Wanted) -> bool:
    return replace(wanted, statuses=None, above=FIRST_ID, below=LAST_ID) == Wanted(wanted.namespace)


async def _of_hours(tx: ReadTx, wanted: Wanted, first: datetime, end: datetime) -> _Counted:
    """Whole hours, so the first and the last bar may reach beyond the span."""
    last = hours.hour_of(end - timedelta(microseconds=1)) + HOUR
    many = (last - first) // HOUR
    step = HOUR * next((s for s in _STEPS if many <= s * BARS), -(-many // BARS))
    rows = await hours.bars(tx, wanted.namespace, first, last, step.total_seconds())
    found: dict[int, Counter[str]] = {}
    for row in rows:
        if wanted.statuses is None or row.status in wanted.statuses:
            found.setdefault(row.bar, Counter())[row.status] += row.found
    return _Counted(first, last, step, found)


async def _of_newest(tx: ReadTx, wanted: Wanted, start: datetime, end: datetime) -> _Counted:
    step = max((end - start) / BARS, timedelta(seconds=1))
    below = ids.first_id_at(end + timedelta(milliseconds=1)) if wanted.below == LAST_ID else None
    within = wanted.between(UUID(int=max(ids.first_id_at(start).int - 1, 0)), below)
    rows = await lists.histogram(tx, within, start, step.total_seconds(), _LOOKED_AT)
    found: dict[int, Counter[str]] = {}
    for row in rows:
        if row.found:
            bar = min(max(row.bar, 0), BARS - 1)
            found.setdefault(bar, Counter())[row.status] += row.found
    looked_at = sum(row.looked_at for row in rows)
    since = min(row.first for row in rows) if looked_at >= _LOOKED_AT else None
    return _Counted(start, end, step, found, looked_at, since)


def _drawn(visit: Visit, counted: _Counted) -> Histogram:
    many = -(-(counted.end - counted.start) // counted.step)
    width = WIDTH / min(max(many, 1), BARS)
    highest = max((bar.total() for bar in counted.found.values()), default=1)
    bars = tuple(_bar(visit, counted, number, width, highest) for number in sorted(counted.found))
    total = sum(bar.total for bar in bars)
    span = (counted.start, counted.end)
    return Histogram(bars, width, total, *span, counted.looked_at, counted.since)


def _bar(visit: Visit, counted: _Counted, number: int, width: float, highest: int) -> Bar:
    found = counted.found[number]
    pieces, top = [], float(HEIGHT)
    for status in _ORDER:
        height = found[status] / highest * HEIGHT
        if height > 0:
            top -= height
            pieces.append(Piece(status, round(top, 2), round(height, 2)))
    start = counted.start + counted.step * number
    first, last = (at.astimezone(visit.zone.info) for at in (start, start + counted.step))
    ends = f"{last:%H:%M}" if last - first < timedelta(days=1) else f"{last:%d %b %H:%M}"
    parts = ", ".join(f"{found[status]:,} {status}" for status in _ORDER if status in found)
    label = f"{first:%d %b %H:%M} to {ends}: {found.total():,} ({parts})"
    span = f"{first:%Y-%m-%dT%H:%M:%S}..{last:%Y-%m-%dT%H:%M:%S}"
    return Bar(round(number * width, 2), label, span, found.total(), tuple(pieces))
