"""The life of a transaction: the specification's table, typed out, cell by cell."""

from itertools import product

import pytest

from guerdon.transactions import states
from guerdon.transactions.events import TITLES, EventType
from guerdon.transactions.states import CLOSED, OPEN, News, Status, advance

HEARD = """
                      postponed    succeeded  failed    unknown  deadline  confirms  cancels
pending               ->postponed  ->success  ->failure ->rec    stays     refused   refused
pending, acknowledged ->postponed  ->success  ->failure ->rec    ->rec     refused   refused
postponed             stays        ->success  ->failure stays    ->rec     ->success ->failure
recoverable-failure   ->postponed  ->success  ->failure stays    stays     ->success ->failure
success               stays        stays      conflict  stays    stays     refused   refused
failure               stays        conflict   stays     stays    stays     refused   refused
"""

COLUMNS = {
    "postponed": News.POSTPONED,
    "succeeded": News.SUCCEEDED,
    "failed": News.FAILED,
    "unknown": News.UNKNOWN,
    "deadline": News.DEADLINE,
    "confirms": News.CONFIRM,
    "cancels": News.CANCEL,
}


def cells() -> list[tuple[str, bool, News, str]]:
    """(status, acknowledged, news, what it does), one for each cell."""
    head, *rows = HEARD.strip().splitlines()
    found = []
    for row in rows:
        acknowledged = "acknowledged" in row
        status, *does = row.replace(", acknowledged", "").split()
        for column, cell in zip(head.split(), does, strict=True):
            found.append((status, acknowledged, COLUMNS[column], cell))
    return found


@pytest.mark.parametrize(("status", "acknowledged", "news", "does"), cells())
def test_the_table(status: str, acknowledged: bool, news: News, does: str) -> None:
    step = advance(Status(status), news, acknowledged=acknowledged)
    if does.startswith("->"):
        to = does.removeprefix("->").replace("rec", "recoverable-failure")
        assert (str(step.to), step.effect) == (to, "moves")
    else:
        assert (str(step.to), step.effect) == (status, does)


def test_the_table_is_total_and_has_nothing_else() -> None:
    assert set(states.TABLE) == set(product(Status, News))
    assert {(Status(status), news) for status, _, news, _ in cells()} == set(states.TABLE)


def test_the_words_are_those_of_the_wire() -> None:
    assert {str(status) for status in Status} == {
        *("pending", "postponed", "recoverable-failure", "success", "failure")
    }
    assert set(OPEN) | set(CLOSED) == set(Status)
    assert {str(status) for status in CLOSED} == {"success", "failure"}


def test_acknowledging_changes_nothing_but_a_pending_deadline() -> None:
    for status, news in product(Status, News):
        if (status, news) != (Status.PENDING, News.DEADLINE):
            assert advance(status, news) == advance(status, news, acknowledged=True)


def test_nothing_moves_what_is_closed() -> None:
    for status, news, acknowledged in product(CLOSED, News, (False, True)):
        step = advance(status, news, acknowledged=acknowledged)
        assert step.to is status
        assert step.effect != "moves"


def test_a_move_changes_the_status_and_everything_else_keeps_it() -> None:
    for (status, _), step in states.TABLE.items():
        assert (step.effect == "moves") is (step.to is not status)


def test_every_event_has_its_title() -> None:
    assert {EventType(kind): title for kind, title in TITLES.items()} == {
        EventType.REQUESTED: "User initially triggered redeem option",
        EventType.WITHDRAWN: "Token withdrawal result",
        EventType.POSTED: "Message posted",
        EventType.CONFIRMED: "Confirmation received",
        EventType.POSTPONED: "Postponed by provider",
        EventType.UNKNOWN: "Outcome unknown",
        EventType.FAILED: "Provider reported failure",
        EventType.RETURNED: "Tokens returned",
        EventType.OPERATOR_CONFIRMED: "Confirmed by operator",
        EventType.OPERATOR_CANCELLED: "Cancelled by operator",
        EventType.CONFLICT: "Contradicting news",
        EventType.RESENT: "Provider asked again by operator",
        EventType.SECOND_ASKED: "Second person asked for",
        EventType.SECOND_DECLINED: "Declined by second person",
        EventType.CORRECTED: "Tokens corrected",
        EventType.CASE_CLOSED: "Case closed",
    }
    assert set(TITLES) == {str(kind) for kind in EventType}
