"""Cases: contradicting news and members' complaints as a queue, and closing them."""

from dataclasses import dataclass

from starlette.responses import RedirectResponse, Response

from guerdon.console import choices
from guerdon.console.choices import RIGHTS
from guerdon.console.consequences import Consequences
from guerdon.console.figures import Figures
from guerdon.console.pages import Pages, who
from guerdon.console.rows import Row
from guerdon.console.site import Handler, Page
from guerdon.console.visit import Visit
from guerdon.errors import InsufficientTokens, InvalidRequest, MemberErased, NotOffered, NotOpen
from guerdon.ids import FIRST_ID, LAST_ID
from guerdon.ledger import store as ledger
from guerdon.members import store as members
from guerdon.redemption import inquiry, resolution
from guerdon.redemption.resolution import Resolve
from guerdon.transactions.cases import store
from guerdon.transactions.cases.store import Case, Choice
from guerdon.transactions.desk import store as desk
from guerdon.transactions.lists import pages as lists
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


@dataclass(frozen=True, slots=True)
class _Asked:
    """A case as it stands, and what a choice would do; ``told``: why it cannot be made now."""

    row: Row
    will: Consequences
    told: str | None


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
            "begun": start is not None,
            "more": keys[-1][1] if len(found) > _PER_PAGE else None,
        }
        return await self._pages.screen(visit, "cases.html", values)

    def _asking(self, choice: Choice) -> Handler:
        async def ask(visit: Visit) -> Response:
            asked = await self._asked(visit, choice)
            status = 200 if asked.told is None else 409
            return await self._dialog(visit, choice, asked, status=status)

        return ask

    def _closing(self, choice: Choice) -> Handler:
        async def close(visit: Visit) -> Response:
            return await self._close(visit, choice)

        return close

    async def _close(self, visit: Visit, choice: Choice) -> Response:
        asked = await self._asked(visit, choice)
        reason = visit.field("reason").replace("\x00", "")[:_LONGEST_REASON]
        if asked.told is not None:
            return await self._dialog(visit, choice, asked, status=409)
        if visit.field("seen") != str(asked.row.t.events):
            changed = "Something happened since you opened this. Read it again, then decide."
            return await self._dialog(visit, choice, asked, problem=changed, status=409)
        if not reason:
            missing = "Say why: it is kept on the timeline."
            return await self._dialog(visit, choice, asked, problem=missing, status=422)
        identifier = asked.row.t.transaction_id
        actor, address = visit.operator.actor, visit.address
        work = Resolve(visit.namespace, identifier, choice, reason, actor, address)
        try:
            async with self._parts.database.tx() as tx:
                resolved = await resolution.resolve(tx, self._parts.slots, work)
        except (NotOpen, NotOffered):
            late = await self._asked(visit, choice)
            return await self._dialog(visit, choice, late, status=409)
        except (InsufficientTokens, InvalidRequest, MemberErased) as refusal:
            return await self._dialog(visit, choice, asked, problem=refusal.detail, status=409)
        self._figures.forget(visit.namespace)
        if not visit.fragment:
            where = f"/redeem/transactions/{identifier}"
            return RedirectResponse(visit.url(where, {"done": choice}), status_code=303)
        counts = await self._figures.counts(visit.namespace)
        values = {
            "row": Row(resolved.transaction, asked.row.user_id),
            "done": asked.will.done,
            "to_decide": counts.to_decide,
        }
        return self._pages.page(visit, "decided.html", values, headers={"HX-Trigger": "decided"})

    async def _asked(self, visit: Visit, choice: Choice) -> _Asked:
        identifier = visit.identifier("id")
        async with self._parts.database.read() as tx:
            t = await inquiry.find(tx, self._parts.slots, visit.namespace, identifier)
            case = (await store.of(tx, t.slot, [identifier])).get(identifier)
            names = await members.user_ids(tx, {(t.slot, t.member_id)})
            account = await ledger.account(tx, t.slot, t.member_id)
            corrected = await resolution.was_corrected(tx, t)
        row = Row(t, names.get(t.member_id, ""))
        will = choices.of(choice, t, row.user_id, account)
        if case is None:
            return _Asked(row, will, "This transaction has no case.")
        if case.closed_at is not None:
            when = visit.zone.absolute(case.closed_at, visit.now)
            how = choices.CLOSED_AS[case.choice or "leave"]
            closer = who(case.closed_by or "")
            return _Asked(row, will, f"{closer} closed this case, {when}: {how}.")
        offered = choices.offers(t, case, account, visit.operator, corrected=corrected)
        mine = next((one for one in offered if one.choice == choice), None)
        if mine is None:
            return _Asked(row, will, "This choice does not fit how the transaction stands.")
        return _Asked(row, will, mine.obstacle)

    async def _dialog(
        self,
        visit: Visit,
        choice: Choice,
        asked: _Asked,
        *,
        problem: str | None = None,
        status: int,
    ) -> Response:
        values = {
            "title": TITLES[choice],
            "place": "/redeem/cases",
            "verb": choice,
            "row": asked.row,
            "t": asked.row.t,
            "will": asked.will if asked.told is None else None,
            "told": asked.told,
            "problem": problem,
            "reason": visit.field("reason"),
        }
        if visit.fragment:
            return self._pages.page(visit, "decision.html", values, status=status)
        return await self._pages.screen(visit, "decision_page.html", values, status=status)
