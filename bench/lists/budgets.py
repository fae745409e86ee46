"""Every budget of the console's lists, asked of the real application, one visitor at a time."""

import gc
import html
import re
import resource
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from bench.lists.asking import Answer, Spent, Visitor, postgres_seconds
from bench.lists.rows import DAYS, NAMESPACE
from rich.console import Console

from guerdon import clock, ids
from guerdon.console.figures import Figures
from guerdon.db.pool import Database
from guerdon.members import store as members
from guerdon.transactions.lists import pages as lists
from guerdon.transactions.lists.pages import FIRST_ID, Wanted

_LIST = "/redeem/transactions"
_WARM, _ROUNDS = 8, 40
# Milliseconds of the specification, at the 95th of a hundred.
PAGE = {"whole": 40.0, "sql": 10.0, "render": 10.0}
LOOK_UP = {"sql": 10.0}
# Where the bars are the larger part of it: the histogram has 20 ms of its own.
PAGE_AND_BARS = {"whole": 40.0, "sql": 30.0, "render": 10.0}
EXPANSION = {"whole": 60.0}
_MEMORY_MB = 30.0


@dataclass(slots=True)
class Figure:
    """One line of the table. On a machine with other work the best value says what it costs, the
    95th of a hundred what the machine was like."""

    what: str
    part: str
    unit: str
    limit: float
    best: float
    middle: float
    high: float


@dataclass(slots=True)
class Places:
    """What is looked for: taken from the data, so that there is something to find."""

    deep: UUID
    option: UUID
    rare_option: UUID
    user_id: str
    prefix: str
    expanded: list[UUID]


@dataclass(slots=True)
class Budgets:
    """Measures, and keeps what it measured. ``slow`` is the slowest statement of each case."""

    visitor: Visitor
    database: Database
    console: Console
    postmaster: int
    figures: list[Figure] = field(default_factory=list)
    slow: dict[str, str] = field(default_factory=dict)

    async def measure(self) -> None:
        """All of them."""
        places = await self._places()
        await self._counts()
        await self._pages(places)
        await self._expansion(places)
        await self._csv()

    async def _places(self) -> Places:
        now = clock.now()
        middle = ids.first_id_at(now - timedelta(days=DAYS / 2))
        async with self.database.read() as tx:
            [deep] = await lists.page(tx, Wanted(NAMESPACE, above=middle), 1, oldest_first=True)
            newest = await lists.page(tx, Wanted(NAMESPACE), 200)
            [failed] = await lists.page(tx, Wanted(NAMESPACE, statuses=("failure",)), 1)
            names = await members.user_ids(tx, {(failed.slot, failed.member_id)})
        by_option: dict[UUID, int] = {}
        for t in newest:
            by_option[t.option_name] = by_option.get(t.option_name, 0) + 1
        return Places(
            deep.transaction_id,
            max(by_option, key=lambda name: by_option[name]),
            min(by_option, key=lambda name: by_option[name]),
            names[failed.member_id],
            str(deep.transaction_id)[:8],
            [t.transaction_id for t in newest[:_ROUNDS]],
        )

    async def _pages(self, places: Places) -> None:
        cases: list[tuple[str, dict[str, str], dict[str, float]]] = [
            ("list, page 1", {"view": "all"}, PAGE),
            ("list, half way down", {"view": "all", "after": str(places.deep)}, PAGE),
            ("filter: status=failure", {"view": "all", "status": "failure"}, PAGE),
            ("filter: pending or failure", {"view": "all", "status": "pending,failure"}, PAGE),
            (
                "filter: type, price",
                {"view": "all", "type": "digital", "price": ">=500"},
                PAGE_AND_BARS,
            ),
            ("needs a decision", {"view": "needs-decision"}, LOOK_UP),
            ("failed today", {"view": "failed-today"}, LOOK_UP),
            ("slow provider", {"view": "slow-provider"}, LOOK_UP),
            ("contradictions", {"view": "contradictions"}, LOOK_UP),
            ("ID prefix, 8 digits", {"view": "all", "q": places.prefix}, LOOK_UP),
            ("user", {"view": "all", "user": places.user_id}, PAGE_AND_BARS),
            (
                "option and a week",
                {"view": "all", "option": str(places.option), "created": "7d"},
                PAGE_AND_BARS,
            ),
            (
                "rare option, failures",
                {"view": "all", "option": str(places.rare_option), "status": "failure"},
                PAGE_AND_BARS,
            ),
            ("list with bars of 30 days", {"view": "all", "created": "30d"}, PAGE_AND_BARS),
            ("list with bars of a year", {"view": "all", "created": "365d"}, PAGE_AND_BARS),
        ]
        for what, query, limits in cases:
            await self._case(what, lambda query=query: self.visitor.get(_LIST, query), limits)
        await self._case("overview", lambda: self.visitor.get("/redeem/overview"), PAGE)
        await self._case("options", lambda: self.visitor.get("/redeem/options"), PAGE)
        await self._case("providers", lambda: self.visitor.get("/providers"), PAGE)

    async def _case(
        self, what: str, ask: Callable[[], Awaitable[Answer]], limits: dict[str, float]
    ) -> list[Answer]:
        """One page many times, after it was seen a few times."""
        answers = []
        before = 0.0
        for number in range(_WARM + _ROUNDS):
            if number == _WARM:
                before = postgres_seconds(self.postmaster)
            answers.append(await ask())
            assert answers[-1].status == 200, (what, answers[-1].status, answers[-1].body[:500])
        del answers[:_WARM]
        postgres = (postgres_seconds(self.postmaster) - before) / _ROUNDS * 1000
        spent = [answer.spent for answer in answers]
        worked = sum(one.python for one in spent) / _ROUNDS + postgres
        for part, value in (("whole", worked), ("sql", postgres)):
            if part in limits:
                self._note(what, f"{part}, processor", "ms", limits[part], [value])
        for part, limit in limits.items():
            values = sorted(getattr(one, part) for one in spent)
            self._note(what, part, "ms", limit, values)
        slowest = max((one for answer in spent for one in answer.statements), default=(0.0, ""))
        self.slow[what] = f"{slowest[0]:.1f} ms: {slowest[1]}"
        self.console.print(_said(what, spent))
        return answers

    def _note(self, what: str, part: str, unit: str, limit: float, values: list[float]) -> None:
        high = values[min(len(values) - 1, int(len(values) * 0.95))]
        self.figures.append(
            Figure(what, part, unit, limit, values[0], values[len(values) // 2], high)
        )

    async def _expansion(self, places: Places) -> None:
        rows = iter(places.expanded * 2)
        answers = await self._case(
            "row expansion", lambda: self.visitor.get(f"{_LIST}/{next(rows)}/events"), EXPANSION
        )
        sizes = sorted(len(answer.body) / 1000 for answer in answers)
        self._note("row expansion", "as it is", "kB", 16.0, sizes)

    async def _counts(self) -> None:
        figures = Figures(self.database)

        async def open_counts() -> None:
            figures.forget(NAMESPACE)
            await figures.counts(NAMESPACE)

        async def capped() -> None:
            async with self.database.read() as tx:
                found = await lists.count_status(tx, NAMESPACE, "success", FIRST_ID)
            assert found == lists.COUNTED + 1, "there are more than are counted"

        async def nothing() -> None:
            async with self.database.read():
                pass

        for what, ask, limit in (
            ("an empty snapshot", nothing, 1.0),
            ("open counts", open_counts, 30.0),
            ("capped count", capped, 5.0),
        ):
            values = []
            for round_ in range(_WARM + _ROUNDS):
                started = clock.monotonic()
                await ask()
                if round_ >= _WARM:
                    values.append((clock.monotonic() - started) * 1000)
            self._note(what, "whole", "ms", limit, sorted(values))

    async def _csv(self) -> None:
        """A long export that is streamed, its memory after one has gone before."""
        span = {"view": "all", "created": "24h"}
        page = await self.visitor.get(f"{_LIST}/export", span)
        csrf = re.search(rb'name="csrf" value="([^"]+)"', page.body)
        assert csrf is not None, "the page has a form"
        form = {"csrf": html.unescape(csrf[1].decode()), "rows": "transaction", "col": "id"}
        form |= {"format": "csv", "zone": "UTC", "dates": "iso"}
        first: list[Spent] = []
        grown = 0
        for round_ in range(4):
            gc.collect()
            before = _peak_kilobytes()
            answer = await self.visitor.post(f"{_LIST}/export", span | form, keep=False)
            assert answer.status == 200, (answer.status, answer.body[:500])
            first.append(answer.spent)
            if round_:
                grown = max(
                    grown, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
                )
        self._note("CSV of a day", "first_byte", "ms", 300.0, sorted(s.first_byte for s in first))
        self._note("CSV of a day", "memory", "MB", _MEMORY_MB, [grown / 1024])
        self.console.print(f"CSV of a day: {first[-1].whole / 1000:.1f} s in all")


def _peak_kilobytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _said(what: str, spent: list[Spent]) -> str:
    middle = sorted(spent, key=lambda one: one.whole)[len(spent) // 2]
    return (
        f"{what}: {middle.whole:.1f} ms, of which {middle.sql:.1f} waiting for PostgreSQL "
        f"and {middle.render:.1f} in templates"
    )
