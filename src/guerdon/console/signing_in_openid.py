"""Signing in through the organisation's OpenID issuer. It proves an email; whether that email is an
operator's, and what they may, is decided here. It never makes an operator."""

from urllib.parse import quote, unquote

import structlog
from starlette.responses import RedirectResponse, Response

from guerdon.access import sessions
from guerdon.access.openid import Browser, NotBelieved
from guerdon.console.entering import Entering, cookie_of, drop_cookie, put_cookie
from guerdon.console.issuer import Issuer, IssuerAway
from guerdon.console.patience import Patience
from guerdon.console.signing_in import SigningIn
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.errors import NotFound
from guerdon.web.parts import Parts

_COOKIE, _SECONDS, _LONGEST = "openid", 600, 1500
_BACK = "/sign-in/openid/return"
_log = structlog.get_logger("guerdon.console")


class SigningInByOpenId:
    """The handlers."""

    def __init__(
        self, parts: Parts, signing_in: SigningIn, entering: Entering, issuer: Issuer | None
    ) -> None:
        self._parts = parts
        self._signing_in = signing_in
        self._entering = entering
        self._issuer = issuer
        # Each way there and back costs requests to the issuer.
        self._by_address = Patience(60, 300.0)

    def table(self) -> list[Page]:
        """Their place in the table."""
        return [
            Page("GET", "/sign-in/openid", self.depart, None),
            Page("GET", _BACK, self.come_back, None),
        ]

    async def depart(self, visit: Visit) -> Response:
        """To the issuer, with a cookie that this browser is known by when it returns. Nothing is
        kept here meanwhile."""
        issuer = self._configured()
        following = visit.query("next") or "/"
        refusal = self._impatient(visit, following)
        if refusal is not None:
            return refusal
        browser = Browser.fresh()
        try:
            url = await issuer.departure(browser, _redirect_uri(visit))
        except (IssuerAway, NotBelieved) as trouble:
            return self._away(visit, following, trouble)
        response = RedirectResponse(url, status_code=303)
        kept = following if len(following) <= _LONGEST else "/"
        put_cookie(visit, response, _COOKIE, browser.secret + quote(kept, safe=""), _SECONDS)
        return response

    async def come_back(self, visit: Visit) -> Response:
        """From the issuer, with a code or without."""
        issuer = self._configured()
        cookie = cookie_of(visit, _COOKIE)
        browser, following = Browser.known(cookie[:43]), unquote(cookie[43:]) or "/"
        response = self._impatient(visit, following)
        if response is None:
            response = await self._received(visit, issuer, browser, following)
        drop_cookie(response, _COOKIE)
        return response

    async def _received(
        self, visit: Visit, issuer: Issuer, browser: Browser | None, following: str
    ) -> Response:
        if browser is None:
            problem = "This browser was not on its way to sign in, or took too long."
            return self._signing_in.form(visit, following, problem=problem, status=422)
        try:
            email = await issuer.email(browser, str(visit.request.url), _redirect_uri(visit))
        except IssuerAway as trouble:
            return self._away(visit, following, trouble)
        except NotBelieved as trouble:
            _log.warning("openid sign-in refused", why=str(trouble), request=visit.request_id)
            problem = "Your organisation's sign-in did not vouch for you. Try again."
            return self._signing_in.form(visit, following, problem=problem, status=422)
        async with self._parts.database.read() as tx:
            owners = await sessions.owners(tx, email)
        if not owners:
            _log.warning("openid sign-in refused", why="no such operator", request=visit.request_id)
            problem = f"{email} is nobody's here. An admin of a programme adds people to its team."
            return self._signing_in.form(visit, following, problem=problem, status=422)
        if len(owners) > 1:
            return await self._entering.leave_half(
                visit, "/sign-in/programme", following, "openid", email=email
            )
        return await self._entering.admit(visit, owners[0], following, "openid")

    def _configured(self) -> Issuer:
        if self._issuer is None:
            raise NotFound("There is nothing at this address.")
        return self._issuer

    def _impatient(self, visit: Visit, following: str) -> Response | None:
        address = visit.address or ""
        wait = self._by_address.wait(address)
        if wait:
            problem = f"Too many attempts. Try again in {wait} seconds."
            return self._signing_in.form(visit, following, problem=problem, status=429)
        self._by_address.note(address)
        return None

    def _away(self, visit: Visit, following: str, trouble: Exception) -> Response:
        _log.warning("openid issuer not usable", error=str(trouble), request=visit.request_id)
        problem = "Your organisation's sign-in does not answer. Try again in a while."
        return self._signing_in.form(visit, following, problem=problem, status=503)


def _redirect_uri(visit: Visit) -> str:
    host = visit.request.headers.get("host", "")
    return f"{visit.request.url.scheme}://{host}{visit.url(_BACK)}"
