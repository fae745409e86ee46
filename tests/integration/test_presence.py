"""How many members have the widget in view, by what every process says of its own streams."""

from collections.abc import AsyncGenerator
from uuid import uuid4

import pytest
from tests.integration.programme import SLOTS

from guerdon.db.pool import Database
from guerdon.members.model import Change, Member
from guerdon.members.present import store
from guerdon.redemption import enrolment
from guerdon.widget.live import MemberFeed
from guerdon.widget.presence import Presence


class Process:
    """One process that serves widgets."""

    def __init__(self, database: Database) -> None:
        self.feed = MemberFeed(database)
        self.presence = Presence(database, self.feed, uuid4())

    async def opened(self, member: Member) -> AsyncGenerator[bytes, None]:
        """A widget that listens here."""

        async def always() -> bool:
            return True

        frames = self.feed.frames(member, None, always)
        await anext(frames)
        return frames


async def in_view(database: Database, namespace: str = "1") -> int:
    async with database.read() as tx:
        return await store.in_view(tx, namespace)


@pytest.fixture
async def members(database: Database) -> dict[str, Member]:
    async with database.tx() as tx:
        return {
            name: (await enrolment.put_member(tx, SLOTS, "1", name, Change()))[0]
            for name in ("ann", "ben")
        }


async def test_members_are_counted_once_a_process_and_no_longer_than_they_look(
    database: Database, members: dict[str, Member]
) -> None:
    here, there = Process(database), Process(database)
    await here.presence.round()
    assert await in_view(database) == 0
    two_tabs = [await here.opened(members["ann"]) for _ in range(2)]
    elsewhere = await there.opened(members["ben"])
    for process in (here, there):
        await process.presence.round()
    assert await in_view(database) == 2
    assert await in_view(database, "2") == 0
    await two_tabs[0].aclose()
    await here.presence.round()
    assert await in_view(database) == 2
    await two_tabs[1].aclose()
    await here.presence.round()
    assert await in_view(database) == 1
    # It ends in good order: what it said goes with it.
    there.presence.stop()
    await there.presence.run()
    assert await in_view(database) == 0
    await elsewhere.aclose()


async def test_what_a_killed_process_said_counts_no_more(
    database: Database, members: dict[str, Member]
) -> None:
    killed, other = Process(database), Process(database)
    frames = await killed.opened(members["ann"])
    await killed.presence.round()
    assert await in_view(database) == 1
    async with database.pool.connection() as connection:
        await connection.execute("UPDATE widget_in_view SET at = at - interval '16 seconds'")
    assert await in_view(database) == 0
    async with database.pool.connection() as connection:
        await connection.execute("UPDATE widget_in_view SET at = at - interval '2 days'")
    watching = await other.opened(members["ben"])
    await other.presence.round()
    async with database.pool.connection() as connection:
        cursor = await connection.execute("SELECT count(*) FROM widget_in_view")
        assert [tuple(row) for row in await cursor.fetchall()] == [(1,)]
    await frames.aclose()
    await watching.aclose()
