"""Says every few seconds how many members of each programme have the widget in view here."""

from collections.abc import Mapping
from uuid import UUID

from guerdon.db.pool import Database
from guerdon.db.rounds import Rounds
from guerdon.members.present import store
from guerdon.widget.live import MemberFeed


class Presence(Rounds):
    """A process that serves no widget writes nothing."""

    of = "members in view"
    seconds = 5.0

    def __init__(self, database: Database, feed: MemberFeed, process_id: UUID) -> None:
        super().__init__()
        self._database = database
        self._feed = feed
        self._process_id = process_id
        self._said = False

    async def round(self) -> None:
        """Says so if there is somebody, or was when it last said so."""
        await self._say(self._feed.in_view())

    async def leave(self) -> None:
        """Says that nobody is in view here any more."""
        await self._say({})

    async def _say(self, members: Mapping[str, int]) -> None:
        if not members and not self._said:
            return
        async with self._database.tx() as tx:
            await store.say(tx, self._process_id, members)
        self._said = bool(members)
