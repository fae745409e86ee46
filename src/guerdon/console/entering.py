"""What follows the first step of signing in, however it was made: a code where one is asked for,
and then a session."""

from collections.abc import Mapping

from starlette.responses import RedirectResponse, Response

from guerdon.access import sessions
from guerdon.access import store as access
from guerdon.access.second_steps import store as second_steps
from guerdon.access.second_steps.store import Way
from guerdon.console import visit as visits
from guerdon.console.visit import Visit
from guerdon.db.pool import Row, Tx
from guerdon.web.parts import Parts

_HALF = "half"


class Entering:
    """Lets people in."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def admit(self, visit: Visit, operator: Row, following: str, way: Way) -> Response:
        """The first step is passed; ``operator`` has operator_id, namespace and email."""
        async with self._parts.database.read() as tx:
            asked = await second_steps.is_on(tx, operator.operator_id)
        if not asked:
            return await self.begin(visit, operator, following, {"by": way})
        return await self.leave_half(visit, "/sign-in/code", following, way, operator=operator)

    async def leave_half(
        self,
        visit: Visit,
        path: str,
        following: str,
        way: Way,
        *,
        operator: Row | None = None,
        email: str | None = None,
    ) -> Response:
        """Goes on at ``path`` with a cookie that says who passed the first step; the one that led
        here is used up."""
        operator_id = None if operator is None else operator.operator_id
        async with self._parts.database.tx() as tx:
            await second_steps.end_half(tx, cookie_of(visit, _HALF))
            cookie = await second_steps.halfway(
                tx, way, following, operator_id=operator_id, email=email
            )
        response = RedirectResponse(visit.url(path), status_code=303)
        put_cookie(visit, response, _HALF, cookie, second_steps.HALF_SECONDS)
        return response

    async def half(self, visit: Visit) -> Row | None:
        """Who is half inside; ``None`` for nobody."""
        cookie = cookie_of(visit, _HALF)
        if not cookie:
            return None
        async with self._parts.database.read() as tx:
            return await second_steps.half(tx, cookie)

    async def begin(
        self, visit: Visit, operator: Row, following: str, detail: Mapping[str, object]
    ) -> Response:
        """A fresh session. The old one ends, and so does what led here."""
        async with self._parts.database.tx() as tx:
            if visit.cookie:
                await sessions.end(tx, visit.cookie)
            await second_steps.end_half(tx, cookie_of(visit, _HALF))
            by_password = detail["by"] == "password"
            cookie = await sessions.begin(
                tx, operator.operator_id, visit.address, by_password=by_password
            )
            await note(tx, visit, operator, "operator.signed-in", detail)
        target = visit.url(visits.local_path(following))
        response = RedirectResponse(target, status_code=303)
        secure = visit.over_https()
        response.set_cookie(
            visits.SECURE_COOKIE if secure else visits.PLAIN_COOKIE,
            cookie,
            path="/",
            secure=secure,
            httponly=True,
            samesite="lax",
        )
        drop_cookie(response, _HALF)
        return response


def _names(name: str) -> tuple[str, str]:
    return f"{visits.SECURE_COOKIE}-{name}", f"{visits.PLAIN_COOKIE}-{name}"


def put_cookie(visit: Visit, response: Response, name: str, value: str, seconds: int) -> None:
    """A cookie of ours for a short while."""
    secure = visit.over_https()
    response.set_cookie(
        _names(name)[0 if secure else 1],
        value,
        max_age=seconds,
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def cookie_of(visit: Visit, name: str) -> str:
    """It, or nothing. Over https the plain name is not believed."""
    guarded, plain = (visit.request.cookies.get(known) for known in _names(name))
    if guarded is not None or visit.request.url.scheme == "https":
        return guarded or ""
    return plain or ""


def drop_cookie(response: Response, name: str) -> None:
    """Takes it away, under both its names."""
    for known in _names(name):
        secure = known.startswith("__Host-")
        response.delete_cookie(known, path="/", secure=secure, httponly=True, samesite="lax")


async def note(
    tx: Tx, visit: Visit, operator: Row, action: str, detail: Mapping[str, object]
) -> None:
    """What an operator did who is not signed in yet, or no longer."""
    await access.audit(
        tx,
        namespace=operator.namespace,
        actor=f"operator:{operator.email}",
        action=action,
        target=operator.email,
        detail=detail,
        address=visit.address,
    )
