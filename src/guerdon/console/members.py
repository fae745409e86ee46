"""Members: who has tokens, where they came from and where they went."""

from dataclasses import dataclass
from typing import Any

from starlette.responses import RedirectResponse, Response

from guerdon import ids
from guerdon.amount import MAX_TOKENS
from guerdon.console.pages import Pages
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.db.pool import Row
from guerdon.errors import GuerdonError, InsufficientTokens, InvalidRequest, MemberNotFound
from guerdon.ledger import store as ledger
from guerdon.ledger.chart import Movement, Place
from guerdon.ledger.posting import Account, of_transaction
from guerdon.members.lists import pages as lists
from guerdon.members.model import Change, Member
from guerdon.redemption import enrolment
from guerdon.redemption.issuance import Issuance, body_hash, scope_hash
from guerdon.transactions.lists import pages as transaction_lists
from guerdon.transactions.lists.pages import Wanted
from guerdon.transactions.model import Transaction
from guerdon.web.parts import Parts

_PER_PAGE, _LINES, _RECENT = 50, 50, 10
_LONGEST_REASON = 500
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
            Page("POST", "/members/adjust", self.adjust, "members"),
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

    async def adjust(self, visit: Visit) -> Response:
        """Credits or takes away tokens: says first what that does, and then does it once for each
        form however often it is sent."""
        user_id, reason = visit.secret("user"), visit.field("reason")[:_LONGEST_REASON]
        try:
            amount = visit.integer("amount", lowest=1, highest=MAX_TOKENS)
            if not reason:
                raise InvalidRequest("Say why: the member's statement shows it.")
            charge = visit.field("way") == "take"
            if not visit.field("sure"):
                return await self._ask_adjust(visit, user_id, -amount if charge else amount)
            body: dict[str, Any] = {"amount": amount, "reason": reason, "charge": charge}
            key = visit.field("key")
            issued = await self._parts.issuance.issue(
                Issuance(
                    visit.namespace,
                    user_id,
                    amount,
                    reason,
                    charge,
                    scope_hash(visit.namespace, "console", "adjust", user_id, key),
                    body_hash(body),
                )
            )
        except MemberNotFound:
            raise
        except GuerdonError as wrong:
            return await self._one(visit, user_id, wrong=wrong)
        if not issued.replayed:
            async with self._parts.database.tx() as tx:
                target = str(issued.receipt.posting_id)
                await visit.audit(tx, "member.adjusted", target, body)
        return self._back(visit, user_id, "adjusted")

    async def _ask_adjust(self, visit: Visit, user_id: str, change: int) -> Response:
        """What an adjustment would do, before it is posted."""
        known = await self._read(visit, user_id)
        available = known.account.available
        if available + change < 0:
            raise InsufficientTokens(
                f"{-change:,} tokens cannot be taken: {available:,} are available.",
                available=available,
                required=-change,
            )
        what = f"Credit {change:,} tokens to" if change > 0 else f"Take {-change:,} tokens from"
        values = {
            "title": f"{what} {known.member.user_id}?",
            "place": "/members",
            "known": known,
            "change": change,
            "way": "take" if change < 0 else "give",
            "amount": abs(change),
            "reason": visit.field("reason")[:_LONGEST_REASON],
            "key": visit.field("key"),
        }
        return await self._pages.screen(visit, "member_adjust.html", values)

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

    async def _one(
        self,
        visit: Visit,
        user_id: str,
        *,
        wrong: GuerdonError | None = None,
        revealed: bool = False,
    ) -> Response:
        known = await self._read(visit, user_id)
        values = {
            "title": known.member.user_id,
            "place": "/members",
            "known": known,
            "member": known.member,
            "account": known.account,
            "wrong": wrong,
            "revealed": revealed,
            "amount": visit.field("amount"),
            "reason": visit.field("reason"),
            "way": visit.field("way") or "give",
            "key": ids.secret_bytes(16).hex(),
            "more": known.lines[-1].row.member_seq if len(known.lines) == _LINES else None,
            "done": visit.query("done"),
        }
        status = 200 if wrong is None else 422
        return await self._pages.screen(visit, "member.html", values, status=status)

    async def _read(self, visit: Visit, user_id: str) -> _Known:
        below = visit.query("below") or ""
        async with self._parts.database.read() as tx:
            member, account = await enrolment.profile(
                tx, self._parts.slots, visit.namespace, user_id.replace("\x00", "")
            )
            rows = await ledger.statement(
                tx,
                member.slot,
                member.member_id,
                before_seq=int(below) if below.isdigit() and len(below) < 19 else None,
                limit=_LINES,
            )
            wanted = Wanted(visit.namespace, member_ids=(member.member_id,))
            recent = await transaction_lists.page(tx, wanted, _RECENT)
        return _Known(member, account, [_line(row) for row in rows], recent)

    def _back(self, visit: Visit, user_id: str, done: str) -> Response:
        where = visit.url("/members/one", {"user": user_id, "done": done})
        return RedirectResponse(where, status_code=303)


def _line(row: Row) -> Line:
    moved = {row.to_account: row.amount, row.from_account: -row.amount}
    available, held = moved.get(Place.AVAILABLE, 0), moved.get(Place.HELD, 0)
    return Line(row, _MOVEMENTS[Movement(row.movement)], available, held)
