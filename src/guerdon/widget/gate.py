"""Who may come in: members with a token that their host signed, from pages the namespace allows."""

from psycopg import Error as DatabaseError
from psycopg_pool import PoolTimeout
from starlette.requests import Request

from guerdon import clock
from guerdon.access import embedding, tokens
from guerdon.access import store as access
from guerdon.access.tokens import PublicKey, Terms
from guerdon.db.pool import ReadTx, Row
from guerdon.errors import GuerdonError, InvalidRequest, NotPermitted, Unauthenticated
from guerdon.members.model import Member
from guerdon.redemption import enrolment
from guerdon.web.door import Call
from guerdon.web.gate import bearer
from guerdon.web.pace import Pace
from guerdon.web.parts import Parts
from guerdon.web.routes import Route


class MemberGate:
    """Notes on the call which member asks. Keys are read each time: one that is disabled is out."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._pace = Pace()

    async def admit(self, call: Call, route: Route) -> None:  # noqa: ARG002 - every route asks alike
        """Raises ``Unauthenticated``, ``NotPermitted``, ``MemberErased``, ``TooManyRequests``."""
        try:
            member, namespace = await self._member(call.request)
        except Unauthenticated:
            self._parts.throttle.refuse_if_hot(call.address)
            self._parts.throttle.note(call.address)
            raise
        call.test = namespace.test
        self._pace.take(member.member_id, embedding.limits_of(namespace).member_per_minute)
        call.member = member

    async def still_admits(self, request: Request) -> bool:
        """Whether a request that was let in would be so now: for answers that go on and on."""
        try:
            await self._member(request)
        except GuerdonError:
            return False
        except (DatabaseError, PoolTimeout, OSError):
            return True  # nobody knows now; the next time tells
        return True

    async def _member(self, request: Request) -> tuple[Member, Row]:
        """The member, and their namespace."""
        text = bearer(request)
        if text is None:
            raise Unauthenticated("Send a member token: Authorization: Bearer eyJ….")
        token = tokens.take_apart(text)
        async with self._parts.database.tx() as tx:
            namespace = await _namespace(tx, token.namespace)
            keys = [
                PublicKey(row.algorithm, row.kid, row.public_key)
                for row in await access.member_keys(tx, namespace.namespace)
                if row.disabled_at is None
            ]
            terms = Terms(namespace.token_issuer, namespace.token_audience)
            user_id = tokens.subject(token, keys, terms, clock.unix_seconds())
            _check_origin(request, namespace.allowed_origins)
            try:
                member = await enrolment.of_token(
                    tx, self._parts.slots, self._parts.sealer, namespace.namespace, user_id
                )
            except InvalidRequest as wrong:
                raise Unauthenticated("The token's sub cannot be a userId.") from wrong
        return member, namespace


async def _namespace(tx: ReadTx, named: str | None) -> Row:
    """The namespace a token is for; one that names none is for the only one there is."""
    name = named if named is not None else await access.only_namespace(tx)
    found = None if name is None else await access.namespace(tx, name)
    if found is None:
        raise Unauthenticated("The token's ns is not a namespace here.")
    return found


def _check_origin(request: Request, allowed: list[str]) -> None:
    """A page of another site must be allowed; our own frame, and what is no browser, may ask."""
    origin = request.headers.get("origin")
    if origin is None or origin in allowed:
        return
    if origin.partition("://")[2] != request.headers.get("host"):
        raise NotPermitted("The widget may not stand on this page.", origin=origin)
