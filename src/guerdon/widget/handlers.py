"""The widget's own API: what a member may see and do, and nothing more."""

from typing import Any

import msgspec
from starlette.responses import Response

from guerdon import ids
from guerdon.clock import rfc3339
from guerdon.errors import GuerdonError, InvalidRequest, OptionNotFound, TransactionNotFound
from guerdon.options import model as option_model
from guerdon.redemption import catalogue, enrolment, inquiry
from guerdon.redemption.catalogue import Offer
from guerdon.redemption.issuance import body_hash, scope_hash
from guerdon.redemption.request import Request
from guerdon.transactions import store as transactions
from guerdon.transactions.model import Transaction
from guerdon.transactions.states import Status
from guerdon.transactions.store import Filter
from guerdon.web import lists
from guerdon.web.door import Call, answer
from guerdon.web.parts import Parts
from guerdon.web.routes import Route
from guerdon.web.shapes import Address, Amount, Email

_OPTION_FACTS = ("description", "image", "details", "group", "order", "collectEmail")
_TOKENS = {Status.SUCCESS: "spent", Status.FAILURE: "returned"}


class Redeem(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """``POST /widget/v1/redemptions``: as the API's, for the member of the token."""

    option_name: str
    email: Email | None = None
    address: Address | None = None
    expected_price: Amount | None = None
    token_amount: Amount | None = None
    currency: str | None = None
    expected_currency_amount: Amount | None = None


class Handlers:
    """What answers a member."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

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
                query=("limit", "cursor"),
            ),
            Route("GET", "/widget/v1/transactions/{id}", self.one, "One of their transactions"),
        ]

    async def me(self, call: Call) -> Response:
        """Balance and what is known of the member."""
        async with self._parts.database.read() as tx:
            member, account = await enrolment.profile(
                tx, self._parts.slots, call.asker.namespace, call.asker.user_id
            )
        return answer(
            {
                "userId": member.user_id,
                "email": member.email,
                "address": member.address,
                "balance": account.balance,
                "available": account.available,
                "held": account.held,
                "tokensRedeemed": account.redeemed,
            }
        )

    async def options(self, call: Call) -> Response:
        """The catalogue, each with what stands against redeeming it, if anything does."""
        async with self._parts.database.read() as tx:
            offers = await catalogue.offers(tx, call.asker)
        return answer({"items": [_offer(offer) for offer in offers], "nextCursor": None})

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
                actor="member",
                scope=scope_hash(
                    member.namespace, "widget", "redemptions", member.user_id, call.key
                ),
                body=body_hash(body),
            )
        )
        headers = {"Idempotent-Replayed": "true"} if accepted.replayed else None
        return answer(_transaction(accepted.transaction), 202, headers)

    async def page(self, call: Call) -> Response:
        """A page of the history."""
        asked, below = lists.limit(call.query), lists.cursor(call.query)
        chosen = Filter(
            namespace=call.asker.namespace,
            statuses=None,
            option_names=None,
            member_ids=(call.asker.member_id,),
            title=None,
            from_id=ids.FIRST_ID,
            below_id=ids.LAST_ID if below is None else lists.uuid_or(_bad_cursor(), below),
        )
        async with self._parts.database.read() as tx:
            found = await transactions.page(tx, chosen, asked)
        items = [_transaction(t) for t in found]
        return answer(lists.page(items, asked, str(found[-1].transaction_id) if found else None))

    async def one(self, call: Call) -> Response:
        """One transaction; another member's is not there."""
        given = call.parameters["id"]
        missing = TransactionNotFound(f"There is no transaction {given!r}.")
        identifier = lists.uuid_or(missing, given)
        async with self._parts.database.read() as tx:
            found = await inquiry.find(tx, self._parts.slots, call.asker.namespace, identifier)
        if found.member_id != call.asker.member_id:
            raise missing
        return answer(_transaction(found))


def _bad_cursor() -> InvalidRequest:
    return lists.invalid("cursor", "is none of ours")


def _offer(offer: Offer) -> dict[str, Any]:
    option = offer.option
    made = option_model.definition(option)
    shown = {name: made[name] for name in _OPTION_FACTS}
    return {
        "name": str(option.name),
        "type": option.type,
        "title": option.title,
        **shown,
        "collectAddress": option.collect_address,
        **option_model.terms(option),
        "redeemable": offer.obstacle is None,
        "obstacle": None if offer.obstacle is None else _obstacle(offer.obstacle),
        "onCompletionRedirect": option.on_completion_redirect,
    }


def _obstacle(obstacle: GuerdonError) -> dict[str, Any]:
    return {"code": obstacle.code, "detail": obstacle.detail, **obstacle.facts}


def _transaction(t: Transaction) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": str(t.transaction_id),
        "status": str(t.status),
        "tokens": _TOKENS.get(t.status, "held"),
        "optionName": str(t.option_name),
        "optionTitle": t.option_title,
        "type": t.type,
        "price": t.price,
        "createdAt": rfc3339(t.created_at),
        "updatedAt": rfc3339(t.updated_at),
        "closedAt": None if t.closed_at is None else rfc3339(t.closed_at),
    }
    if t.currency is not None:
        shown |= {"tokenAmount": t.price, "currency": t.currency}
        shown |= {"currencyAmount": t.currency_amount}
    return shown
