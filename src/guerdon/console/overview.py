"""Overview: what needs somebody now, and how today compares. Every number leads to its list."""

from dataclasses import dataclass
from datetime import UTC, timedelta

from starlette.responses import Response

from guerdon import clock, ids
from guerdon.console.figures import Figures, by_status
from guerdon.console.pages import Pages
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.db.pool import ReadTx
from guerdon.providers import store as providers
from guerdon.transactions.lists import pages as lists
from guerdon.transactions.requests import store as requests
from guerdon.transactions.states import Status
from guerdon.web.parts import Parts

_LISTED, _LOOKED_AT, _SHOWN, _OPTIONS = 200, 5000, 50, 20


@dataclass(frozen=True, slots=True)
class Today:
    """One status: how many since midnight, and in the same part of the day a week ago."""

    status: str
    now: str
    then: str


class Overview:
    """The handler."""

    def __init__(self, parts: Parts, pages: Pages, figures: Figures) -> None:
        self._parts = parts
        self._pages = pages
        self._figures = figures

    def table(self) -> list[Page]:
        """Its place in the table."""
        return [Page("GET", "/redeem/overview", self.page)]

    async def page(self, visit: Visit) -> Response:
        """The page."""
        # As fresh as what stands beside them.
        counts = await self._figures.counts(visit.namespace, clock.monotonic())
        start = ids.first_id_at(visit.now - timedelta(days=1))
        async with self._parts.database.read() as tx:
            waiting = {row.status: row for row in await lists.waiting(tx, visit.namespace)}
            adjustments = await requests.adjustments(tx, visit.namespace, _SHOWN)
            today = await _today(tx, visit)
            known = await providers.page(tx, self._parts.sealer, visit.namespace, "", _LISTED)
            health = await lists.health(tx, visit.namespace, start, _LOOKED_AT)
            options = await lists.option_health(
                tx, visit.namespace, start, _LOOKED_AT, most=_OPTIONS
            )
            refused = await providers.refused_callbacks(tx, [one.provider_id for one in known])
        values = {
            "title": "Overview",
            "place": "/redeem/overview",
            "counts": counts,
            "waiting": waiting,
            "oldest": min((row.oldest for row in waiting.values()), default=None),
            "held": sum(row.held for row in waiting.values()),
            "more_held": sum(row.found for row in waiting.values()) >= lists.COUNTED,
            "adjustments": f"{_SHOWN}+" if len(adjustments) == _SHOWN else len(adjustments),
            "today": today,
            "refused": refused,
            "a_week_ago": _a_week_ago(visit),
            "options": options,
            "looked_at": _LOOKED_AT,
            "rows": [(one, health.get(one.provider_id)) for one in known],
        }
        return await self._pages.screen(visit, "overview.html", values)


def _a_week_ago(visit: Visit) -> str:
    """The same part of the day a week ago, as the list's address spells it."""
    week = timedelta(days=7)
    ends = (visit.zone.midnight(visit.now) - week, visit.now - week)
    return "..".join(f"{end.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for end in ends)


async def _today(tx: ReadTx, visit: Visit) -> list[Today]:
    midnight, week = visit.zone.midnight(visit.now), timedelta(days=7)
    now = await by_status(tx, visit.namespace, midnight)
    then = await by_status(tx, visit.namespace, midnight - week, visit.now - week)
    return [Today(str(status), now[status], then[status]) for status in Status]
