"""Members: who has tokens, where they came from and where they went."""

from dataclasses import dataclass

from starlette.responses import RedirectResponse, Response

from guerdon.console import adjusting, member_notes
from guerdon.console.pages import Pages
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.db.pool import Row
from guerdon.errors import InvalidRequest
from guerdon.ledger import store as ledger
from guerdon.ledger.chart import Movement, Place
from guerdon.ledger.posting import Account, of_transaction
from guerdon.members import store as members
from guerdon.members.lists import pages as lists
from guerdon.members.model import Change, Member
from guerdon.members.notes import store as notes
from guerdon.members.notes.store import Note
from guerdon.redemption import enrolment
from guerdon.transactions.lists import pages as transaction_lists
from guerdon.transactions.lists.pages import Wanted
from guerdon.transactions.model import Transaction
from guerdon.transactions.requests import store as requests
from guerdon.transactions.requests.store import Adjustment
from guerdon.web.parts import Parts

_PER_PAGE, _LINES, _RECENT, _NOTES = 50, 50, 10, 20
_DONE = {
    **adjusting.DONE,
    **member_notes.DONE,
    "frozen": "Frozen: this member may not redeem until you say so.",
    "unfrozen": "This member may redeem again.",
}
_MOVEMENTS = {
    Movement.ISSUE: "Credited",
    Movement.ADJUST: "Adjusted",
    Movement.HOLD: "On hold",
    Movement.CAPTURE: "Redeemed",
    Movement.RELEASE: "Returned",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a statement: what it did, and what it left."""

    row: Row
    name: str
    available: int
    held: int

    @property
    def of_transaction(self) -> bool:
        return of_transaction(self.row.movement, self.row.leg)


@dataclass(frozen=True, slots=True)
class _Known:
    member: Member
    account: Account
    lines: list[Line]
    recent: list[Transaction]
    asked: Adjustment | None
    notes: list[Note]


class Members:
    """The handlers. A userId may hold anything, so it stands in the query and not in the path."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    def table(self) -> list[Page]:
        """Their place in the table."""
        return [
            Page("GET", "/members", self.page),
            Page("GET", "/members/one", self.one),
            Page("POST", "/members/freeze", self.freeze, "members"),
            Page("POST", "/members/reveal", self.reveal, "personal"),
            Page("GET", "/members/erase", self.ask_erase, "members"),
            Page("POST", "/members/erase", self.erase, "members"),
        ]

    async def page(self, visit: Visit) -> Response:
        """Members by userId, or those that a search finds."""
        find = (visit.query("find") or "").replace("\x00", "")[:320]
        after = (visit.query("after") or "").replace("\x00", "")
        async with self._parts.database.read() as tx:
            waiting = await requests.adjustments(tx, visit.namespace, _PER_PAGE)
            owners = {(slot, one.member_id) for slot, one in waiting}
            names = await members.user_ids(tx, owners)
            rows = await lists.after(
                tx,
                self._parts.slots,
                visit.namespace,
                prefix=find,
                after_id=after,
                limit=_PER_PAGE + 1,
            )
            if not rows and "@" in find:
                rows = await lists.by_email(tx, visit.namespace, find, _PER_PAGE)
            accounts = {
                row.member_id: await ledger.account(tx, row.slot, row.member_id)
                for row in rows[:_PER_PAGE]
            }
        values = {
            "title": "Members",
            "place": "/members",
            "find": find,
            "waiting": [(names[one.member_id], one) for _, one in waiting],
            "rows": rows[:_PER_PAGE],
            "accounts": accounts,
            "more": rows[_PER_PAGE - 1].user_id if len(rows) > _PER_PAGE else None,
        }
        return await self._pages.screen(visit, "members.html", values)

    async def one(self, visit: Visit) -> Response:
        """A member, whole, with what is personal masked."""
        return await self._one(visit, visit.query("user") or "")

    async def reveal(self, visit: Visit) -> Response:
        """The same unmasked; who saw it is written down first."""
        user_id = visit.secret("user")
        async with self._parts.database.tx() as tx:
            member, _ = await enrolment.profile(tx, self._parts.slots, visit.namespace, user_id)
            await visit.audit(tx, "member.revealed", member.member_id)
        return await self._one(visit, user_id, revealed=True)

    async def freeze(self, visit: Visit) -> Response:
        """Who is frozen may not redeem; what is open goes on."""
        user_id = visit.secret("user")
        frozen = visit.field("frozen") == "yes"
        async with self._parts.database.tx() as tx:
            await enrolment.profile(tx, self._parts.slots, visit.namespace, user_id)
            member, _ = await enrolment.put_member(
                tx, self._parts.slots, visit.namespace, user_id, Change(frozen=frozen)
            )
            action = "member.frozen" if frozen else "member.unfrozen"
            await visit.audit(tx, action, member.member_id)
        return self._back(visit, user_id, "frozen" if frozen else "unfrozen")

    async def ask_erase(self, visit: Visit) -> Response:
        """What erasing means."""
        known = await self._read(visit, visit.query("user") or "")
        values = {"title": "Erase personal data?", "place": "/members", "known": known}
        return await self._pages.screen(visit, "member_erase.html", values)

    async def erase(self, visit: Visit) -> Response:
        """Personal data goes, the money stays."""
        user_id = visit.secret("user")
        if visit.secret("again") != user_id:
            raise InvalidRequest("Type the userId exactly as it is shown, to be sure.")
        parts = self._parts
        async with parts.database.tx() as tx:
            await enrolment.erase(
                tx, parts.slots, parts.sealer, visit.namespace, user_id, "erasure"
            )
            # The audit trail must not hold the userId that was just removed.
            target = parts.sealer.keyed_hash(user_id).hex()
            await visit.audit(tx, "member.erased", target)
        return RedirectResponse(visit.url("/members", {"done": "erased"}), status_code=303)

    async def _one(self, visit: Visit, user_id: str, *, revealed: bool = False) -> Response:
        known = await self._read(visit, user_id)
        values = {
            "title": known.member.user_id,
            "place": "/members",
            "known": known,
            "member": known.member,
            "account": known.account,
            "revealed": revealed,
            "asked": known.asked,
            "notes": known.notes,
            "older_notes": known.notes[-1].n if len(known.notes) == _NOTES else None,
            "amount": visit.query("amount") or "",
            "way": visit.query("way") or "give",
            "more": known.lines[-1].row.member_seq if len(known.lines) == _LINES else None,
            "done": _DONE.get(visit.query("done") or ""),
        }
        return await self._pages.screen(visit, "member.html", values)

    async def _read(self, visit: Visit, user_id: str) -> _Known:
        async with self._parts.database.read() as tx:
            member, account = await enrolment.profile(
                tx, self._parts.slots, visit.namespace, user_id.replace("\x00", "")
            )
            rows = await ledger.statement(
                tx,
                member.slot,
                member.member_id,
                before_seq=_number(visit.query("below")),
                limit=_LINES,
            )
            wanted = Wanted(visit.namespace, member_ids=(member.member_id,))
            recent = await transaction_lists.page(tx, wanted, _RECENT)
            asked = await requests.of_member(tx, member.slot, member.member_id)
            noted = await notes.newest(
                tx, member.slot, member.member_id, _NOTES, _number(visit.query("notes"))
            )
        return _Known(member, account, [_line(row) for row in rows], recent, asked, noted)

    def _back(self, visit: Visit, user_id: str, done: str) -> Response:
        where = visit.url("/members/one", {"user": user_id, "done": done})
        return RedirectResponse(where, status_code=303)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() and len(text) < 19 else None


def _line(row: Row) -> Line:
    moved = {row.to_account: row.amount, row.from_account: -row.amount}
    available, held = moved.get(Place.AVAILABLE, 0), moved.get(Place.HELD, 0)
    return Line(row, _MOVEMENTS[Movement(row.movement)], available, held)
