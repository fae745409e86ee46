"""The widget's own API: what a member may see and do, and nothing more."""

from functools import partial
from typing import Annotated, Any
from uuid import UUID

import msgspec
from starlette.responses import Response, StreamingResponse

from guerdon import ids
from guerdon.access.look import store as looks
from guerdon.access.look.model import style
from guerdon.errors import InvalidRequest, OptionNotFound, TransactionNotFound
from guerdon.fields import PRINTABLE_LINES
from guerdon.ledger.posting import Account
from guerdon.members.model import Member
from guerdon.redemption import catalogue, complaint, enrolment, inquiry
from guerdon.redemption.issuance import body_hash, scope_hash
from guerdon.redemption.request import Request
from guerdon.transactions.histories import store as histories
from guerdon.web import lists, words
from guerdon.web.door import Call, answer
from guerdon.web.parts import Parts
from guerdon.web.routes import Route
from guerdon.web.shapes import Address, Amount, Email
from guerdon.widget import shown, stories, titles
from guerdon.widget.gate import MemberGate
from guerdon.widget.live import MemberFeed

Words = Annotated[str, msgspec.Meta(max_length=1000, pattern=PRINTABLE_LINES)]


class Redeem(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """``POST /widget/v1/redemptions``: as the API's, for the member of the token."""

    option_name: str
    email: Email | None = None
    address: Address | None = None
    expected_price: Amount | None = None
    token_amount: Amount | None = None
    currency: str | None = None
    expected_currency_amount: Amount | None = None


class Complaint(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """``POST /widget/v1/transactions/{id}/cases``: what the member has to say, if anything."""

    message: Words | None = None


class Handlers:
    """What answers a member."""

    def __init__(self, parts: Parts, gate: MemberGate, feed: MemberFeed) -> None:
        self._parts = parts
        self._gate = gate
        self._feed = feed

    def routes(self) -> list[Route]:
        """Their place in the table."""
        return [
            Route("GET", "/widget/v1/me", self.me, "The member and their tokens"),
            Route("GET", "/widget/v1/options", self.options, "What the member may redeem"),
            Route(
                "POST",
                "/widget/v1/redemptions",
                self.redeem,
                "Redeem tokens for an option",
                body=Redeem,
                status=202,
                keyed=True,
            ),
            Route(
                "GET",
                "/widget/v1/transactions",
                self.page,
                "The member's transactions, newest first",
                query=("limit", "cursor", "open"),
            ),
            Route("GET", "/widget/v1/transactions/{id}", self.one, "One of their transactions"),
            Route(
                "POST",
                "/widget/v1/transactions/{id}/cases",
                self.open_case,
                "Say that the reward did not come",
                body=Complaint,
                status=201,
                bare=True,
            ),
            Route(
                "GET",
                "/widget/v1/stream",
                self.stream,
                "The balance and every change, as Server-Sent Events",
                media_type="text/event-stream",
            ),
        ]

    async def me(self, call: Call) -> Response:
        """Balance and what is known of the member."""
        async with self._parts.database.read() as tx:
            member, account = await enrolment.profile(
                tx, self._parts.slots, call.asker.namespace, call.asker.user_id
            )
        return answer(_profile(member, account))

    async def options(self, call: Call) -> Response:
        """The catalogue, each with what stands against redeeming it; and the member beside it, as
        they were when it was decided; and how the programme dresses its widget."""
        async with self._parts.database.read() as tx:
            found = await catalogue.of_member(tx, call.asker)
            worn = await looks.look(tx, call.asker.namespace)
        language = titles.language(call.request)
        items = [shown.offer(offer, language) for offer in found.offers]
        me = _profile(call.asker, found.account)
        dress = {"look": style(worn.theme), "texts": worn.texts.get(words.known(language), {})}
        return answer({"items": items, "nextCursor": None, "me": me, **dress})

    async def redeem(self, call: Call) -> Response:
        """Accepts a redemption: 202 with the pending transaction, durably."""
        body: Redeem = call.body
        member = call.asker
        missing = OptionNotFound(f"There is no option {body.option_name!r}.")
        accepted = await self._parts.intake.redeem(
            Request(
                namespace=member.namespace,
                user_id=member.user_id,
                option_name=lists.uuid_or(missing, body.option_name),
                email=body.email,
                address=body.address,
                expected_price=body.expected_price,
                token_amount=body.token_amount,
                currency=body.currency,
                expected_currency_amount=body.expected_currency_amount,
                origin="widget",
                test=call.test,
                actor="member",
                scope=scope_hash(
                    member.namespace, "widget", "redemptions", member.user_id, call.key
                ),
                body=body_hash(body),
            )
        )
        headers = {"Idempotent-Replayed": "true"} if accepted.replayed else None
        return answer(shown.transaction(accepted.transaction), 202, headers)

    async def page(self, call: Call) -> Response:
        """A page of the history."""
        asked, cursor = lists.limit(call.query), lists.cursor(call.query)
        only = lists.single(call.query, "open")
        if only not in (None, "true", "false"):
            raise lists.invalid("open", "must be true or false")
        member = call.asker
        below = ids.LAST_ID if cursor is None else lists.uuid_or(_bad_cursor(), cursor)
        async with self._parts.database.read() as tx:
            found = await histories.page(
                tx, member.slot, member.member_id, asked + 1, below=below, open_only=only == "true"
            )
            fits, last = lists.split(found, asked)
            items = await stories.told(tx, call.asker.slot, fits, titles.language(call.request))
        return answer(lists.page(items, None if last is None else str(last.transaction_id)))

    async def one(self, call: Call) -> Response:
        """One transaction; another member's is not there."""
        identifier = _transaction_id(call)
        async with self._parts.database.read() as tx:
            found = await inquiry.find(tx, self._parts.slots, call.asker.namespace, identifier)
            if found.member_id != call.asker.member_id:
                raise TransactionNotFound(f"There is no transaction {str(identifier)!r}.")
            items = await stories.told(tx, call.asker.slot, [found], titles.language(call.request))
        return answer(items[0])

    async def open_case(self, call: Call) -> Response:
        """Puts it before the programme's people; said again, the first stands."""
        body: Complaint = call.body
        identifier = _transaction_id(call)
        async with self._parts.database.tx() as tx:
            case, new = await complaint.open_case(
                tx, self._parts.slots, call.asker, identifier, body.message, call.address
            )
        made = {"transactionId": str(identifier), **shown.case(case)}
        return answer(made, 201 if new else 200)

    async def stream(self, call: Call) -> Response:
        """Goes on until the token ends, the page leaves, or the server stops."""
        self._feed.refuse_if_crowded(call.asker)
        may_listen = partial(self._gate.still_admits, call.request)
        return StreamingResponse(
            self._feed.frames(call.asker, titles.language(call.request), may_listen),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no", "Cache-Control": "no-store"},
        )


def _bad_cursor() -> InvalidRequest:
    return lists.invalid("cursor", "is none of ours")


def _transaction_id(call: Call) -> UUID:
    given = call.parameters["id"]
    return lists.uuid_or(TransactionNotFound(f"There is no transaction {given!r}."), given)


def _profile(member: Member, account: Account) -> dict[str, Any]:
    return {
        "userId": member.user_id,
        "email": member.email,
        "address": member.address,
        **shown.balance(account),
        "tokensRedeemed": account.redeemed,
    }
