"""Live updates: one reader of the newest events for everybody who watches.

While anybody watches, the events of the last seconds are read twice a second, so that a commit that
comes late is not missed; what was seen before is left out. Each changed transaction is rendered
once for each kind of reader, counts once for each programme, and the bytes are shared. A stream
sends cells to put in place (they never move a row), and says which transactions now belong to the
reader's list.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
import structlog
from psycopg import Error as DatabaseError
from psycopg_pool import PoolTimeout

from guerdon import clock
from guerdon.db.pool import Database
from guerdon.redemption.rows import Row
from guerdon.transactions.lists import pages as lists
from guerdon.transactions.lists.pages import Wanted
from guerdon.transactions.model import Transaction

_EVERY_SECONDS = 0.5
_LOOKS_BACK_SECONDS = 6.0
_MOST_AT_ONCE = 1000
_REMEMBERED = 20_000
_KEPT = 1000
_HEARTBEAT_SECONDS = 15.0
_log = structlog.get_logger("guerdon.console")


@dataclass(frozen=True, slots=True)
class Change:
    """One transaction as it stands now. ``number`` orders the changes of this process; ``at`` is
    when it was read, on the monotonic clock."""

    number: int
    at: float
    row: Row
    messages: dict[tuple[str, bool], bytes] = field(default_factory=dict)

    @property
    def t(self) -> Transaction:
        return self.row.t


@dataclass(frozen=True, slots=True)
class Listener:
    """Who watches: their list, how cells read for their kind, what counts read like after a moment,
    and whether their session still stands."""

    wanted: Wanted
    kind: str
    render: Callable[[Row], str]
    counts: Callable[[float], Coroutine[Any, Any, str]]
    may_listen: Callable[[], Awaitable[bool]]


class Feed:
    """Reads what changed, and tells everybody who watches."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: OrderedDict[UUID, int] = OrderedDict()
        self._kept: list[Change] = []
        self._number = 0
        self._watchers: set[asyncio.Event] = set()
        # By programme: the counts after a change, on their way or there.
        self._counted: dict[str, tuple[int, asyncio.Task[str]]] = {}
        self._reading: asyncio.Task[None] | None = None
        self._closing = False
        # Numbers of another process, or of this one before it was started again, mean nothing here.
        self._epoch = f"{clock.unix_seconds():x}"

    def end(self) -> None:
        """Ends every stream, so that a server that stops need not wait for them."""
        self._closing = True
        for watcher in self._watchers:
            watcher.set()

    async def close(self) -> None:
        """Reads no more."""
        self.end()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def frames(self, listener: Listener, last_id: str) -> AsyncIterator[bytes]:
        """What one listener is sent, until they leave, may no longer listen, or the server ends."""
        told, missed = self._resume(last_id)
        news = asyncio.Event()
        self._watchers.add(news)
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        try:
            yield self._frame("refresh" if missed else "open", told, b"{}")
            while not self._closing:
                # Numbers follow one another: what is new is at the end.
                fresh = self._kept[-(self._number - told) :] if self._number > told else []
                if fresh:
                    told = fresh[-1].number
                    yield await self._told(fresh, listener)
                try:
                    await asyncio.wait_for(news.wait(), _HEARTBEAT_SECONDS)
                except TimeoutError:
                    if not await listener.may_listen():
                        return
                    yield b": still here\n\n"
                news.clear()
        finally:
            self._watchers.discard(news)

    def _resume(self, last_id: str) -> tuple[int, bool]:
        """From which number on a listener is told, and whether they missed too much. Who is new is
        told again what changed while their page was on its way."""
        if not last_id:
            since = clock.monotonic() - _LOOKS_BACK_SECONDS
            return next((c.number - 1 for c in self._kept if c.at > since), self._number), False
        epoch, _, number = last_id.partition("-")
        if epoch != self._epoch or not (number.isascii() and number.isdigit()):
            return self._number, True
        oldest = self._kept[0].number if self._kept else self._number + 1
        asked = int(number)
        return (asked, False) if asked >= oldest - 1 else (self._number, True)

    async def _told(self, fresh: list[Change], listener: Listener) -> bytes:
        namespace = listener.wanted.namespace
        messages = [self._message(one, listener) for one in fresh if one.t.namespace == namespace]
        newest = fresh[-1]
        known = self._counted.get(namespace)
        if known is None or known[0] != newest.number:
            # However many listen, one of them asks, and it is asked to the end should they leave.
            known = (newest.number, asyncio.ensure_future(listener.counts(newest.at)))
            self._counted[namespace] = known
        counts = await asyncio.shield(known[1])
        return b"".join([*messages, self._frame("", newest.number, counts.encode())])

    def _message(self, change: Change, listener: Listener) -> bytes:
        """What is said of a change, made once for each kind of reader it is said to."""
        belongs = listener.wanted.matches(change.t, change.row.attempt)
        made = change.messages.get((listener.kind, belongs))
        if made is None:
            told = msgspec.json.encode(
                {
                    "id": str(change.t.transaction_id),
                    "belongs": belongs,
                    "open": change.row.to_decide,
                    "events": change.t.events,
                }
            )
            cells = listener.render(change.row).encode()
            made = self._frame("", change.number, cells)
            made += self._frame("change", change.number, told)
            change.messages[listener.kind, belongs] = made
        return made

    def _frame(self, event: str, number: int, data: bytes) -> bytes:
        named = f"event: {event}\n".encode() if event else b""
        lines = b"".join(b"data: " + line + b"\n" for line in data.split(b"\n") if line)
        return named + f"id: {self._epoch}-{number}\n".encode() + lines + b"\n"

    async def _read(self) -> None:
        """Reads while anybody watches."""
        while self._watchers:
            try:
                changed = await self._changed()
            except (DatabaseError, PoolTimeout, OSError) as trouble:
                _log.warning("live feed waits for the database", error=str(trouble))
                changed = []
            for row in changed:
                self._number += 1
                self._kept.append(Change(self._number, clock.monotonic(), row))
            del self._kept[:-_KEPT]
            if changed:
                for watcher in self._watchers:
                    watcher.set()
            await asyncio.sleep(_EVERY_SECONDS)

    async def _changed(self) -> list[Row]:
        async with self._database.read() as tx:
            found = await lists.changed_since(tx, _LOOKS_BACK_SECONDS, _MOST_AT_ONCE)
            fresh = _fresh(found, self._seen)
            changed = await lists.by_ids(tx, fresh) if fresh else []
            attempts = await lists.last_attempts(tx, fresh)
        for t in changed:
            self._seen[t.transaction_id] = found[t.slot, t.transaction_id]
            self._seen.move_to_end(t.transaction_id)
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        changed.sort(key=lambda t: (t.updated_at, t.transaction_id))
        return [Row(t, "", attempt=attempts.get(t.transaction_id)) for t in changed]


def _fresh(
    found: Mapping[tuple[int, UUID], int], seen: Mapping[UUID, int]
) -> list[tuple[int, UUID]]:
    return [key for key, events in found.items() if seen.get(key[1]) != events]
