"""Confirm & Redeem, Cancel & Refund: asked with their consequences, done once, told in words."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from guerdon.console import consequences
from guerdon.console.consequences import CANCEL, CONFIRM, Consequences
from guerdon.console.figures import Figures
from guerdon.console.pages import STATUS_TEXT, Pages, who
from guerdon.console.rows import Row, decidable
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.errors import NotOpen, Sending
from guerdon.ledger import store as ledger
from guerdon.members import store as members
from guerdon.redemption import inquiry
from guerdon.redemption.news import Told
from guerdon.transactions import store as transactions
from guerdon.transactions.events import EventType
from guerdon.transactions.states import News
from guerdon.web.parts import Parts

_NEWS = {CONFIRM: News.CONFIRM, CANCEL: News.CANCEL}
_LONGEST_REASON = 2000


@dataclass(frozen=True, slots=True)
class _Case:
    """A transaction as it stands, and what the verb would do; ``None``: nothing left to do."""

    row: Row
    will: Consequences | None
    told: str | None


class Decisions:
    """The handlers."""

    def __init__(self, parts: Parts, pages: Pages, figures: Figures) -> None:
        self._parts = parts
        self._pages = pages
        self._figures = figures

    def table(self) -> list[Page]:
        """Their place in the table."""
        path = "/redeem/transactions/{id}/"
        return [
            Page("GET", path + CONFIRM, self.ask_confirm, "operate"),
            Page("GET", path + CANCEL, self.ask_cancel, "operate"),
            Page("POST", path + CONFIRM, self.confirm, "operate"),
            Page("POST", path + CANCEL, self.cancel, "operate"),
        ]

    async def ask_confirm(self, visit: Visit) -> Response:
        """The dialog before confirming."""
        return await self._ask(visit, CONFIRM)

    async def ask_cancel(self, visit: Visit) -> Response:
        """The dialog before cancelling."""
        return await self._ask(visit, CANCEL)

    async def confirm(self, visit: Visit) -> Response:
        """Confirms."""
        return await self._decide(visit, CONFIRM)

    async def cancel(self, visit: Visit) -> Response:
        """Cancels."""
        return await self._decide(visit, CANCEL)

    async def _ask(self, visit: Visit, verb: str) -> Response:
        case = await self._case(visit, verb)
        return await self._dialog(visit, verb, case, status=200 if case.will else 409)

    async def _decide(self, visit: Visit, verb: str) -> Response:
        case = await self._case(visit, verb)
        reason = visit.field("reason").replace("\x00", "")[:_LONGEST_REASON]
        if case.will is None:
            if case.row.t.closed_at is not None:
                await self._note_too_late(visit, verb, case)
            return await self._dialog(visit, verb, case, status=409)
        if visit.field("seen") != str(case.row.t.events):
            changed = "Something happened since you opened this. Read it again, then decide."
            return await self._dialog(visit, verb, case, problem=changed, status=409)
        if case.will.reason_required and not reason:
            missing = "Say how you know: the outcome was unknown until now."
            return await self._dialog(visit, verb, case, problem=missing, status=422)
        try:
            concluded = await self._parts.settlement.hear(_told(visit, verb, case, reason))
        except (NotOpen, Sending):
            late = await self._case(visit, verb)
            return await self._dialog(visit, verb, late, status=409)
        self._figures.forget(visit.namespace)
        if not visit.fragment:
            where = f"/redeem/transactions/{case.row.t.transaction_id}"
            return RedirectResponse(visit.url(where, {"done": verb}), status_code=303)
        row = Row(concluded.transaction, case.row.user_id)
        counts = await self._figures.counts(visit.namespace)
        return self._pages.page(
            visit,
            "decided.html",
            {"row": row, "done": case.will.done, "to_decide": counts.to_decide},
            headers={"HX-Trigger": "decided"},
        )

    async def _note_too_late(self, visit: Visit, verb: str, case: _Case) -> None:
        """A closed transaction stays as it is; the refusal is a line in the audit trail."""
        with suppress(NotOpen):
            await self._parts.settlement.hear(_told(visit, verb, case, ""))

    async def _case(self, visit: Visit, verb: str) -> _Case:
        identifier: UUID = visit.identifier("id")
        parts = self._parts
        async with parts.database.read() as tx:
            t = await inquiry.find(tx, parts.slots, visit.namespace, identifier)
            names = await members.user_ids(tx, {(t.slot, t.member_id)})
            account = await ledger.account(tx, t.slot, t.member_id)
            attempts = (await transactions.attempts_of(tx, t.slot, [identifier]))[identifier]
            events = await transactions.events_of(tx, t.slot, identifier)
        row = Row(t, names.get(t.member_id, ""))
        if not decidable(t):
            return _Case(row, None, _closed_words(visit, row))
        postponed: list[datetime] = [one.at for one in events if one.type == EventType.POSTPONED]
        last = postponed[-1] if postponed else None
        will = consequences.of(verb, t, row.user_id, account, attempts, last, visit.zone)
        return _Case(row, will, None)

    async def _dialog(
        self, visit: Visit, verb: str, case: _Case, *, problem: str | None = None, status: int
    ) -> Response:
        values = {
            "title": "Confirm & Redeem" if verb == CONFIRM else "Cancel & Refund",
            "place": "/redeem/transactions",
            "verb": verb,
            "row": case.row,
            "t": case.row.t,
            "will": case.will,
            "told": case.told,
            "problem": problem,
            "reason": visit.field("reason"),
        }
        if visit.fragment:
            return self._pages.page(visit, "decision.html", values, status=status)
        return await self._pages.screen(visit, "decision_page.html", values, status=status)


def _told(visit: Visit, verb: str, case: _Case, reason: str) -> Told:
    return Told(
        case.row.t.transaction_id,
        _NEWS[verb],
        "operator",
        visit.operator.actor,
        namespace=visit.namespace,
        reason=reason or None,
        address=visit.address,
    )


def _closed_words(visit: Visit, row: Row) -> str:
    """Why there is nothing to decide, by whom and when."""
    t = row.t
    if t.closed_at is None:
        return (
            "The message is still being delivered, or the provider has not decided. Wait for it: "
            "you will be asked if it needs you."
        )
    verb = "confirmed" if t.status == "success" else "ended"
    closer = who(t.closed_by or "")
    closer = "The provider" if closer == "provider" else closer
    when = visit.zone.absolute(t.closed_at, visit.now)
    return f"{closer} {verb} this: {STATUS_TEXT[t.status]}, {when}. Nothing left to decide."
