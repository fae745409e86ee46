"""Confirm & Redeem, Cancel & Refund: asked with their consequences, done once, told in words."""

from contextlib import suppress
from typing import Literal
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from guerdon.console import standing
from guerdon.console.consequences import CANCEL, CONFIRM, Consequences
from guerdon.console.figures import Figures
from guerdon.console.pages import STATUS_TEXT, Pages, who
from guerdon.console.site import Page
from guerdon.console.standing import Standing
from guerdon.console.visit import Visit
from guerdon.errors import NotOpen, SecondPersonRequired, Sending
from guerdon.redemption import second_person
from guerdon.redemption.conclusion import decided_before
from guerdon.redemption.news import Told
from guerdon.redemption.rows import Row, decidable
from guerdon.redemption.second_person import Asking
from guerdon.transactions.cases.store import Choice
from guerdon.transactions.model import Transaction
from guerdon.transactions.requests.store import Wish
from guerdon.transactions.states import News
from guerdon.web.parts import Parts

Verb = Literal["confirm", "cancel"]
_NEWS: dict[Verb, News] = {"confirm": News.CONFIRM, "cancel": News.CANCEL}
_LONGEST_REASON = 2000


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

    async def _ask(self, visit: Visit, verb: Verb) -> Response:
        stands = await standing.read(self._parts, visit)
        told = _obstacle(visit, stands)
        return await self._dialog(visit, verb, stands, told, status=200 if told is None else 409)

    async def _decide(self, visit: Visit, verb: Verb) -> Response:
        stands = await standing.read(self._parts, visit)
        t = stands.row.t
        reason = visit.field("reason").replace("\x00", "")[:_LONGEST_REASON]
        told = _obstacle(visit, stands)
        will = stands.will(verb, visit)
        if _is_repeated(visit, stands, verb):
            return await answered(self._pages, self._figures, visit, stands, t, will, verb)
        if told is not None:
            if t.closed_at is not None:
                await self._note_too_late(visit, verb, t)
            return await self._dialog(visit, verb, stands, told, status=409)
        if visit.field("seen") != str(t.events):
            changed = "Something happened since you opened this. Read it again, then decide."
            return await self._dialog(visit, verb, stands, problem=changed, status=409)
        if will.reason_required and not reason:
            missing = "Say how you know: the outcome was unknown until now."
            return await self._dialog(visit, verb, stands, problem=missing, status=422)
        try:
            t = await self._carry_out(visit, verb, stands, reason)
        except (NotOpen, Sending, SecondPersonRequired):
            late = await standing.read(self._parts, visit)
            if not _is_repeated(visit, late, verb):
                told = _obstacle(visit, late)
                return await self._dialog(visit, verb, late, told, status=409)
            t = late.row.t
        self._figures.forget(visit.namespace)
        done = "asked" if stands.needs_second else verb
        return await answered(self._pages, self._figures, visit, stands, t, will, done)

    async def _carry_out(
        self, visit: Visit, verb: Verb, stands: Standing, reason: str
    ) -> Transaction:
        """Decides, or asks where one person alone may not."""
        t, parts = stands.row.t, self._parts
        if stands.needs_second:
            work = Asking(
                visit.namespace,
                t.transaction_id,
                verb,
                reason or None,
                visit.operator.actor,
                visit.address,
            )
            async with parts.database.tx() as tx:
                return await second_person.ask(tx, parts.slots, work)
        concluded = await parts.settlement.hear(told(visit, verb, t.transaction_id, reason))
        return concluded.transaction

    async def _note_too_late(self, visit: Visit, verb: Verb, t: Transaction) -> None:
        """A closed transaction stays as it is; the refusal is a line in the audit trail."""
        with suppress(NotOpen):
            await self._parts.settlement.hear(told(visit, verb, t.transaction_id, ""))

    async def _dialog(
        self,
        visit: Visit,
        verb: Verb,
        stands: Standing,
        told: str | None = None,
        *,
        problem: str | None = None,
        status: int,
    ) -> Response:
        title = "Confirm & Redeem" if verb == CONFIRM else "Cancel & Refund"
        return await dialog(
            self._pages, visit, title, verb, stands, told, problem=problem, status=status
        )


def _is_repeated(visit: Visit, stands: Standing, verb: Verb) -> bool:
    """The second click of a double one: answered like the first, which decided."""
    return decided_before(stands.row.t, _NEWS[verb], visit.operator.actor)


def _obstacle(visit: Visit, stands: Standing) -> str | None:
    """Why there is nothing to decide here now."""
    if not decidable(stands.row.t):
        return _closed_words(visit, stands.row)
    return None if stands.request is None else stands.asked_words(visit)


def told(
    visit: Visit, verb: Verb, transaction_id: UUID, reason: str, approves: int | None = None
) -> Told:
    """What an operator says of a transaction."""
    return Told(
        transaction_id,
        _NEWS[verb],
        "operator",
        visit.operator.actor,
        namespace=visit.namespace,
        reason=reason or None,
        address=visit.address,
        approves=approves,
    )


async def dialog(
    pages: Pages,
    visit: Visit,
    title: str,
    verb: Wish | Choice,
    stands: Standing,
    told: str | None,
    *,
    problem: str | None = None,
    status: int,
) -> Response:
    """The dialog, or its page: what a decision would do, or in words why it cannot be made."""
    will = stands.asking(stands.will(verb, visit)) if told is None else None
    return await show(pages, visit, title, stands, will, told, problem=problem, status=status)


async def show(
    pages: Pages,
    visit: Visit,
    title: str,
    stands: Standing,
    will: Consequences | None,
    told: str | None,
    *,
    problem: str | None,
    status: int,
    nothing: str = "Nothing left to decide",
) -> Response:
    """The dialog, or its page; ``told``: why there is ``nothing`` to do."""
    t = stands.row.t
    values = {
        "title": title,
        "place": "/redeem/transactions" if t.closed_at is None else "/redeem/cases",
        "verb": "" if will is None else will.verb,
        "row": stands.row,
        "t": t,
        "will": will,
        "told": told,
        "nothing": nothing,
        "request": None,
        "problem": problem,
        "reason": visit.field("reason"),
    }
    if visit.fragment:
        return pages.page(visit, "decision.html", values, status=status)
    return await pages.screen(visit, "decision_page.html", values, status=status)


async def answered(
    pages: Pages,
    figures: Figures,
    visit: Visit,
    stands: Standing,
    t: Transaction,
    will: Consequences,
    done: str,
) -> Response:
    """After a decision: the row in place, or the transaction's page."""
    if not visit.fragment:
        where = f"/redeem/transactions/{t.transaction_id}"
        return RedirectResponse(visit.url(where, {"done": done}), status_code=303)
    counts = await figures.counts(visit.namespace)
    words = stands.asking(will).done if done == "asked" else will.done
    values = {"row": Row(t, stands.row.user_id), "done": words, "to_decide": counts.to_decide}
    return pages.page(visit, "decided.html", values, headers={"HX-Trigger": "decided"})


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
