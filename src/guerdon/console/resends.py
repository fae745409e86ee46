"""Ask the provider again: with what it means, and only where it cannot give two rewards."""

from starlette.responses import Response

from guerdon.console import decisions, standing
from guerdon.console.consequences import Consequences
from guerdon.console.figures import Figures
from guerdon.console.pages import STATUS_TEXT, Pages, number
from guerdon.console.site import Page
from guerdon.console.standing import Standing
from guerdon.console.visit import Visit
from guerdon.errors import Conflict, GuerdonError, Unavailable
from guerdon.outbox import store as outbox
from guerdon.redemption import resending
from guerdon.redemption.resending import Resend
from guerdon.transactions.model import Transaction
from guerdon.web.parts import Parts

_LONGEST_REASON = 2000


class Resends:
    """The handlers."""

    def __init__(self, parts: Parts, pages: Pages, figures: Figures) -> None:
        self._parts = parts
        self._pages = pages
        self._figures = figures

    def table(self) -> list[Page]:
        """Their place in the table."""
        path = "/redeem/transactions/{id}/resend"
        return [
            Page("GET", path, self.ask, "operate"),
            Page("POST", path, self.resend, "operate"),
        ]

    async def ask(self, visit: Visit) -> Response:
        """What asking again means, or why it cannot be done."""
        stands = await standing.read(self._parts, visit)
        obstacle = await self._obstacle(stands.row.t)
        status = 200 if obstacle is None else 409
        return await self._dialog(visit, stands, obstacle, status=status)

    async def resend(self, visit: Visit) -> Response:
        """Owes the message once more."""
        stands = await standing.read(self._parts, visit)
        t = stands.row.t
        if visit.field("seen") != str(t.events):
            changed = "Something happened since you opened this. Read it again, then decide."
            return await self._dialog(visit, stands, problem=changed, status=409)
        reason = visit.field("reason").replace("\x00", "")[:_LONGEST_REASON]
        actor, address = visit.operator.actor, visit.address
        work = Resend(visit.namespace, t.transaction_id, reason or None, actor, address)
        try:
            async with self._parts.database.tx() as tx:
                t = await resending.resend(tx, self._parts.slots, work)
        except (Conflict, Unavailable) as refusal:
            return await self._dialog(visit, stands, refusal.detail, status=409)
        return await decisions.answered(
            self._pages, self._figures, visit, stands, t, _will(stands), "resend"
        )

    async def _obstacle(self, t: Transaction) -> str | None:
        async with self._parts.database.read() as tx:
            debt = await outbox.debt(tx, t.slot, t.transaction_id)
            try:
                await resending.require_sendable(tx, t, debt)
            except GuerdonError as refusal:
                return refusal.detail
        return None

    async def _dialog(
        self,
        visit: Visit,
        stands: Standing,
        told: str | None = None,
        *,
        problem: str | None = None,
        status: int,
    ) -> Response:
        return await decisions.show(
            self._pages,
            visit,
            "Ask the provider again",
            stands,
            _will(stands) if told is None else None,
            told,
            problem=problem,
            status=status,
            nothing="It is not asked again",
        )


def _will(stands: Standing) -> Consequences:
    t = stands.row.t
    return Consequences(
        verb="resend",
        question=f"Ask the provider again about {number(t.price)} tokens of {stands.row.user_id}?",
        changes=(
            ("Status", STATUS_TEXT[t.status], "stays"),
            ("On hold", number(stands.account.held), "stays"),
            ("Sent", "", f"attempt {len(stands.attempts) + 1}: the same bytes, the same ID"),
        ),
        points=(
            (
                "No tokens move by asking.",
                "What the provider answers counts like every answer: it may confirm, postpone or "
                "fail this. An answer that settles nothing leaves it as it is.",
            ),
            (
                "It must not give the reward twice.",
                "The provider is set to tell repeated messages apart by the transaction's ID.",
            ),
            ("", "Until it has answered, nobody can confirm or cancel this."),
        ),
        button="Ask the provider again",
        grave=False,
        reason_required=False,
        quick=("Provider asked for it", "Provider was down"),
        done="The provider is asked again.",
        keep="Leave it",
    )
