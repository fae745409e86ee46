"""Who may come in: holders of API keys."""

from starlette.requests import Request

from guerdon.access.keys import KeyRing
from guerdon.errors import Unauthenticated
from guerdon.web.door import Call, Throttle
from guerdon.web.pace import Pace
from guerdon.web.routes import Route


class KeyGate:
    """Lets in who holds an API key with the scopes of the route."""

    def __init__(self, keys: KeyRing, throttle: Throttle) -> None:
        self._keys = keys
        self._throttle = throttle
        self._pace = Pace()

    async def admit(self, call: Call, route: Route) -> None:
        """Routes without scopes are open to everybody."""
        if not route.scopes:
            return
        key = bearer(call.request)
        if key is None:
            raise Unauthenticated("Send an API key: Authorization: Bearer gk_….")
        try:
            call.principal = await self._keys.recognise(key)
        except Unauthenticated:
            self._throttle.refuse_if_hot(call.address)
            self._throttle.note(call.address)
            raise
        call.test = call.principal.test
        if call.principal.per_minute is not None:
            self._pace.take(call.principal.key_id, call.principal.per_minute)
        call.principal.require(*route.scopes)


def bearer(request: Request) -> str | None:
    """What follows ``Authorization: Bearer``, if anything does."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
