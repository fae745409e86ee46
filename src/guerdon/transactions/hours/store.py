"""What was redeemed in each hour and what became of it, without reading the transactions.

What adds transactions or moves their statuses notes in the same ``Tx`` how their hours change, so
hours and changes together are in every snapshot what the transactions say. A follower folds the
changes into the hours (:func:`fold`), and counts the hours of each programme from the newest down
(:func:`count_on`): the first round takes in what was there before hours were kept, every later one
is a check. What differs is corrected by one more change.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from guerdon import ids
from guerdon.db.pool import ReadTx, Row, Tx
from guerdon.db.sql import Queries
from guerdon.transactions.states import Status

_Q = Queries("guerdon.transactions.hours")
HOUR = timedelta(hours=1)
FIRST_HOUR = datetime(1970, 1, 1, tzinfo=UTC)
LAST_HOUR = datetime(9999, 1, 1, tzinfo=UTC)
_Changes = Mapping[tuple[str, datetime, str], int]


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of counting: which hours were counted, in which round, and what differed."""

    namespace: str
    start: datetime
    end: datetime
    counted: int
    round: int
    differed: Sequence[Row]


def hour_of(moment: datetime) -> datetime:
    """The whole hour that a moment is in."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


async def note_opened(tx: Tx, slot: int, at: datetime, namespaces: Iterable[str]) -> None:
    """One more pending transaction of this hour in each of these namespaces."""
    hour = hour_of(at)
    await _note(tx, slot, Counter((name, hour, str(Status.PENDING)) for name in namespaces))


async def note_moved(
    tx: Tx, slot: int, moved: Iterable[tuple[str, datetime, Status, Status]]
) -> None:
    """Transactions went from one status to another: (namespace, created_at, was, is)."""
    changes: Counter[tuple[str, datetime, str]] = Counter()
    for namespace, created_at, was, now in moved:
        hour = hour_of(created_at)
        changes[namespace, hour, str(was)] -= 1
        changes[namespace, hour, str(now)] += 1
    await _note(tx, slot, changes)


async def _note(tx: Tx, slot: int, changes: _Changes) -> None:
    """How many more of (namespace, hour, status) there are since this ``Tx``."""
    kept = {key: found for key, found in changes.items() if found}
    if kept:
        await tx.execute(
            _Q["note"],
            {
                "slot": slot,
                "namespaces": [namespace for namespace, _, _ in kept],
                "hours": [hour for _, hour, _ in kept],
                "statuses": [status for _, _, status in kept],
                "found": list(kept.values()),
            },
        )


async def fold(tx: Tx, limit: int) -> int:
    """Folds up to ``limit`` changes into their hours; answers how many there were."""
    row = await tx.first(_Q["fold"], {"limit": limit})
    return 0 if row is None else int(row.rows)


async def whole_from(tx: ReadTx, namespace: str) -> datetime | None:
    """From which hour on the hours of a programme can be relied on; ``None``: not yet at all."""
    row = await tx.first(_Q["counting"], {"namespace": namespace})
    if row is None:
        return None
    return FIRST_HOUR if row.rounds else row.counted_from


async def bars(
    tx: ReadTx, namespace: str, start: datetime, end: datetime, seconds: float
) -> list[Row]:
    """(bar, status, found) of the whole hours from ``start`` to ``end``."""
    where = {"namespace": namespace, "from": start, "below": end, "seconds": seconds}
    return await tx.all(_Q["bars"], where)


async def begin_counting(tx: Tx) -> None:
    """Programmes whose hours were never counted get their turns from now on."""
    await tx.run(_Q["begin_counting"], {"from": hour_of(tx.at) + HOUR})


async def count_on(tx: Tx, most: int, *, checks: bool = False) -> Turn | None:
    """Counts some more hours of the programme whose turn it is: about ``most`` transactions, but
    one hour at least. ``checks``: also those that are whole. ``None``: it is nobody's turn."""
    turn = await tx.first(_Q["take_turn"], {"checks": checks})
    if turn is None:
        return None
    start, found = await _stretch(tx, turn.namespace, turn.counted_from, most)
    differed = await differences(tx, turn.namespace, start, turn.counted_from)
    corrections = {
        (turn.namespace, row.hour, row.status): row.counted - row.known for row in differed
    }
    await _note(tx, 0, corrections)
    ended = start == FIRST_HOUR
    next_from = hour_of(tx.at) + HOUR if ended else start
    await tx.run(
        _Q["save_turn"],
        {"namespace": turn.namespace, "from": next_from, "rounds": turn.rounds + ended},
    )
    return Turn(turn.namespace, start, turn.counted_from, found, turn.rounds, differed)


async def programmes(tx: ReadTx) -> list[tuple[str, datetime]]:
    """Every programme with hours, and from which hour on they can be relied on."""
    rows = await tx.all(_Q["programmes"])
    return [(row.namespace, FIRST_HOUR if row.rounds else row.counted_from) for row in rows]


async def differences(tx: ReadTx, namespace: str, start: datetime, end: datetime) -> list[Row]:
    """(hour, status, counted, known) where the hours say otherwise than the transactions."""
    return await tx.all(
        _Q["differences"],
        {
            "namespace": namespace,
            "statuses": [str(status) for status in Status],
            "from": start,
            "below": end,
            "from_id": ids.first_id_at(start),
            "below_id": ids.first_id_at(end),
        },
    )


async def compare(
    tx: ReadTx, namespace: str, whole: datetime, end: datetime, most: int
) -> tuple[datetime | None, list[Row]]:
    """Compares about ``most`` transactions below the hour ``end`` with their hours: where to go on
    below, and what differs."""
    start, _ = await _stretch(tx, namespace, end, most)
    start = max(start, whole)
    differed = await differences(tx, namespace, start, end)
    return (None if start == whole else start), differed


async def _stretch(tx: ReadTx, namespace: str, end: datetime, most: int) -> tuple[datetime, int]:
    """From which hour on about ``most`` transactions were made before ``end``, and how many."""
    where = {"namespace": namespace, "below_id": ids.first_id_at(end), "limit": most}
    row = await tx.first(_Q["stretch"], where)
    if row is None or row.found < most:
        return FIRST_HOUR, 0 if row is None else row.found
    oldest: UUID = row.oldest
    # Of the oldest hour only a part was seen: it is left to the next turn, unless it is alone.
    hour = hour_of(ids.moment_in(oldest))
    return (hour + HOUR if hour + HOUR < end else hour), row.found
