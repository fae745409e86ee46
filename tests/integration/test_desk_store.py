"""Notes and assignees in the database, and notes among the steps of a timeline."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from tests.conftest import Api
from tests.faults.provider import FaultProvider
from tests.faults.redeeming import Redeeming

from guerdon.app import Running
from guerdon.console.desk import with_notes
from guerdon.console.pages import initials
from guerdon.console.story import Step, Story
from guerdon.db.pool import Database
from guerdon.redemption import inquiry
from guerdon.transactions.desk import store as desk
from guerdon.transactions.desk.store import Note
from guerdon.transactions.model import Transaction


@pytest.fixture
async def t(
    guerdon: Running, database: Database, redeeming: Redeeming, provider: FaultProvider
) -> Transaction:
    """A transaction of alice."""
    made = await redeeming.redeem(await redeeming.offer(provider))
    await redeeming.until(made, "success")
    async with database.read() as tx:
        return await inquiry.find(tx, guerdon.parts.slots, "1", UUID(made))


async def test_notes_at_once_have_their_own_numbers(t: Transaction, database: Database) -> None:
    async def write(text: str) -> int:
        async with database.tx() as tx:
            return await desk.add_note(tx, t, "operator:a", text)

    numbers = await asyncio.gather(*(write(f"note {n}") for n in range(8)))
    assert sorted(numbers) == list(range(1, 9))
    async with database.read() as tx:
        found = await desk.notes(tx, t.slot, t.transaction_id)
    assert [note.n for note in found] == list(range(1, 9))
    assert {note.text for note in found} == {f"note {n}" for n in range(8)}


async def test_what_notes_say_goes_with_the_member(
    t: Transaction, database: Database, api: Api
) -> None:
    async with database.tx() as tx:
        await desk.add_note(tx, t, "operator:a", "alice lives at 1 Main Street")
    erased = await api.call("DELETE", "/v1/members/alice")
    assert erased.status in (200, 204), erased.body
    async with database.read() as tx:
        (note,) = await desk.notes(tx, t.slot, t.transaction_id)
    assert (note.author, note.text) == ("operator:a", None)


async def test_it_is_handed_over_from_whom_it_was_seen_with(
    t: Transaction, database: Database
) -> None:
    async def hand_over(seen: str | None, assignee: str | None) -> bool:
        async with database.tx() as tx:
            return await desk.hand_over(tx, t, seen, assignee)

    assert await hand_over(None, "a")
    assert not await hand_over(None, "b")
    assert not await hand_over("b", None)
    assert await hand_over("a", "b")
    key = (t.slot, t.transaction_id)
    async with database.read() as tx:
        assert await desk.assignees(tx, [key]) == {t.transaction_id: "b"}
        assert await desk.assigned_to(tx, "1", ["a", "b"]) == [t.transaction_id]
        assert await desk.assigned_to(tx, "1", ["a"]) == []
        assert await desk.assigned_to(tx, "2", ["b"]) == []
    assert await hand_over("b", None)
    async with database.read() as tx:
        assert await desk.assignees(tx, [key]) == {}


def test_notes_stand_after_what_had_happened_then() -> None:
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def at(minute: int) -> datetime:
        return noon + timedelta(minutes=minute)

    first = Step(1, "one", "good", at(0), None, "", "")
    second = replace(first, seq=2, title="two", at=at(10), since=timedelta(minutes=10))
    story = Story((first, second), (), (), None, masked=False, hidden=False)
    notes = [Note(1, "operator:a@x.org", at(4), "early"), Note(2, "operator:b@x.org", at(11), None)]
    told = with_notes(story, notes, None).steps
    assert [step.title for step in told] == ["one", "Note", "two", "Note"]
    minutes = [None if s.since is None else s.since / timedelta(minutes=1) for s in told]
    assert minutes == [None, 4, 6, 1]
    assert told[1].meta == "a@x.org"
    assert told[1].meaning == "early"
    assert "went with the member" in told[3].meaning


@pytest.mark.parametrize(
    ("actor", "letters"),
    [
        ("operator:dana.smith@example.com", "DS"),
        ("operator:support@example.com", "SU"),
        ("operator:x@example.com", "X"),
        ("operator:@example.com", ""),
    ],
)
def test_initials(actor: str, letters: str) -> None:
    assert initials(actor) == letters
