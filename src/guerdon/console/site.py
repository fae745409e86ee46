"""The console as one ASGI application: its pages behind one door.

    who is there (session) → may they (right of the page) → is the form theirs → the handler

Refusals come back as pages in words; an action by hand that a role does not allow is written to
the audit trail.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from guerdon.access import sessions
from guerdon.access.operators import Operator, Right
from guerdon.console import visit as visits
from guerdon.console.pages import HEADERS, Pages
from guerdon.console.visit import Visit
from guerdon.errors import GuerdonError, MethodNotAllowed, NotFound, NotPermitted
from guerdon.web import problems
from guerdon.web.parts import Parts

# Where whoever was given a password chooses one; until then they come no further.
CHOOSING = "/account/password"
Handler = Callable[[Visit], Awaitable[Response]]
_log = structlog.get_logger("guerdon.console")


@dataclass(frozen=True, slots=True)
class Page:
    """One page or action. ``right`` ``None``: anybody, signed in or not."""

    method: str
    path: str
    handler: Handler
    right: Right | None = "read"


class Site:
    """Finds the page and sees it through. ``served`` tells which paths are the console's."""

    def __init__(self, parts: Parts, pages: Pages, table: Sequence[Page]) -> None:
        self._parts = parts
        self._pages = pages
        self._table = [(page, _route(page)) for page in table]
        self._first = {page.path.split("/")[1].partition("{")[0] for page in table}

    def serves(self, path: str) -> bool:
        """Whether a path, without the base path, is the console's."""
        return path.split("/", 2)[1] in self._first if path.startswith("/") else False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        request = Request(scope, receive)
        visit = Visit(request, None, "")
        try:
            cookie = visits.session_cookie(request)
            operator = await self._recognise(cookie)
            visit = Visit(request, operator, cookie if operator is not None else "")
            response: ASGIApp = await self._handle(visit)
        except GuerdonError as error:
            if problems.STATUS_BY_CODE[error.code] >= 500:
                _log.warning("refused", code=error.code, request=visit.request_id)
            response = await self._refusal(visit, error)
        except ClientDisconnect:
            return
        except Exception:  # noqa: BLE001 - the last one out: logged with its stack, told without
            _log.exception("page failed", request=visit.request_id, path=visit.path)
            response = await self._refusal(
                visit, GuerdonError("Something went wrong here. Nothing was changed by halves.")
            )
        if isinstance(response, Response):
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            response.headers["X-Request-Id"] = visit.request_id
        await response(scope, receive, send)

    async def _recognise(self, cookie: str) -> Operator | None:
        if not cookie:
            return None
        async with self._parts.database.read() as tx:
            known = await sessions.recognise(tx, cookie)
        if known is None:
            return None
        operator, stale = known
        if stale:
            async with self._parts.database.tx() as tx:
                await sessions.note_use(tx, cookie)
        return operator

    async def _handle(self, visit: Visit) -> Response:
        page = self._find(visit)
        try:
            return await self._admit(visit, page)
        except NotPermitted as refused:
            if "scope" in refused.facts:
                await self._note_refused(visit, page, refused.facts["scope"])
            raise

    async def _admit(self, visit: Visit, page: Page) -> Response:
        if page.right is not None:
            if not visit.signed_in:
                return self._to_sign_in(visit)
            visit.require(page.right)
            if visit.operator.password_given and page.path not in (CHOOSING, "/sign-out"):
                return self._sent_to(visit, CHOOSING)
        if page.method == "POST":
            await visit.read_form()
        return await page.handler(visit)

    def _find(self, visit: Visit) -> Page:
        method = "GET" if visit.request.method == "HEAD" else visit.request.method
        allowed = []
        for page, route in self._table:
            match, scope = route.matches(visit.request.scope)
            if match is Match.NONE:
                continue
            if page.method == method:
                visit.request.scope["path_params"] = scope["path_params"]
                return page
            allowed.append(page.method)
        if allowed:
            raise MethodNotAllowed(
                "This address does not answer that.", allow=", ".join(sorted(set(allowed)))
            )
        raise NotFound("There is nothing at this address.")

    async def _note_refused(self, visit: Visit, page: Page, right: object) -> None:
        """An action by hand that the role does not allow leaves a line in the audit trail."""
        if page.method == "GET":
            return
        async with self._parts.database.tx() as tx:
            await visit.audit(
                tx,
                "console.refused",
                visit.path,
                {"role": visit.operator.role, "right": right},
            )

    async def _refusal(self, visit: Visit, error: GuerdonError) -> Response:
        status = problems.STATUS_BY_CODE[error.code]
        headers = {}
        if "retryAfter" in error.facts:
            headers["Retry-After"] = str(error.facts["retryAfter"])
        if "allow" in error.facts:
            headers["Allow"] = str(error.facts["allow"])
        template = "refusal_fragment.html" if visit.fragment else "refusal.html"
        values = {"title": HTTPStatus(status).phrase, "status": status, "error": error}
        return self._pages.page(visit, template, values, status=status, headers=headers)

    def _to_sign_in(self, visit: Visit) -> Response:
        """The session is over: sign in, and come back to the same place."""
        wanted = visit.here if visit.request.method in ("GET", "HEAD") else "/"
        if visit.fragment:
            current = visit.request.headers.get("hx-current-url", "")
            wanted = "/" + current.split("/", 3)[-1] if current.count("/") >= 3 else "/"
            wanted = wanted.removeprefix(visit.base)
        return self._sent_to(visit, "/sign-in", {} if wanted == "/" else {"next": wanted})

    def _sent_to(
        self, visit: Visit, path: str, parameters: Mapping[str, str] | None = None
    ) -> Response:
        """A page is left for another; what a page asks for by itself says so in a dialog."""
        where = visit.url(path, parameters)
        if visit.fragment:
            return self._pages.page(visit, "session_ended.html", {"where": where}, status=401)
        return RedirectResponse(where, status_code=303)


def _route(page: Page) -> Route:
    return Route(page.path, _never, methods=[page.method])


async def _never(_request: Request) -> Response:
    raise AssertionError("routes are only matched; pages answer")
