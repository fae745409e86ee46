"""A transaction as it stands, read whole for whoever decides about it."""

from dataclasses import dataclass
from datetime import datetime

from guerdon.access.rules import store as rules
from guerdon.console import choices, consequences
from guerdon.console.consequences import Consequences
from guerdon.console.pages import who
from guerdon.console.visit import Visit
from guerdon.ledger import store as ledger
from guerdon.ledger.posting import Account
from guerdon.members import store as members
from guerdon.redemption import approval, inquiry, resolution, second_person
from guerdon.redemption.rows import Row
from guerdon.transactions import store as transactions
from guerdon.transactions.cases.store import Case, Choice
from guerdon.transactions.events import EventType
from guerdon.transactions.model import Attempt
from guerdon.transactions.requests.store import Request, Wish
from guerdon.web.parts import Parts

WISHES: dict[Wish, str] = {
    "confirm": "confirm and redeem this",
    "cancel": "cancel this and return the tokens",
    "grant": "give the tokens back",
    "charge": "charge the member again",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What a decision is made upon. ``request`` is what a colleague asked for and still stands;
    ``second_person_from`` the price from which one person alone does not decide."""

    row: Row
    account: Account
    attempts: list[Attempt]
    postponed_at: datetime | None
    case: Case | None
    corrected: bool
    request: Request | None
    second_person_from: int | None

    @property
    def needs_second(self) -> bool:
        return approval.required(self.row.t.price, self.second_person_from)

    def will(self, choice: Wish | Choice, visit: Visit) -> Consequences:
        """What a decision or a correction would do."""
        t, user_id = self.row.t, self.row.user_id
        if choice == "confirm" or choice == "cancel":
            return consequences.of(
                choice, t, user_id, self.account, self.attempts, self.postponed_at, visit.zone
            )
        return choices.of(choice, t, user_id, self.account)

    def asked_words(self, visit: Visit) -> str:
        """Who asked for what, and when, where something stands."""
        if self.request is None:
            return ""
        when = visit.zone.absolute(self.request.asked_at, visit.now)
        return (
            f"{who(self.request.asked_by)} asked to {WISHES[self.request.choice]}, {when}. "
            "Another operator approves or declines that."
        )

    def asking(self, will: Consequences) -> Consequences:
        """The same where it can only be asked for, because another operator must approve."""
        if not self.needs_second or will.verb == "leave":
            return will
        return consequences.asked_for(will, self.second_person_from)


async def read(parts: Parts, visit: Visit) -> Standing:
    """The transaction that the address names, in one snapshot."""
    identifier = visit.identifier("id")
    async with parts.database.read() as tx:
        t = await inquiry.find(tx, parts.slots, visit.namespace, identifier)
        names = await members.user_ids(tx, {(t.slot, t.member_id)})
        events = await transactions.events_of(tx, t.slot, identifier)
        limits = await rules.second_person_from(tx, {t.namespace})
        return Standing(
            Row(t, names.get(t.member_id, "")),
            await ledger.account(tx, t.slot, t.member_id),
            (await transactions.attempts_of(tx, t.slot, [identifier]))[identifier],
            max((one.at for one in events if one.type == EventType.POSTPONED), default=None),
            await resolution.case_of(tx, parts.slots, identifier),
            await resolution.was_corrected(tx, t),
            await second_person.standing(tx, t),
            limits.get(t.namespace),
        )
