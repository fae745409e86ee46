"""The bars above the list and today's figures: from the hours that are kept, or from the newest
transactions where these do not know. Both say the same."""

import re
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import timedelta
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from tests.conftest import Api
from tests.integration.hour_parts import becomes, count_all, opened
from tests.integration.test_console_rights import cookie_of

from guerdon import clock
from guerdon.db.pool import Database
from guerdon.transactions.hours import store as hours
from guerdon.transactions.hours.store import HOUR
from guerdon.transactions.states import Status

OPTION = UUID("5c787af5-d28e-4567-809c-b030877d9355")
Get = Callable[[str], Coroutine[Any, Any, str]]


@pytest.fixture
async def get(api: Api, database: Database) -> AsyncIterator[Get]:
    """Pages, as a viewer sees them."""
    cookie = await cookie_of(database, "1", "viewer")
    base = str(api._session._base_url)
    async with aiohttp.ClientSession(base, cookie_jar=aiohttp.DummyCookieJar()) as session:

        async def page(path: str) -> str:
            async with session.get(path, headers=cookie) as answer:
                assert answer.status == 200
                return await answer.text()

        yield page


async def a_month(database: Database) -> None:
    """Redemptions of the last days: 12 within 24 hours, 20 within a week, 23 in all."""
    now = hours.hour_of(clock.now())
    for ago, count, status in (
        (HOUR * 2, 3, Status.SUCCESS),
        (HOUR * 5, 4, Status.FAILURE),
        (HOUR * 20, 5, Status.PENDING),
        (timedelta(days=3), 8, Status.SUCCESS),
        (timedelta(days=29), 3, Status.SUCCESS),
    ):
        made = await opened(database, now - ago, count - 1)
        made += await opened(database, now - ago, 1, option_name=OPTION)
        if status is not Status.PENDING:
            await becomes(database, status, *made)


def told(page: str) -> tuple[int, list[int]]:
    """How many redemptions the drawing says there are, and each bar."""
    found = re.search(r'aria-label="Redemptions from [^"]*: ([\d,]+)"', page)
    assert found is not None
    bars = re.findall(r"<title>[^<]*: ([\d,]+) \(", page)
    return int(found[1].replace(",", "")), [int(bar.replace(",", "")) for bar in bars]


@pytest.mark.parametrize("counted", [False, True], ids=["newest", "hours"])
@pytest.mark.parametrize(
    ("query", "bars"),
    [
        ("", [5, 4, 3]),
        ("&status=success", [3]),
        ("&status=-success", [5, 4]),
        ("&created=7d", [8, 5, 4, 3]),
        ("&created=30d", [3, 8, 5, 4, 3]),
        ("&created=30d&status=success", [3, 8, 3]),
        (f"&created=7d&option={OPTION}", [1, 1, 1, 1]),
        ("&created=7d&price=>5", []),
        ("&created=6h", [4, 3]),
    ],
)
async def test_the_bars(
    database: Database, get: Get, query: str, bars: list[int], counted: bool
) -> None:
    await a_month(database)
    if counted:
        await count_all(database)
    page = await get(f"/redeem/transactions?view=all{query}")
    if not bars:
        assert "<figure" not in page
        return
    total, found = told(page)
    assert total == sum(bars) == sum(found)
    # Where the bars end depends on the time of day: neighbours may share one.
    assert len(found) <= len(bars)
    assert "among the newest" not in page


async def test_bars_know_what_is_not_folded_yet(database: Database, get: Get) -> None:
    await a_month(database)
    await count_all(database)
    async with database.tx() as tx:  # some; the process that serves may have folded the others
        await hours.fold(tx, 3)
    assert told(await get("/redeem/transactions?view=all"))[0] == 12


@pytest.mark.parametrize("counted", [False, True], ids=["newest", "hours"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
async def test_today_by_status(database: Database, get: Get, counted: bool, zone: str) -> None:
    await opened(database, clock.now(), 3)
    await opened(database, clock.now() - timedelta(days=7), 2)
    await opened(database, clock.now() - timedelta(days=7) + HOUR, 7)
    if counted:
        await count_all(database)
    page = await get(f"/redeem/overview?tz={zone}")
    [row] = [row for row in page.split("<tr>") if "status=pending" in row and "today" in row]
    assert [cell.strip() for cell in re.findall(r">([\d,+]+)<", row)] == ["3", "2"]
