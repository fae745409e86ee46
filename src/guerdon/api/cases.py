"""Cases over the API: the queue, and closing one."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from starlette.responses import Response

from guerdon.api.answers import CaseAnswer
from guerdon.clock import rfc3339
from guerdon.errors import TransactionNotFound
from guerdon.fields import PRINTABLE_LINES
from guerdon.ids import FIRST_ID, LAST_ID
from guerdon.redemption import resolution
from guerdon.redemption.resolution import Resolve
from guerdon.transactions.cases import store
from guerdon.transactions.cases.store import Case, Choice
from guerdon.web import lists
from guerdon.web.door import Call, answer
from guerdon.web.parts import Parts
from guerdon.web.routes import Route


class Resolution(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """``POST …/resolve``: how a case is closed, and why."""

    choice: Choice
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=2000, pattern=PRINTABLE_LINES)]


class Doors:
    """The handlers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def routes(self) -> list[Route]:
        """Their place in the table."""
        return [
            Route(
                "GET",
                "/v1/cases",
                self.page,
                "List open cases, oldest redemption first; ?closed=true lists the closed",
                ("read",),
                answer=CaseAnswer,
                query=("limit", "cursor", "closed"),
            ),
            Route(
                "POST",
                "/v1/transactions/{id}/resolve",
                self.resolve,
                "Close a case: leave it, or correct its tokens (needs members too)",
                ("operate",),
                body=Resolution,
                answer=CaseAnswer,
                codes=(
                    "transaction-not-found",
                    "insufficient-tokens",
                    "not-open",
                    "not-offered",
                    "member-erased",
                    "invalid-request",
                ),
            ),
        ]

    async def page(self, call: Call) -> Response:
        """A page of the queue."""
        asked, said = lists.limit(call.query), lists.cursor(call.query)
        wrong = lists.invalid("cursor", "is none of ours")
        start = None if said is None else lists.uuid_or(wrong, said)
        closed = lists.single(call.query, "closed")
        if closed not in (None, "true", "false"):
            raise lists.invalid("closed", "must be true or false")
        more = asked + 1
        async with self._parts.database.read() as tx:
            if closed == "true":
                found = await store.closed_ones(tx, call.namespace, more, below=start or LAST_ID)
            else:
                found = await store.open_ones(tx, call.namespace, more, above=start or FIRST_ID)
        items, last = lists.split([case_answer(case) for _, case in found], asked)
        return answer(lists.page(items, None if last is None else last["transactionId"]))

    async def resolve(self, call: Call) -> Response:
        """A case is closed. To move tokens takes the scope of whoever credits and charges."""
        body: Resolution = call.body
        if body.choice != "leave":
            call.who.require("members")
        work = Resolve(
            call.namespace,
            transaction_id(call),
            body.choice,
            body.reason,
            call.who.actor,
            call.address,
        )
        async with self._parts.database.tx() as tx:
            resolved = await resolution.resolve(tx, self._parts.slots, work)
        return answer(case_answer(resolved.case))


def transaction_id(call: Call) -> UUID:
    """The transaction that a path names."""
    text = call.parameters["id"]
    return lists.uuid_or(TransactionNotFound("There is no such transaction."), text)


def case_answer(case: Case) -> CaseAnswer:
    """A case on the wire."""
    return {
        "transactionId": str(case.transaction_id),
        "openedAt": rfc3339(case.opened_at),
        "complainedAt": _moment(case.complained_at),
        "contradictedAt": _moment(case.contradicted_at),
        "closedAt": _moment(case.closed_at),
        "closedBy": case.closed_by,
        "choice": case.choice,
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)
