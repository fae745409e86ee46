"""The statuses of a transaction, and the one total table of what news does to them.

    pending               accepted, tokens held; the message is under way or with the provider
    postponed             the provider said: later; tokens held
    recoverable-failure   failed or unknown, and the tokens must not go back by machine; held
    success               a confirmation was received; tokens captured; closed
    failure               the reward was certainly not given; tokens released; closed

Statuses change only in this room, and only by this table (``product.md``, the life of a
transaction). Entering ``success`` writes the capture, entering ``failure`` the release, in the
same ``Tx``.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Status(StrEnum):
    PENDING = "pending"
    POSTPONED = "postponed"
    RECOVERABLE = "recoverable-failure"
    SUCCESS = "success"
    FAILURE = "failure"


class News(StrEnum):
    """What can be heard about a transaction, whoever says it."""

    POSTPONED = "postponed"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    DEADLINE = "deadline"
    CONFIRM = "operator-confirms"
    CANCEL = "operator-cancels"


OPEN = (Status.PENDING, Status.POSTPONED, Status.RECOVERABLE)
CLOSED = (Status.SUCCESS, Status.FAILURE)

Effect = Literal["moves", "stays", "conflict", "refused"]


@dataclass(frozen=True, slots=True)
class Step:
    """What one piece of news does: ``to`` is the status afterwards.

    ``moves``: the status changes. ``stays``: true already, or late; nothing moves. ``conflict``:
    contradicts what was concluded; recorded and flagged. ``refused``: a 409 and a line in the
    audit trail, nothing in the history.
    """

    to: Status
    effect: Effect


def _to(status: Status) -> Step:
    return Step(status, "moves")


def _row(status: Status, **cells: Step | Effect) -> dict[tuple[Status, News], Step]:
    return {
        (status, News[name]): cell if isinstance(cell, Step) else Step(status, cell)
        for name, cell in cells.items()
    }


# A pending transaction's deadline exists only where a provider in callback mode has acknowledged.
TABLE: dict[tuple[Status, News], Step] = {
    **_row(
        Status.PENDING,
        POSTPONED=_to(Status.POSTPONED),
        SUCCEEDED=_to(Status.SUCCESS),
        FAILED=_to(Status.FAILURE),
        UNKNOWN=_to(Status.RECOVERABLE),
        DEADLINE=_to(Status.RECOVERABLE),
        CONFIRM="refused",
        CANCEL="refused",
    ),
    **_row(
        Status.POSTPONED,
        POSTPONED="stays",
        SUCCEEDED=_to(Status.SUCCESS),
        FAILED=_to(Status.FAILURE),
        UNKNOWN="stays",
        DEADLINE=_to(Status.RECOVERABLE),
        CONFIRM=_to(Status.SUCCESS),
        CANCEL=_to(Status.FAILURE),
    ),
    **_row(
        Status.RECOVERABLE,
        POSTPONED=_to(Status.POSTPONED),
        SUCCEEDED=_to(Status.SUCCESS),
        FAILED=_to(Status.FAILURE),
        UNKNOWN="stays",
        DEADLINE="stays",
        CONFIRM=_to(Status.SUCCESS),
        CANCEL=_to(Status.FAILURE),
    ),
    **_row(
        Status.SUCCESS,
        POSTPONED="stays",
        SUCCEEDED="stays",
        FAILED="conflict",
        UNKNOWN="stays",
        DEADLINE="stays",
        CONFIRM="refused",
        CANCEL="refused",
    ),
    **_row(
        Status.FAILURE,
        POSTPONED="stays",
        SUCCEEDED="conflict",
        FAILED="stays",
        UNKNOWN="stays",
        DEADLINE="stays",
        CONFIRM="refused",
        CANCEL="refused",
    ),
}


def advance(status: Status, news: News, *, acknowledged: bool = False) -> Step:
    """What ``news`` does to a transaction in ``status``.

    ``acknowledged``: the provider confirms by callback and has acknowledged the message; only
    then does a pending transaction have a deadline.
    """
    if status is Status.PENDING and news is News.DEADLINE and not acknowledged:
        return Step(status, "stays")
    return TABLE[status, news]
