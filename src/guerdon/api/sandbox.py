"""The sandbox of a test namespace: its clock, and its wiping."""

from typing import Annotated

import msgspec
from starlette.responses import Response

from guerdon.access.embedding import By
from guerdon.access.principal import Scope
from guerdon.api.answers import AdvancedAnswer, WipedAnswer
from guerdon.errors import InvalidRequest
from guerdon.redemption.sandbox import LONGEST_ADVANCE_SECONDS
from guerdon.web import sandbox
from guerdon.web.door import Call, answer
from guerdon.web.parts import Parts
from guerdon.web.routes import Route


class Advance(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """By how much time goes on."""

    seconds: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_ADVANCE_SECONDS)]


class Wipe(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The name of the namespace, so that a wrong key wipes nothing by mistake."""

    namespace: str


class Doors:
    """The handlers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def routes(self) -> list[Route]:
        """Their place in the table."""
        scope: tuple[Scope, ...] = ("operate",)
        return [
            Route(
                "POST",
                "/v1/sandbox/advance",
                self.advance,
                "Let time go on in a test namespace",
                scope,
                body=Advance,
                answer=AdvancedAnswer,
                codes=("live-namespace",),
            ),
            Route(
                "POST",
                "/v1/sandbox/wipe",
                self.wipe,
                "Remove the members and transactions of a test namespace",
                scope,
                body=Wipe,
                answer=WipedAnswer,
                codes=("live-namespace", "unavailable"),
            ),
        ]

    async def advance(self, call: Call) -> Response:
        """What waits for a moment finds that it has come."""
        body: Advance = call.body
        moved = await sandbox.advance(self._parts, call.namespace, body.seconds, _by(call))
        shown: AdvancedAnswer = {
            "seconds": body.seconds,
            "messages": moved.messages,
            "transactions": moved.transactions,
            "providers": moved.providers,
        }
        return answer(shown)

    async def wipe(self, call: Call) -> Response:
        """Options, providers, keys and people stay; so does the audit trail."""
        body: Wipe = call.body
        if body.namespace != call.namespace:
            raise InvalidRequest(
                "This key belongs to another namespace than the one to be wiped.",
                errors=[{"pointer": "/namespace", "detail": "must be the namespace of the key"}],
            )
        wiped = await sandbox.wipe(self._parts, call.namespace, _by(call))
        shown: WipedAnswer = {"members": wiped.members, "transactions": wiped.transactions}
        return answer(shown)


def _by(call: Call) -> By:
    return By(call.who.actor, call.address)
