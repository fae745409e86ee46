"""Members: profiles, grants and charges, statements, erasure, and many at once."""

import asyncio
import io
import itertools
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from starlette.responses import Response, StreamingResponse

from guerdon import strict_json
from guerdon.access import store as access
from guerdon.access.principal import Scope
from guerdon.amount import MAX_TOKENS
from guerdon.api.answers import MemberAnswer, StatementItem
from guerdon.clock import rfc3339
from guerdon.db.pool import Row
from guerdon.errors import GuerdonError, InvalidRequest, TooLarge
from guerdon.fields import PRINTABLE
from guerdon.ledger import posting
from guerdon.ledger import store as ledger
from guerdon.ledger.chart import Place
from guerdon.members import model
from guerdon.members.model import check_user_id
from guerdon.redemption import enrolment
from guerdon.redemption.enrolment import Line, LineDone
from guerdon.redemption.issuance import Issuance, Receipt, body_hash, scope_hash
from guerdon.web import lists
from guerdon.web.door import Call, answer, read_bounded
from guerdon.web.parts import Parts
from guerdon.web.routes import Route

LARGEST_BATCH = 32 * 1024 * 1024
_LARGEST_LINE = 64 * 1024
_PORTION = 500
_GROUP = 2000
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=PRINTABLE)]


class Amount(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A grant or a charge, in tokens."""

    amount: Annotated[int, msgspec.Meta(ge=1, le=MAX_TOKENS)]
    reason: Reason


class Doors:
    """The handlers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def routes(self) -> list[Route]:
        """Their place in the table."""
        write: tuple[Scope, ...] = ("members",)
        gone = ("member-not-found",)
        reused = ("idempotency-key-reused",)
        return [
            Route(
                "PUT",
                "/v1/members/{userId}",
                self.put,
                "Create or change a member",
                write,
                body=dict[str, Any],
                answer=MemberAnswer,
                codes=("invalid-request",),
            ),
            Route(
                "GET",
                "/v1/members/{userId}",
                self.one,
                "A member with their balance",
                ("read",),
                answer=MemberAnswer,
                codes=gone,
            ),
            Route(
                "DELETE",
                "/v1/members/{userId}",
                self.erase,
                "Remove a member's personal data; the money stays",
                write,
                status=204,
                codes=(*gone, "open-transactions"),
            ),
            Route(
                "POST",
                "/v1/members/{userId}/grants",
                self.grant,
                "Credit tokens",
                write,
                body=Amount,
                answer=Receipt,
                status=201,
                keyed=True,
                codes=(*gone, *reused),
            ),
            Route(
                "POST",
                "/v1/members/{userId}/charges",
                self.charge,
                "Take tokens away",
                write,
                body=Amount,
                answer=Receipt,
                status=201,
                keyed=True,
                codes=(*gone, *reused, "insufficient-tokens"),
            ),
            Route(
                "GET",
                "/v1/members/{userId}/statement",
                self.statement,
                "A member's postings, newest first, each with the balance after it",
                ("read",),
                answer=StatementItem,
                query=("limit", "cursor"),
                codes=gone,
            ),
            Route(
                "POST",
                "/v1/members/batch",
                self.batch,
                "Create, change and credit many members (NDJSON)",
                write,
                body=bytes,
                raw=True,
                media_type="application/x-ndjson",
                body_type="application/x-ndjson",
                codes=("too-large",),
            ),
        ]

    async def put(self, call: Call) -> Response:
        """201 for a new member, 200 for a changed one."""
        change = model.read_change(call.body)
        user_id = call.parameters["userId"]
        async with self._parts.database.tx() as tx:
            _, created = await enrolment.put_member(
                tx, self._parts.slots, call.namespace, user_id, change
            )
        return await self._answer(call, 201 if created else 200)

    async def one(self, call: Call) -> Response:
        """The member as they stand."""
        return await self._answer(call)

    async def _answer(self, call: Call, status: int = 200) -> Response:
        user_id = check_user_id(call.parameters["userId"])
        async with self._parts.database.read() as tx:
            member, account = await enrolment.profile(
                tx, self._parts.slots, call.namespace, user_id
            )
        shown = model.to_wire(member, account.balance, account.available, account.redeemed)
        return answer(shown, status)

    async def erase(self, call: Call) -> Response:
        """204, and the userId is nobody's."""
        user_id = check_user_id(call.parameters["userId"])
        async with self._parts.database.tx() as tx:
            await enrolment.erase(
                tx, self._parts.slots, self._parts.sealer, call.namespace, user_id, "erasure"
            )
            await access.audit(
                tx,
                namespace=call.namespace,
                actor=call.who.actor,
                action="member.erased",
                # The audit trail must not hold the userId that was just removed.
                target=self._parts.sealer.keyed_hash(user_id).hex(),
                detail={},
                address=call.address,
            )
        return Response(status_code=204)

    async def grant(self, call: Call) -> Response:
        """issued → available."""
        return await self._issue(call, "grants", charge=False)

    async def charge(self, call: Call) -> Response:
        """available → adjusted."""
        return await self._issue(call, "charges", charge=True)

    async def _issue(self, call: Call, route: str, *, charge: bool) -> Response:
        body: Amount = call.body
        user_id = check_user_id(call.parameters["userId"])
        issued = await self._parts.issuance.issue(
            Issuance(
                call.namespace,
                user_id,
                body.amount,
                body.reason,
                charge,
                scope_hash(call.namespace, "api", route, user_id, call.key),
                body_hash(body),
            )
        )
        headers = {"Idempotent-Replayed": "true"} if issued.replayed else {}
        return answer(issued.receipt, 201, headers)

    async def statement(self, call: Call) -> Response:
        """A page of the statement."""
        user_id = check_user_id(call.parameters["userId"])
        asked = lists.limit(call.query)
        said = lists.cursor(call.query)
        if said is not None and not (said.isascii() and said.isdigit() and len(said) < 19):
            raise lists.invalid("cursor", "is none of ours")
        async with self._parts.database.read() as tx:
            member, _ = await enrolment.profile(tx, self._parts.slots, call.namespace, user_id)
            rows = await ledger.statement(
                tx,
                member.slot,
                member.member_id,
                before_seq=None if said is None else int(said),
                limit=asked + 1,
            )
        shown, last = lists.split(rows, asked)
        items = [_statement_item(row) for row in shown]
        return answer(lists.page(items, None if last is None else str(last.member_seq)))

    async def batch(self, call: Call) -> Response:
        """Per-line results, in the order of the lines, as group after group of them is stored.

        Stored lines stay stored when a later group cannot be: the batch is then sent again.
        """
        raw = await read_bounded(call.request, LARGEST_BATCH)
        groups = self._enrol(call.namespace, raw)
        first = await anext(groups, b"")

        async def results() -> AsyncIterator[bytes]:
            yield first
            async for group in groups:
                yield group

        return StreamingResponse(results(), media_type="application/x-ndjson")

    async def _enrol(self, namespace: str, raw: bytes) -> AsyncIterator[bytes]:
        numbered = enumerate(io.BytesIO(raw), start=1)
        while group := list(itertools.islice(numbered, _GROUP)):
            done: dict[int, LineDone] = {}
            lines: list[Line] = []
            for number, text in group:
                read = _read_line(namespace, number, text)
                if isinstance(read, Line):
                    lines.append(read)
                elif read is not None:
                    done[number] = read
            for slot, portion in enrolment.by_slot(lines, self._parts.slots, _PORTION):
                async with self._parts.database.batch() as tx:
                    for result in await enrolment.enrol_batch(tx, slot, portion):
                        done[result.number] = result
            # Other requests have their turn, also where nothing was stored.
            await asyncio.sleep(0)
            items = [msgspec.json.encode(_line_item(done[number])) for number in sorted(done)]
            yield b"".join(item + b"\n" for item in items)


def _read_line(namespace: str, number: int, text: bytes) -> Line | LineDone | None:
    """A line, or why it is refused; ``None`` for an empty one."""
    user_id = ""
    try:
        if len(text) > _LARGEST_LINE:
            raise TooLarge(f"A line may have {_LARGEST_LINE} bytes.")
        if not text.strip():
            return None
        value = strict_json.parse(text)
        if isinstance(value, dict) and isinstance(value.get("userId"), str):
            user_id = value["userId"]
        return enrolment.read_line(namespace, number, value)
    except GuerdonError as refusal:
        return LineDone(number, user_id, False, refusal)


def _line_item(done: LineDone) -> dict[str, object]:
    if done.refusal is None:
        status = "created" if done.created else "changed"
        return {"line": done.number, "status": status, "userId": done.user_id}
    item: dict[str, object] = {"line": done.number, "status": "refused", "userId": done.user_id}
    item |= {"code": done.refusal.code, "detail": done.refusal.detail}
    if isinstance(done.refusal, InvalidRequest):
        item |= done.refusal.facts
    return item


def _statement_item(row: Row) -> StatementItem:
    available, held = _changes(row)
    transaction = posting.of_transaction(row.movement, row.leg)
    return {
        "postingId": str(posting.posting_id(row.cause_id, row.leg)),
        "movement": row.movement,
        "amount": row.amount,
        "availableChange": available,
        "heldChange": held,
        "balance": row.available_after + row.held_after,
        "available": row.available_after,
        "at": rfc3339(row.at),
        "transactionId": str(row.cause_id) if transaction else None,
        "reason": row.reason,
    }


def _changes(row: Row) -> tuple[int, int]:
    """What the posting added to available and to held."""
    signs = {row.to_account: row.amount, row.from_account: -row.amount}
    return signs.get(Place.AVAILABLE, 0), signs.get(Place.HELD, 0)
