"""A second person decides: what a colleague asked for is approved, or declined."""

from dataclasses import replace

from starlette.responses import Response

from guerdon.access.operators import Right
from guerdon.console import decisions, standing
from guerdon.console.choices import RIGHTS
from guerdon.console.figures import Figures
from guerdon.console.pages import Pages
from guerdon.console.site import Page
from guerdon.console.standing import Standing
from guerdon.console.visit import Visit
from guerdon.errors import Conflict, InvalidRequest, MemberErased, NotOpen
from guerdon.redemption import resolution, second_person
from guerdon.redemption.resolution import Resolve
from guerdon.transactions.model import Transaction
from guerdon.transactions.requests.store import Request
from guerdon.web.parts import Parts

_NOTHING = "What was asked for is settled, or void: something happened since."


class SecondPerson:
    """The handlers."""

    def __init__(self, parts: Parts, pages: Pages, figures: Figures) -> None:
        self._parts = parts
        self._pages = pages
        self._figures = figures

    def table(self) -> list[Page]:
        """Their place in the table. A correction takes its own right besides."""
        path = "/redeem/transactions/{id}/second"
        return [
            Page("GET", path, self.ask, "operate"),
            Page("POST", path, self.approve, "operate"),
            Page("POST", path + "/decline", self.decline, "operate"),
        ]

    async def ask(self, visit: Visit) -> Response:
        """What was asked for, with its consequences as things stand."""
        stands = await standing.read(self._parts, visit)
        return await self._dialog(visit, stands, status=409 if stands.request is None else 200)

    async def approve(self, visit: Visit) -> Response:
        """Carries it out."""
        stands = await standing.read(self._parts, visit)
        request = _meant(visit, stands)
        if request is None:
            return await self._dialog(visit, stands, status=409)
        visit.require(_right(request))
        if request.asked_by == visit.operator.actor:
            own = "You asked for this yourself: another operator decides about it."
            return await self._dialog(visit, stands, problem=own, status=409)
        try:
            t = await self._carry_out(visit, request)
        except NotOpen:
            late = await standing.read(self._parts, visit)
            return await self._dialog(visit, late, status=409)
        except (Conflict, InvalidRequest, MemberErased) as refusal:
            return await self._dialog(visit, stands, problem=refusal.detail, status=409)
        self._figures.forget(visit.namespace)
        will = stands.will(request.choice, visit)
        return await decisions.answered(
            self._pages, self._figures, visit, stands, t, will, request.choice
        )

    async def decline(self, visit: Visit) -> Response:
        """Nothing of it is done."""
        stands = await standing.read(self._parts, visit)
        request = _meant(visit, stands)
        if request is None:
            return await self._dialog(visit, stands, status=409)
        will = replace(stands.will(request.choice, visit), done="Declined. Nothing was moved.")
        parts = self._parts
        try:
            async with parts.database.tx() as tx:
                t = await second_person.decline(
                    tx,
                    parts.slots,
                    visit.namespace,
                    request.transaction_id,
                    request.n,
                    visit.operator.actor,
                    visit.address,
                )
        except NotOpen:
            late = await standing.read(self._parts, visit)
            return await self._dialog(visit, late, status=409)
        self._figures.forget(visit.namespace)
        return await decisions.answered(
            self._pages, self._figures, visit, stands, t, will, "declined"
        )

    async def _carry_out(self, visit: Visit, request: Request) -> Transaction:
        parts, reason = self._parts, request.reason or ""
        if request.choice == "grant" or request.choice == "charge":
            work = Resolve(
                visit.namespace,
                request.transaction_id,
                request.choice,
                reason,
                visit.operator.actor,
                visit.address,
                request.n,
            )
            async with parts.database.tx() as tx:
                return (await resolution.resolve(tx, parts.slots, work)).transaction
        said = decisions.told(visit, request.choice, request.transaction_id, reason, request.n)
        return (await parts.settlement.hear(said)).transaction

    async def _dialog(
        self, visit: Visit, stands: Standing, *, problem: str | None = None, status: int
    ) -> Response:
        request, t = stands.request, stands.row.t
        values = {
            "title": "Second person",
            "place": "/redeem/transactions" if t.closed_at is None else "/redeem/cases",
            "verb": "second",
            "row": stands.row,
            "t": t,
            "will": None if request is None else stands.will(request.choice, visit),
            "told": _NOTHING,
            "nothing": "Nothing left to decide",
            "request": request,
            "able": request is None or visit.operator.may(_right(request)),
            "own": request is not None and request.asked_by == visit.operator.actor,
            "problem": problem,
            "reason": "",
        }
        if visit.fragment:
            return self._pages.page(visit, "decision.html", values, status=status)
        return await self._pages.screen(visit, "decision_page.html", values, status=status)


def _right(request: Request) -> Right:
    """What approving takes: the right of what it carries out."""
    if request.choice == "grant" or request.choice == "charge":
        return RIGHTS[request.choice]
    return "operate"


def _meant(visit: Visit, stands: Standing) -> Request | None:
    """The request that the form is about, if it still stands."""
    request = stands.request
    return request if request is not None and visit.field("n") == str(request.n) else None
