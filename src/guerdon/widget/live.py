"""Live news for members: their own balance, and what becomes of their redemptions.

Whoever settles in this process wakes the member's streams; what other processes did is found by a
slow look at the database. A stream ends when its member may no longer listen, or the server ends.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from uuid import UUID

import msgspec
import structlog
from psycopg import Error as DatabaseError
from psycopg_pool import PoolTimeout

from guerdon import clock
from guerdon.db.pool import Database
from guerdon.errors import InvariantBroken, TooManyRequests
from guerdon.ledger import store as ledger
from guerdon.members.model import Member
from guerdon.transactions.histories import store as histories
from guerdon.transactions.model import Transaction
from guerdon.widget import shown, stories

_LOOKS_EVERY_SECONDS = 5.0
_HEARTBEAT_SECONDS = 15.0
_MOST_STREAMS = 16
_NEWEST = 50
# What changed while a page was on its way is told again to its stream.
_RECENT_SECONDS = 60
_log = structlog.get_logger("guerdon.widget")

MayListen = Callable[[], Awaitable[bool]]


class _Told:
    """What one stream has been told."""

    def __init__(self) -> None:
        self.balance: dict[str, int] | None = None
        self.events: dict[UUID, int] = {}


class MemberFeed:
    """Tells every open widget what concerns its member, and nobody else's."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watchers: dict[UUID, set[asyncio.Event]] = {}
        self._members: Counter[str] = Counter()
        self._closing = False

    def wake(self, member_id: UUID) -> None:
        """Something was committed that concerns this member."""
        for watcher in self._watchers.get(member_id, ()):
            watcher.set()

    def end(self) -> None:
        """Ends every stream, so that a server that stops need not wait for them."""
        self._closing = True
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.set()

    def in_view(self) -> dict[str, int]:
        """How many members of each programme have a widget that listens here."""
        return dict(self._members)

    def refuse_if_crowded(self, member: Member) -> None:
        """``TooManyRequests`` where a member has more streams open than they can look at."""
        if len(self._watchers.get(member.member_id, ())) >= _MOST_STREAMS:
            raise TooManyRequests("This member has too many pages open.", retryAfter=60)

    async def frames(
        self, member: Member, language: str | None, may_listen: MayListen
    ) -> AsyncGenerator[bytes, None]:
        """What one stream is sent: first how things stand, then each change."""
        told, news, beat = _Told(), asyncio.Event(), clock.monotonic()
        if member.member_id not in self._watchers:
            self._watchers[member.member_id] = set()
            self._members[member.namespace] += 1
        self._watchers[member.member_id].add(news)
        try:
            while not self._closing:
                try:
                    frames = await self._look(member, language, told)
                except InvariantBroken as gone:  # a sandbox was wiped
                    _log.warning("a member's stream ends", error=gone.detail)
                    return
                if frames:
                    yield frames
                with suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), _LOOKS_EVERY_SECONDS)
                news.clear()
                if clock.monotonic() - beat > _HEARTBEAT_SECONDS:
                    if not await may_listen():
                        return
                    beat = clock.monotonic()
                    yield b": still here\n\n"
        finally:
            watchers = self._watchers[member.member_id]
            watchers.discard(news)
            if not watchers:
                del self._watchers[member.member_id]
                self._members -= Counter([member.namespace])

    async def _look(self, member: Member, language: str | None, told: _Told) -> bytes:
        """What is new since the last look; nothing where the database does not answer."""
        try:
            async with self._database.read() as tx:
                account = await ledger.account(tx, member.slot, member.member_id)
                newest = await histories.page(tx, member.slot, member.member_id, _NEWEST)
                news = [t for t in reversed(newest) if _is_news(t, told)]
                changed = await stories.told(tx, member.slot, news, language)
        except (DatabaseError, PoolTimeout, OSError) as trouble:
            _log.warning("a member's stream waits for the database", error=str(trouble))
            return b""
        frames = b"".join(_frame("transaction", one) for one in changed)
        told.events = {t.transaction_id: t.events for t in newest}
        balance = shown.balance(account)
        if balance != told.balance:
            told.balance = balance
            frames += _frame("balance", balance)
        return frames


def _is_news(t: Transaction, told: _Told) -> bool:
    if told.balance is None:
        age = clock.now() - t.updated_at
        return t.closed_at is None or age.total_seconds() < _RECENT_SECONDS
    return told.events.get(t.transaction_id) != t.events


def _frame(event: str, data: object) -> bytes:
    return f"event: {event}\n".encode() + b"data: " + msgspec.json.encode(data) + b"\n\n"
