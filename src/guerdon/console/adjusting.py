"""Tokens of a member are credited or taken away: asked with what it does, done once, and from a
price on only together with a second person."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from starlette.responses import RedirectResponse, Response

from guerdon import ids
from guerdon.access.rules import store as rules
from guerdon.amount import MAX_TOKENS
from guerdon.console import consequences
from guerdon.console.consequences import Consequences
from guerdon.console.pages import Pages, number, who
from guerdon.console.site import Page
from guerdon.console.visit import Visit, whole_number
from guerdon.errors import Conflict, InvalidRequest, NotOpen, NotPermitted, PreconditionFailed
from guerdon.ledger.posting import Account
from guerdon.members.model import Member
from guerdon.redemption import adjustment, approval, enrolment
from guerdon.redemption.adjustment import Adjust
from guerdon.transactions.requests import store as requests
from guerdon.transactions.requests.store import Adjustment
from guerdon.web.parts import Parts

_LONGEST_REASON = 500
_SETTLED = "What was asked for is settled: it was approved, declined or withdrawn."
# What the address of a member's page may say was done.
DONE = {
    "adjusted": "Adjusted: see the first line of the statement.",
    "asked": "Asked for. Nothing moved: another operator must approve it.",
    "declined": "Declined. Nothing was moved.",
}


@dataclass(frozen=True, slots=True)
class _Known:
    """What an adjustment is decided upon."""

    member: Member
    account: Account
    asked: Adjustment | None
    second_person_from: int | None


class Adjusting:
    """The handlers."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    def table(self) -> list[Page]:
        """Their place in the table."""
        return [
            Page("GET", "/members/adjust", self.ask, "members"),
            Page("POST", "/members/adjust", self.adjust, "members"),
            Page("GET", "/members/second", self.ask_second, "members"),
            Page("POST", "/members/second", self.approve, "members"),
            Page("POST", "/members/second/decline", self.decline, "members"),
        ]

    async def ask(self, visit: Visit) -> Response:
        """The dialog before an adjustment."""
        known = await self._read(visit, visit.query("user") or "")
        return await self._dialog(visit, known)

    async def adjust(self, visit: Visit) -> Response:
        """Adjusts, or asks where one person alone may not."""
        known = await self._read(visit, visit.secret("user"))
        try:
            work = _wish(visit, known)
        except InvalidRequest as wrong:
            return await self._dialog(visit, known, problem=wrong.detail, status=422)
        asks = approval.required(abs(work.change), known.second_person_from)
        try:
            async with self._parts.database.tx() as tx:
                if asks:
                    await adjustment.ask(tx, self._parts.slots, work)
                else:
                    await adjustment.adjust(tx, self._parts.slots, work)
        except (Conflict, InvalidRequest, PreconditionFailed) as refusal:
            late = await self._read(visit, known.member.user_id)
            return await self._dialog(visit, late, problem=refusal.detail, status=409)
        return _back(visit, known, "asked" if asks else "adjusted")

    async def ask_second(self, visit: Visit) -> Response:
        """What a colleague asked for, with its consequences as things stand."""
        known = await self._read(visit, visit.query("user") or "")
        problem = None
        if known.asked is not None:
            try:
                adjustment.require_available(known.account, known.asked.change)
            except Conflict as refusal:
                problem = refusal.detail
        return await self._second(visit, known, problem=problem)

    async def approve(self, visit: Visit) -> Response:
        """Carries it out."""
        known = await self._read(visit, visit.secret("user"))
        if not _meant(visit, known):
            return await self._second(visit, replace(known, asked=None))
        try:
            async with self._parts.database.tx() as tx:
                await adjustment.adjust(tx, self._parts.slots, _approval(visit, known))
        except NotOpen:
            return await self._second(visit, replace(known, asked=None))
        except (Conflict, InvalidRequest, NotPermitted, PreconditionFailed) as refusal:
            late = await self._read(visit, known.member.user_id)
            return await self._second(visit, late, problem=refusal.detail)
        return _back(visit, known, "adjusted")

    async def decline(self, visit: Visit) -> Response:
        """Nothing of it is done."""
        known = await self._read(visit, visit.secret("user"))
        if not _meant(visit, known):
            return await self._second(visit, replace(known, asked=None))
        assert known.asked is not None, "what is meant is there"
        try:
            async with self._parts.database.tx() as tx:
                await adjustment.decline(
                    tx,
                    self._parts.slots,
                    visit.namespace,
                    known.member.user_id,
                    known.asked.n,
                    visit.operator.actor,
                    visit.address,
                )
        except NotOpen:
            return await self._second(visit, replace(known, asked=None))
        return _back(visit, known, "declined")

    async def _read(self, visit: Visit, user_id: str) -> _Known:
        async with self._parts.database.read() as tx:
            member, account = await enrolment.profile(
                tx, self._parts.slots, visit.namespace, user_id.replace("\x00", "")
            )
            asked = await requests.of_member(tx, member.slot, member.member_id)
            limits = await rules.second_person_from(tx, {visit.namespace})
        return _Known(member, account, asked, limits.get(visit.namespace))

    async def _dialog(
        self, visit: Visit, known: _Known, *, problem: str | None = None, status: int = 200
    ) -> Response:
        will, told = None, None
        try:
            change = _change(visit)
            adjustment.require_available(known.account, change)
            will = _will(known, change)
            if approval.required(abs(change), known.second_person_from):
                will = consequences.asked_for(will, known.second_person_from)
            if known.asked is not None:
                told, status = _asked_words(visit, known.asked), 409
        except (InvalidRequest, Conflict) as wrong:
            told, status = wrong.detail, 409 if isinstance(wrong, Conflict) else 422
        values = {
            "title": "Adjust tokens",
            "nothing": "Nothing can be adjusted so",
            "will": will if told is None else None,
            "told": told,
            "request": None,
            "problem": problem,
            "reason": visit.field("reason"),
        }
        return await self._show(visit, known, values, status)

    async def _second(self, visit: Visit, known: _Known, *, problem: str | None = None) -> Response:
        asked = known.asked
        will = None if asked is None else _will(known, asked.change)
        values = {
            "title": "Second person",
            "nothing": "Nothing left to decide",
            "will": will,
            "told": _SETTLED,
            "request": asked,
            "able": True,
            "own": asked is not None and asked.asked_by == visit.operator.actor,
            "problem": problem,
            "reason": "",
        }
        return await self._show(visit, known, values, 409 if problem or will is None else 200)

    async def _show(
        self, visit: Visit, known: _Known, values: Mapping[str, object], status: int
    ) -> Response:
        whole = {
            **values,
            "place": "/members",
            "member": known.member,
            "account": known.account,
            "way": _typed(visit, "way") or None,
            "amount": _typed(visit, "amount") or None,
            "key": visit.field("key") or ids.secret_bytes(16).hex(),
        }
        if visit.fragment:
            return self._pages.page(visit, "member_decision.html", whole, status=status)
        return await self._pages.screen(visit, "member_decision_page.html", whole, status=status)


def _typed(visit: Visit, name: str) -> str:
    return visit.field(name) or (visit.query(name) or "").strip()


def _change(visit: Visit) -> int:
    amount = whole_number("amount", _typed(visit, "amount"), lowest=1, highest=MAX_TOKENS)
    return -amount if _typed(visit, "way") == "take" else amount


def _wish(visit: Visit, known: _Known) -> Adjust:
    """What the form asks for. ``InvalidRequest`` where it does not say how much, or why."""
    reason = visit.field("reason").replace("\x00", "")[:_LONGEST_REASON]
    if not reason:
        raise InvalidRequest("Say why: the member's statement shows it.")
    return Adjust(
        visit.namespace,
        known.member.user_id,
        _change(visit),
        reason,
        _seen(visit),
        visit.field("key"),
        visit.operator.actor,
        visit.address,
    )


def _approval(visit: Visit, known: _Known) -> Adjust:
    assert known.asked is not None, "what is meant is there"
    return Adjust(
        visit.namespace,
        known.member.user_id,
        known.asked.change,
        known.asked.reason or "",
        _seen(visit),
        visit.field("key"),
        visit.operator.actor,
        visit.address,
        approves=known.asked.n,
    )


def _seen(visit: Visit) -> int:
    return visit.integer("seen", lowest=0, highest=MAX_TOKENS)


def _meant(visit: Visit, known: _Known) -> bool:
    """Whether the form is about what waits."""
    return known.asked is not None and visit.field("n") == str(known.asked.n)


def _asked_words(visit: Visit, asked: Adjustment) -> str:
    what = f"credit {number(asked.change)}" if asked.change > 0 else f"take {number(-asked.change)}"
    when = visit.zone.absolute(asked.asked_at, visit.now)
    return (
        f"{who(asked.asked_by)} asked to {what} tokens, {when}. Another operator approves or "
        "declines that first."
    )


def _will(known: _Known, change: int) -> Consequences:
    """What an adjustment does."""
    account, user_id = known.account, known.member.user_id
    credit = change > 0
    what = f"{number(abs(change))} tokens"
    return Consequences(
        verb="adjust",
        question=f"Credit {what} to {user_id}?" if credit else f"Take {what} from {user_id}?",
        changes=(
            ("Available", number(account.available), number(account.available + change)),
            ("On hold", number(account.held), "stays"),
            ("Total", number(account.balance), number(account.balance + change)),
        ),
        points=(
            ("", "No provider is told; open transactions go on."),
            (
                "Posted at once, and never changed:",
                "a mistake is answered by another posting. The member's statement shows it with "
                "your reason.",
            ),
        ),
        button=f"Credit {what}" if credit else f"Take {what} away",
        grave=not credit,
        reason_required=True,
        quick=("Goodwill", "Taken by mistake") if credit else ("Credited by mistake",),
        done=DONE["adjusted"],
        keep="Leave it as it is",
    )


def _back(visit: Visit, known: _Known, done: str) -> Response:
    where = visit.url("/members/one", {"user": known.member.user_id, "done": done})
    if visit.fragment:
        return Response(headers={"HX-Redirect": where})
    return RedirectResponse(where, status_code=303)
