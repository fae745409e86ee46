"""Notes on the timeline, and who looks after a transaction."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from starlette.responses import RedirectResponse, Response

from guerdon.console.pages import who
from guerdon.console.site import Handler, Page
from guerdon.console.story import Step, Story
from guerdon.console.visit import Visit
from guerdon.errors import InvalidRequest, PreconditionFailed
from guerdon.redemption import inquiry
from guerdon.transactions.cases.store import Case
from guerdon.transactions.desk import store as desk
from guerdon.transactions.desk.store import Note
from guerdon.web.parts import Parts

_LONGEST_NOTE = 2000
_ERASED = "What it said went with the member's personal data."
# What the address of a transaction's page may say was done.
DONE = {
    "noted": "Your note is on the timeline.",
    "assigned": "You look after this transaction now.",
    "unassigned": "Nobody looks after this transaction now.",
}


class Desk:
    """The handlers. ``history`` shows the transaction's history anew, for a list's row."""

    def __init__(self, parts: Parts, history: Handler) -> None:
        self._parts = parts
        self._history = history

    def table(self) -> list[Page]:
        """Their place in the table."""
        path = "/redeem/transactions/{id}/"
        return [
            Page("POST", path + "notes", self.note, "operate"),
            Page("POST", path + "assignee", self.assign, "operate"),
        ]

    async def note(self, visit: Visit) -> Response:
        """Writes a note: it stays as it is written."""
        identifier = visit.identifier("id")
        text = note_text(visit)
        async with self._parts.database.tx() as tx:
            t = await inquiry.find(tx, self._parts.slots, visit.namespace, identifier)
            number = await desk.add_note(tx, t, visit.operator.actor, text)
            await visit.audit(tx, "transaction.noted", identifier, {"note": number})
        return await self._done(visit, "noted")

    async def assign(self, visit: Visit) -> Response:
        """Takes it on, or lets it go; not if it changed hands since it was shown."""
        identifier = visit.identifier("id")
        seen = visit.field("seen") or None
        after = visit.operator.actor if visit.field("to") == "me" else None
        async with self._parts.database.tx() as tx:
            t = await inquiry.find(tx, self._parts.slots, visit.namespace, identifier)
            if not await desk.hand_over(tx, t, seen, after):
                now = (await desk.assignees(tx, [(t.slot, identifier)])).get(identifier)
                holder = "nobody looks" if now is None else f"{who(now)} looks"
                raise PreconditionFailed(
                    f"It changed hands since you opened this: {holder} after it now."
                )
            await visit.audit(
                tx,
                "transaction.assigned" if after else "transaction.unassigned",
                identifier,
                {"before": seen, "after": after},
            )
        return await self._done(visit, "assigned" if after else "unassigned")

    async def _done(self, visit: Visit, what: str) -> Response:
        if visit.fragment:
            return await self._history(visit)
        where = f"/redeem/transactions/{visit.identifier('id')}"
        return RedirectResponse(visit.url(where, {"done": what}), status_code=303)


def note_text(visit: Visit) -> str:
    """What the form says, or ``InvalidRequest``."""
    text = visit.field("text").replace("\x00", "")
    if not 0 < len(text) <= _LONGEST_NOTE:
        detail = f"must have 1 to {_LONGEST_NOTE:,} characters"
        raise InvalidRequest(f"A note {detail}.", errors=[{"pointer": "/text", "detail": detail}])
    return text


def with_notes(story: Story, notes: Iterable[Note], case: Case | None) -> Story:
    """The timeline with each note, and what the member complained of, after what had happened by
    then."""
    waiting = [_step(note) for note in notes]
    if case is not None and case.complained_at is not None:
        waiting.append(_complaint(case.complained_at, case.message))
        waiting.sort(key=lambda step: step.at)
    steps: list[Step] = []
    for step in story.steps:
        while waiting and waiting[0].at < step.at:
            steps.append(waiting.pop(0))
        steps.append(step)
    steps += waiting
    since = [None, *(later.at - step.at for step, later in pairwise(steps))]
    timed = [replace(step, since=gap) for step, gap in zip(steps, since, strict=True)]
    return replace(story, steps=tuple(timed))


def _step(note: Note) -> Step:
    text = _ERASED if note.text is None else note.text
    return Step(0, "Note", "note", note.at, None, who(note.author), text)


def _complaint(at: datetime, message: str | None) -> Step:
    said = "They wrote nothing more." if message is None else message
    return Step(0, "Member says it did not come", "note", at, None, "member", said)
