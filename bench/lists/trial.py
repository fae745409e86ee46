"""The whole trial on a data set: the hours first, then every budget, then the live streams."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.lists import data, streams
from bench.lists.asking import Visitor, stopwatches
from bench.lists.budgets import Budgets, Figure
from bench.lists.rows import NAMESPACE
from rich.console import Console
from rich.table import Table

from guerdon import app, clock
from guerdon.access import sessions
from guerdon.access import store as access
from guerdon.db import installation
from guerdon.db.embedded import EmbeddedServer
from guerdon.db.pool import Database
from guerdon.sealing import Sealer
from guerdon.transactions.hours import store as hours

_COUNTED_AT_ONCE = 20_000
_FOLDED_AT_ONCE = 5000


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """A pool as the service has it."""
    database = Database(url)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def furnish(url: str, sealer: Sealer) -> tuple[int, list[data.Offer]]:
    """The number of slots, and what is offered."""
    async with opened(url) as database:
        async with database.read() as tx:
            slots = await installation.slots(tx)
        return slots, await data.furnish(database, sealer)


async def measure(
    server: EmbeddedServer, folder: Path, key: bytes, watchers: int, console: Console
) -> None:
    """Measures, and prints a table of limits, figures and ratios."""
    async with opened(server.service_url) as database:
        await _count_hours(database, console)
        cookie = await _sign_in(database)
        async with app.running(database, Sealer(key), (), delivers=False) as running:
            visitor = Visitor(running.web, cookie)
            budgets = Budgets(visitor, database, console, _postmaster(folder))
            with stopwatches():
                await budgets.measure()
        watched = await streams.measure(
            database, server.owner_url, folder, key, cookie, watchers, console
        )
    console.print(_table([*budgets.figures, *watched]))
    for what, slowest in budgets.slow.items():
        console.print(f"[dim]{what}: slowest {slowest}", highlight=False)


async def _count_hours(database: Database, console: Console) -> None:
    """As a delivering process does it after an upgrade, but without its pauses."""
    started, steps, looked_at, longest = clock.monotonic(), 0, 0, 0.0
    async with database.tx() as tx:
        await hours.begin_counting(tx)
    while True:
        began = clock.monotonic()
        async with database.tx() as tx:
            turn = await hours.count_on(tx, _COUNTED_AT_ONCE)
        if turn is None:
            break
        longest = max(longest, clock.monotonic() - began)
        steps, looked_at = steps + 1, looked_at + turn.counted
        while True:
            async with database.tx() as tx:
                if await hours.fold(tx, _FOLDED_AT_ONCE) == 0:
                    break
    took = clock.monotonic() - started
    console.print(
        f"hours counted: {looked_at:,} transactions in {steps} steps and {took:.0f} s, the longest "
        f"step {longest * 1000:.0f} ms"
    )


async def _sign_in(database: Database) -> str:
    email = "bench@example.com"
    async with database.tx() as tx:
        await access.add_operator(tx, NAMESPACE, email, "admin", "$argon2id$none")
    async with database.tx() as tx:
        [row] = await sessions.candidates(tx, email)
        return await sessions.begin(tx, row.operator_id, None)


def _postmaster(folder: Path) -> int:
    return int((folder / "postgres" / "postmaster.pid").read_text("ascii").split()[0])


def _table(figures: list[Figure]) -> Table:
    load = " ".join(f"{one:.0f}" for one in os.getloadavg())
    said = f"ratios to the limit; load of the machine {load} on {os.cpu_count()} processors"
    table = Table(title="The console's lists", caption=said)
    for name, justify in (
        ("what", "left"),
        ("part", "left"),
        ("limit", "right"),
        ("best", "right"),
        ("middle", "right"),
        ("95th", "right"),
        ("best ratio", "right"),
        ("95th ratio", "right"),
    ):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for one in figures:
        table.add_row(
            one.what,
            one.part,
            f"{one.limit:g} {one.unit}",
            f"{one.best:.2f}",
            f"{one.middle:.2f}",
            f"{one.high:.2f}",
            _ratio(one.best / one.limit),
            _ratio(one.high / one.limit),
        )
    return table


def _ratio(value: float) -> str:
    return f"{value:.2f}" if value <= 1 else f"[bold red]{value:.2f}"
