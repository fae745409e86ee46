"""A text in payloads: found where people may read it, nowhere else, and never all at once."""

from collections.abc import Sequence
from uuid import UUID

import aiohttp
import psycopg
import pytest
from tests.conftest import Api
from tests.faults.provider import FaultProvider, reply
from tests.faults.redeeming import Redeeming, statement
from tests.integration.test_console_rights import cookie_of

from guerdon import clock
from guerdon.app import Running
from guerdon.console import looking
from guerdon.console.searching import Search
from guerdon.db.pool import Database, ReadTx
from guerdon.transactions.lists.pages import Wanted
from guerdon.transactions.model import Transaction

SOON = 60.0


@pytest.fixture
async def made(guerdon: Running, redeeming: Redeeming, provider: FaultProvider) -> list[UUID]:
    """Three transactions, the newest first: one was answered with a voucher, one confirmed by
    callback, and one is alice's as all of them are."""
    provider_id = await redeeming.provider(provider)
    option = await redeeming.option(provider_id)
    provider.answers(reply(200, {"status": "success", "voucher": "KINO-77_%"}))
    answered = await redeeming.redeem(option)
    await redeeming.until(answered, "success")
    provider.answers(reply(201))
    called = await redeeming.redeem(option)
    await redeeming.until(called, "postponed")
    said = await redeeming.call_back(provider_id, called, "success", message="Booked under RÉF-9")
    assert said.status == 200
    waiting = await redeeming.redeem(option)
    await redeeming.until(waiting, "postponed")
    return [UUID(one) for one in (waiting, called, answered)]


async def test_a_text_is_found_where_it_may_be_read(
    made: list[UUID], guerdon: Running, database: Database
) -> None:
    waiting, called, answered = made

    async def find(text: str, *, replies: bool) -> list[UUID]:
        search = Search(text, guerdon.parts.sealer if replies else None)
        looked = await looking.sift(
            database,
            Wanted("1"),
            9,
            search.among,
            oldest_first=False,
            until=clock.monotonic() + SOON,
            step=2,
        )
        assert not looked.stopped
        return [t.transaction_id for t in looked.found]

    for replies in (False, True):
        assert await find(f'"transactionId":"{waiting}"', replies=replies) == [waiting]
        assert await find("booked UNDER", replies=replies) == [called]
        assert await find('"userId":"ALICE"', replies=replies) == made
        # What is masked on the screen is not found, whoever looks.
        assert await find("alice@example.com", replies=replies) == []
        assert await find("1 Main Street", replies=replies) == []
        # Signs of patterns are only signs.
        assert await find("kino%77", replies=replies) == []
        assert await find("boo_ed", replies=replies) == []
    assert await find("kino-77_%", replies=False) == []
    assert await find("kino-77_%", replies=True) == [answered]


async def test_a_search_out_of_time_keeps_what_it_found(
    made: list[UUID], database: Database, database_url: str
) -> None:
    search = Search("alice", None)
    async with await psycopg.AsyncConnection.connect(database_url) as connection:

        async def interrupted(tx: ReadTx, found: Sequence[Transaction]) -> list[Transaction]:
            if len(found) == 1:  # who holds the events keeps the search of the second page waiting
                await connection.execute("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
            return await search.among(tx, found)

        looked = await looking.sift(
            database,
            Wanted("1"),
            9,
            interrupted,
            oldest_first=False,
            until=clock.monotonic() + 1,
            step=2,
        )
    assert [t.transaction_id for t in looked.found] == made[:2]
    assert looked.stopped
    assert looked.reached == made[1]


@pytest.mark.parametrize(("role", "rows", "lines"), [("viewer", 0, 0), ("support", 1, 1)])
async def test_a_search_of_replies_takes_the_right_and_is_written_down(
    role: str, rows: int, lines: int, made: list[UUID], api: Api, database: Database
) -> None:
    cookie = await cookie_of(database, "1", role)
    base = str(api._session._base_url)
    asked = {"view": "all", "payload": "kino-77", "created": "24h"}
    async with aiohttp.ClientSession(base, headers=cookie) as session:
        async with session.get("/redeem/transactions", params=asked) as answer:
            assert answer.status == 200
            assert (await answer.text()).count("data-expand=") == rows
        asked["created"] = "90d"
        async with session.get("/redeem/transactions", params=asked) as answer:
            assert answer.status == 422
            assert "needs a span of at most 31 days" in await answer.text()
    async with database.read() as tx:
        found = await tx.all(
            statement("SELECT * FROM audit WHERE action = 'replies.searched' ORDER BY at")
        )
    assert len(found) == lines
    assert all("kino" not in str(row) for row in found)
