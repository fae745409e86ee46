"""Redemptions come in; transactions are read; operators' actions by API."""

from typing import Annotated

import msgspec
from starlette.responses import Response, StreamingResponse

from guerdon.api import selection
from guerdon.api.cases import case_answer, transaction_id
from guerdon.errors import NotFound, OptionNotFound
from guerdon.fields import PRINTABLE_LINES
from guerdon.members import store as members
from guerdon.members.model import check_user_id
from guerdon.outbox import store as outbox
from guerdon.redemption import inquiry, resending, resolution
from guerdon.redemption.issuance import body_hash, scope_hash
from guerdon.redemption.news import Told
from guerdon.redemption.request import Request
from guerdon.redemption.resending import Resend
from guerdon.transactions.states import News
from guerdon.web import lists
from guerdon.web.door import Call, answer
from guerdon.web.parts import Parts
from guerdon.web.routes import Route
from guerdon.web.shapes import Address, Amount, Email


class Redeem(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """``POST /v1/redemptions``. ``tokenAmount`` and ``currency`` are for currency options."""

    option_name: str
    user_id: str
    email: Email | None = None
    address: Address | None = None
    expected_price: Amount | None = None
    token_amount: Amount | None = None
    currency: str | None = None
    expected_currency_amount: Amount | None = None


class Reason(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """``POST …/confirm`` and ``…/cancel``."""

    reason: Annotated[str, msgspec.Meta(max_length=2000, pattern=PRINTABLE_LINES)] | None = None


class Doors:
    """The handlers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def routes(self) -> list[Route]:
        """Their place in the table."""
        return [
            Route(
                "POST",
                "/v1/redemptions",
                self.redeem,
                "Redeem tokens for an option",
                ("redeem",),
                body=Redeem,
                answer=inquiry.View,
                status=202,
                keyed=True,
                headers=("Location",),
                codes=(
                    "option-not-found",
                    "member-not-found",
                    "insufficient-tokens",
                    "option-unavailable",
                    "limit-reached",
                    "not-eligible",
                    "member-frozen",
                    "price-changed",
                    "idempotency-key-reused",
                    "provider-unavailable",
                ),
            ),
            Route(
                "GET",
                "/v1/transactions",
                self.page,
                "List transactions, newest first",
                ("read",),
                answer=inquiry.View,
                query=("limit", "cursor", *selection.FILTERS),
            ),
            Route(
                "GET",
                "/v1/transactions.csv",
                self.export,
                "The filtered list as CSV, streamed",
                ("read",),
                query=selection.FILTERS,
                media_type="text/csv",
            ),
            Route(
                "GET",
                "/v1/transactions/{id}",
                self.one,
                "One transaction with its history and attempts",
                ("read",),
                answer=inquiry.View,
                codes=("transaction-not-found",),
            ),
            Route(
                "GET",
                "/v1/transactions/{id}/attempts/{n}/body",
                self.attempt_body,
                "The exact bytes that an attempt sent",
                ("operate",),
                codes=("transaction-not-found", "not-found"),
            ),
            *self._decisions(),
        ]

    def _decisions(self) -> list[Route]:
        """What an operator may do about a transaction."""
        return [
            Route(
                "POST",
                "/v1/transactions/{id}/confirm",
                self.confirm,
                "An operator confirms: the reward was given",
                ("operate",),
                body=Reason,
                bare=True,
                answer=inquiry.View,
                codes=("transaction-not-found", "sending", "not-open", "second-person-required"),
            ),
            Route(
                "POST",
                "/v1/transactions/{id}/cancel",
                self.cancel,
                "An operator cancels: the tokens go back",
                ("operate",),
                body=Reason,
                bare=True,
                answer=inquiry.View,
                codes=("transaction-not-found", "sending", "not-open", "second-person-required"),
            ),
            Route(
                "POST",
                "/v1/transactions/{id}/resend",
                self.resend,
                "Ask an idempotent provider again: the same message, as a new attempt",
                ("operate",),
                body=Reason,
                bare=True,
                answer=inquiry.View,
                codes=(
                    "transaction-not-found",
                    "sending",
                    "not-open",
                    "not-idempotent",
                    "provider-unavailable",
                ),
            ),
        ]

    async def redeem(self, call: Call) -> Response:
        """Accepts a redemption: 202 with the pending transaction, durably."""
        body: Redeem = call.body
        user_id = check_user_id(body.user_id)
        missing = OptionNotFound(f"There is no option {body.option_name!r}.")
        option_name = lists.uuid_or(missing, body.option_name)
        accepted = await self._parts.intake.redeem(
            Request(
                namespace=call.namespace,
                user_id=user_id,
                option_name=option_name,
                email=body.email,
                address=body.address,
                expected_price=body.expected_price,
                token_amount=body.token_amount,
                currency=body.currency,
                expected_currency_amount=body.expected_currency_amount,
                origin="api",
                test=call.test,
                actor="member",
                scope=scope_hash(call.namespace, "api", "redemptions", user_id, call.key),
                body=body_hash(body),
            )
        )
        made = accepted.transaction
        headers = {"Location": f"{self._parts.base_path}/v1/transactions/{made.transaction_id}"}
        if accepted.replayed:
            headers["Idempotent-Replayed"] = "true"
        return answer(inquiry.view(made, accepted.user_id), 202, headers)

    async def page(self, call: Call) -> Response:
        """A page of the list."""
        asked = lists.limit(call.query)
        below = lists.cursor(call.query)
        async with self._parts.database.read() as tx:
            chosen = await selection.chosen(
                tx, self._parts.slots, call.namespace, call.query, below
            )
            found = await inquiry.page(tx, chosen, asked + 1) if chosen else []
        items, last = lists.split(found, asked)
        return answer(lists.page(items, None if last is None else str(last.id)))

    async def export(self, call: Call) -> Response:
        """The list as CSV."""
        async with self._parts.database.read() as tx:
            chosen = await selection.chosen(tx, self._parts.slots, call.namespace, call.query)
        return StreamingResponse(
            selection.csv_lines(self._parts.database, chosen),
            media_type="text/csv; charset=utf-8",
            headers={
                "Content-Disposition": 'attachment; filename="transactions.csv"',
                "Cache-Control": "no-store",
            },
        )

    async def one(self, call: Call) -> Response:
        """One transaction, whole; replies only for who may operate, and that is audited."""
        replies = "operate" in call.who.scopes
        async with self._parts.database.read() as tx:
            full = await inquiry.full(
                tx,
                self._parts.sealer,
                self._parts.slots,
                call.namespace,
                transaction_id(call),
                replies=replies,
            )
            case = await resolution.case_of(tx, self._parts.slots, full.view.id)
        if replies and any(attempt["reply"] is not None for attempt in full.attempts):
            async with self._parts.database.tx() as tx:
                await call.audit(tx, "transaction.revealed", full.view.id)
        fields = msgspec.structs.asdict(full.view)
        renamed = {msgspec_name(name): value for name, value in fields.items()}
        more = {"attempts": full.attempts, "case": case and case_answer(case)}
        return answer(renamed | more)

    async def attempt_body(self, call: Call) -> Response:
        """The bytes as they were sent."""
        text = call.parameters["n"]
        if not (text.isascii() and text.isdigit() and len(text) < 5):
            raise NotFound("There is no such attempt.")
        async with self._parts.database.read() as tx:
            t = await inquiry.find(tx, self._parts.slots, call.namespace, transaction_id(call))
            body = await inquiry.sent_body(tx, t, int(text))
        if body is None:
            raise NotFound("There is no such attempt, or its member was erased.")
        return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})

    async def confirm(self, call: Call) -> Response:
        """The reward was given: the tokens are captured."""
        return await self._decide(call, News.CONFIRM)

    async def cancel(self, call: Call) -> Response:
        """The reward was not given: the tokens go back."""
        return await self._decide(call, News.CANCEL)

    async def resend(self, call: Call) -> Response:
        """The provider is asked again; the answer shows when."""
        body: Reason = call.body
        work = Resend(
            call.namespace, transaction_id(call), body.reason, call.who.actor, call.address
        )
        async with self._parts.database.tx() as tx:
            t = await resending.resend(tx, self._parts.slots, work)
            names = await members.user_ids(tx, {(t.slot, t.member_id)})
            debt = await outbox.debt(tx, t.slot, t.transaction_id)
        return answer(inquiry.view(t, names.get(t.member_id, ""), debt))

    async def _decide(self, call: Call, news: News) -> Response:
        body: Reason = call.body
        concluded = await self._parts.settlement.hear(
            Told(
                transaction_id(call),
                news,
                "operator",
                call.who.actor,
                namespace=call.namespace,
                reason=body.reason,
                address=call.address,
            )
        )
        async with self._parts.database.read() as tx:
            views = await inquiry.views(tx, [concluded.transaction])
        return answer(views[0])


def msgspec_name(field: str) -> str:
    """A field's name on the wire."""
    first, *rest = field.split("_")
    return first + "".join(word.capitalize() for word in rest)
