"""One transaction: its history and payloads, in the list's row and on a page of its own."""

from dataclasses import dataclass
from uuid import UUID

from starlette.responses import Response

from guerdon.console import choices
from guerdon.console.choices import Offer
from guerdon.console.consequences import CANCEL, CONFIRM
from guerdon.console.desk import DONE as DESK_DONE
from guerdon.console.desk import with_notes
from guerdon.console.pages import Pages
from guerdon.console.site import Page
from guerdon.console.standing import WISHES
from guerdon.console.story import Story, tell
from guerdon.console.visit import Visit
from guerdon.db.pool import Row as StoredRow
from guerdon.ledger import store as ledger
from guerdon.ledger.chart import CORRECTING
from guerdon.ledger.posting import Account
from guerdon.providers import store as providers
from guerdon.redemption import inquiry, second_person
from guerdon.redemption.rows import Row
from guerdon.transactions.cases import store as cases
from guerdon.transactions.cases.store import Case
from guerdon.transactions.desk import store as desk
from guerdon.transactions.lists import pages as lists
from guerdon.transactions.lists.pages import Wanted
from guerdon.transactions.model import Transaction
from guerdon.transactions.requests.store import Request
from guerdon.web.parts import Parts

_OTHERS = 8
# What the address may say was done, and how the page says it.
_DONE = {
    CONFIRM: "Confirmed: the tokens are redeemed.",
    CANCEL: "Cancelled: the tokens went back.",
    "resend": "The provider is asked again.",
    "asked": "Asked for. Nothing moved: another operator must approve it.",
    "declined": "Declined. Nothing was moved.",
    "leave": "The case is closed: nothing was moved.",
    "grant": "The case is closed: the tokens were given back.",
    "charge": "The case is closed: the member was charged again.",
    **DESK_DONE,
}


@dataclass(frozen=True, slots=True)
class _Known:
    """A transaction with everything that is shown about it."""

    row: Row
    story: Story
    account: Account
    postings: list[StoredRow]
    others: list[Transaction]
    provider_name: str
    case: Case | None
    offers: list[Offer]
    request: Request | None
    idempotent: bool


class Detail:
    """The handlers."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    def table(self) -> list[Page]:
        """Their place in the table."""
        return [
            Page("GET", "/redeem/transactions/{id}", self.page),
            Page("GET", "/redeem/transactions/{id}/events", self.events),
            Page("POST", "/redeem/transactions/{id}/reveal", self.reveal, "operate"),
        ]

    async def page(self, visit: Visit) -> Response:
        """The page of its own."""
        return await self._page(visit, visit.identifier("id"), revealed=False)

    async def events(self, visit: Visit) -> Response:
        """The history alone, for the list's row."""
        return await self._fragment(visit, visit.identifier("id"), revealed=False)

    async def reveal(self, visit: Visit) -> Response:
        """The same with what is personal in it; who saw it is written down first."""
        identifier = visit.identifier("id")
        async with self._parts.database.tx() as tx:
            await inquiry.find(tx, self._parts.slots, visit.namespace, identifier)
            await visit.audit(tx, "transaction.revealed", identifier)
        if visit.fragment:
            return await self._fragment(visit, identifier, revealed=True)
        return await self._page(visit, identifier, revealed=True)

    async def _fragment(self, visit: Visit, identifier: UUID, *, revealed: bool) -> Response:
        known = await self._read(visit, identifier, revealed=revealed)
        return self._pages.page(visit, "events.html", _values(known, revealed=revealed))

    async def _page(self, visit: Visit, identifier: UUID, *, revealed: bool) -> Response:
        known = await self._read(visit, identifier, revealed=revealed)
        values = _values(known, revealed=revealed) | {
            "title": f"Transaction {str(identifier)[:8]}",
            "place": "/redeem/transactions",
            "account": known.account,
            "postings": known.postings,
            "others": known.others,
            "provider_name": known.provider_name,
            "done": _DONE.get(visit.query("done") or ""),
        }
        return await self._pages.screen(visit, "transaction.html", values)

    async def _read(self, visit: Visit, identifier: UUID, *, revealed: bool) -> _Known:
        """Everything, in one snapshot. Replies are shown only once somebody asked to see them."""
        parts = self._parts
        async with parts.database.read() as tx:
            full = await inquiry.full(
                tx, parts.sealer, parts.slots, visit.namespace, identifier, replies=revealed
            )
            t = await inquiry.find(tx, parts.slots, visit.namespace, identifier)
            provider = await providers.load(tx, parts.sealer, t.provider_id)
            account = await ledger.account(tx, t.slot, t.member_id)
            around = await ledger.balances_around(tx, t.slot, [identifier])
            of_member = Wanted(visit.namespace, member_ids=(t.member_id,))
            others = await lists.page(tx, of_member, _OTHERS + 1)
            notes = await desk.notes(tx, t.slot, identifier)
            assigned = await desk.assignees(tx, [(t.slot, identifier)])
            request = await second_person.standing(tx, t)
            case = (await cases.of(tx, t.slot, [identifier])).get(identifier)
        told = tell(t, full, provider, visit.now, revealed=revealed)
        corrected = (identifier, CORRECTING) in around
        offered = (
            []
            if case is None
            else choices.offers(t, case, account, visit.operator, corrected=corrected)
        )
        return _Known(
            Row(t, full.view.user_id, assigned.get(identifier)),
            with_notes(told, notes, case),
            account,
            [around[key] for key in sorted(around)],
            [other for other in others if other.transaction_id != identifier][:_OTHERS],
            "" if provider is None else provider.name,
            case,
            offered,
            request,
            provider is not None and provider.idempotent,
        )


def _values(known: _Known, *, revealed: bool) -> dict[str, object]:
    return {
        "row": known.row,
        "t": known.row.t,
        "story": known.story,
        "revealed": revealed,
        "case": known.case,
        "offers": known.offers,
        "closed_as": choices.CLOSED_AS,
        "request": known.request,
        "idempotent": known.idempotent,
        "wishes": WISHES,
    }
