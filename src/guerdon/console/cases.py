"""Cases: contradicting news and members' complaints as a queue, and closing them."""

from dataclasses import dataclass

from starlette.responses import Response

from guerdon.console import choices, decisions, standing
from guerdon.console.choices import RIGHTS
from guerdon.console.figures import Figures
from guerdon.console.pages import Pages, who
from guerdon.console.site import Handler, Page
from guerdon.console.standing import Standing
from guerdon.console.visit import Visit
from guerdon.errors import (
    InsufficientTokens,
    InvalidRequest,
    MemberErased,
    NotOffered,
    NotOpen,
    SecondPersonRequired,
)
from guerdon.ids import FIRST_ID, LAST_ID
from guerdon.members import store as members
from guerdon.redemption import resolution, second_person
from guerdon.redemption.resolution import Resolve
from guerdon.redemption.rows import Row
from guerdon.redemption.second_person import Asking
from guerdon.transactions.cases import store
from guerdon.transactions.cases.store import Case, Choice
from guerdon.transactions.desk import store as desk
from guerdon.transactions.lists import pages as lists
from guerdon.transactions.model import Transaction
from guerdon.transactions.requests import store as requests
from guerdon.web.parts import Parts

_PER_PAGE = 50
_LONGEST_REASON = 2000
TITLES: dict[Choice, str] = {
    "leave": "Leave as it is",
    "grant": "Give tokens back",
    "charge": "Charge again",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A case in the queue, with its transaction as it stands."""

    case: Case
    row: Row


class Cases:
    """The handlers."""

    def __init__(self, parts: Parts, pages: Pages, figures: Figures) -> None:
        self._parts = parts
        self._pages = pages
        self._figures = figures

    def table(self) -> list[Page]:
        """Their place in the table: each choice is an address with the right that it takes."""
        pages = [Page("GET", "/redeem/cases", self.page)]
        for choice, right in RIGHTS.items():
            path = f"/redeem/transactions/{{id}}/{choice}"
            pages += [
                Page("GET", path, self._asking(choice), right),
                Page("POST", path, self._closing(choice), right),
            ]
        return pages

    async def page(self, visit: Visit) -> Response:
        """The queue: what is open, the oldest first; or what was closed, the newest first."""
        closed = visit.query("show") == "closed"
        start = visit.query_identifier("from")
        async with self._parts.database.read() as tx:
            if closed:
                found = await store.closed_ones(
                    tx, visit.namespace, _PER_PAGE + 1, below=start or LAST_ID
                )
            else:
                found = await store.open_ones(
                    tx, visit.namespace, _PER_PAGE + 1, above=start or FIRST_ID
                )
            keys = [(slot, case.transaction_id) for slot, case in found[:_PER_PAGE]]
            known = {t.transaction_id: t for t in await lists.by_ids(tx, keys)}
            names = await members.user_ids(tx, {(t.slot, t.member_id) for t in known.values()})
            assigned = await desk.assignees(tx, keys)
            asked = await requests.waiting(tx, known.values())
        lines = [
            Line(case, Row(t, names.get(t.member_id, ""), assigned.get(t.transaction_id)))
            for _, case in found[:_PER_PAGE]
            if (t := known.get(case.transaction_id)) is not None
        ]
        counts = await self._figures.counts(visit.namespace)
        values = {
            "title": "Cases",
            "place": "/redeem/cases",
            "lines": lines,
            "closed": closed,
            "open_count": counts.cases,
            "closed_as": choices.CLOSED_AS,
            "asked": asked,
            "begun": start is not None,
            "more": keys[-1][1] if len(found) > _PER_PAGE else None,
        }
        return await self._pages.screen(visit, "cases.html", values)

    def _asking(self, choice: Choice) -> Handler:
        async def ask(visit: Visit) -> Response:
            stands = await standing.read(self._parts, visit)
            told = _obstacle(visit, stands, choice)
            status = 200 if told is None else 409
            return await self._dialog(visit, choice, stands, told, status=status)

        return ask

    def _closing(self, choice: Choice) -> Handler:
        async def close(visit: Visit) -> Response:
            return await self._close(visit, choice)

        return close

    async def _close(self, visit: Visit, choice: Choice) -> Response:
        stands = await standing.read(self._parts, visit)
        reason = visit.field("reason").replace("\x00", "")[:_LONGEST_REASON]
        told = _obstacle(visit, stands, choice)
        if told is not None:
            return await self._dialog(visit, choice, stands, told, status=409)
        if visit.field("seen") != str(stands.row.t.events):
            changed = "Something happened since you opened this. Read it again, then decide."
            return await self._dialog(visit, choice, stands, problem=changed, status=409)
        if not reason:
            missing = "Say why: it is kept on the timeline."
            return await self._dialog(visit, choice, stands, problem=missing, status=422)
        asks = stands.needs_second and choice != "leave"
        try:
            t = await self._carry_out(visit, choice, stands, reason, asks=asks)
        except (NotOpen, NotOffered, SecondPersonRequired):
            late = await standing.read(self._parts, visit)
            told = _obstacle(visit, late, choice)
            return await self._dialog(visit, choice, late, told, status=409)
        except (InsufficientTokens, InvalidRequest, MemberErased) as refusal:
            return await self._dialog(visit, choice, stands, problem=refusal.detail, status=409)
        self._figures.forget(visit.namespace)
        will = stands.will(choice, visit)
        done = "asked" if asks else choice
        return await decisions.answered(self._pages, self._figures, visit, stands, t, will, done)

    async def _carry_out(
        self, visit: Visit, choice: Choice, stands: Standing, reason: str, *, asks: bool
    ) -> Transaction:
        """Closes the case, or asks where one person alone may not."""
        identifier, parts = stands.row.t.transaction_id, self._parts
        by = (visit.operator.actor, visit.address)
        async with parts.database.tx() as tx:
            if asks and choice != "leave":
                asking = Asking(visit.namespace, identifier, choice, reason, *by)
                return await second_person.ask(tx, parts.slots, asking)
            work = Resolve(visit.namespace, identifier, choice, reason, *by)
            return (await resolution.resolve(tx, parts.slots, work)).transaction

    async def _dialog(
        self,
        visit: Visit,
        choice: Choice,
        stands: Standing,
        told: str | None = None,
        *,
        problem: str | None = None,
        status: int,
    ) -> Response:
        return await decisions.dialog(
            self._pages,
            visit,
            TITLES[choice],
            choice,
            stands,
            told,
            problem=problem,
            status=status,
        )


def _obstacle(visit: Visit, stands: Standing, choice: Choice) -> str | None:
    """Why the case cannot be closed so, here and now."""
    case = stands.case
    if case is None:
        return "This transaction has no case."
    if case.closed_at is not None:
        when = visit.zone.absolute(case.closed_at, visit.now)
        how = choices.CLOSED_AS[case.choice or "leave"]
        return f"{who(case.closed_by or '')} closed this case, {when}: {how}."
    offered = choices.offers(
        stands.row.t, case, stands.account, visit.operator, corrected=stands.corrected
    )
    mine = next((one for one in offered if one.choice == choice), None)
    if mine is None:
        return "This choice does not fit how the transaction stands."
    if mine.obstacle is None and stands.request is not None and choice != "leave":
        return stands.asked_words(visit)
    return mine.obstacle
