"""Notes on a member, like those on a transaction: plain text that stays as it was written."""

from starlette.responses import RedirectResponse, Response

from guerdon.console.desk import note_text
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.members.notes import store
from guerdon.redemption import enrolment
from guerdon.web.parts import Parts

# What the address of a member's page may say was done.
DONE = {"noted": "Your note is with the others."}


class MemberNotes:
    """The handler."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def table(self) -> list[Page]:
        """Its place in the table."""
        return [Page("POST", "/members/notes", self.note, "operate")]

    async def note(self, visit: Visit) -> Response:
        """Writes a note."""
        user_id, text = visit.secret("user"), note_text(visit)
        async with self._parts.database.tx() as tx:
            member = await enrolment.locked(tx, self._parts.slots, visit.namespace, user_id)
            number = await store.add(tx, member, visit.operator.actor, text)
            await visit.audit(tx, "member.noted", member.member_id, {"note": number})
        where = visit.url("/members/one", {"user": user_id, "done": "noted"})
        return RedirectResponse(where, status_code=303)
