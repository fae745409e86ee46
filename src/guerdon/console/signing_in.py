"""Signing in and out.

A password is checked at the cost of Argon2 whether or not the email is known; failures are slowed
down by address and by email. A session is always a fresh one, and the old one ends.
"""

from starlette.responses import RedirectResponse, Response

from guerdon.access import sessions
from guerdon.console import visit as visits
from guerdon.console.entering import Entering, note
from guerdon.console.hashing import LONGEST, Hashing
from guerdon.console.pages import Pages
from guerdon.console.patience import Patience
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.db.pool import Row
from guerdon.web.parts import Parts


class SigningIn:
    """The handlers."""

    def __init__(
        self, parts: Parts, pages: Pages, entering: Entering, hashing: Hashing, *, openid: bool
    ) -> None:
        self._parts = parts
        self._pages = pages
        self._entering = entering
        self._openid = openid
        self._hashing = hashing
        # Few guesses at one email from one address, more from everywhere: whoever guesses at
        # somebody's password must not be able to shut them out at once.
        self._by_both = Patience(10, 300.0)
        self._by_address = Patience(50, 300.0)
        self._by_email = Patience(100, 300.0)

    def table(self) -> list[Page]:
        """Their place in the table."""
        return [
            Page("GET", "/", self.start, None),
            Page("GET", "/sign-in", self.ask, None),
            Page("POST", "/sign-in", self.sign_in, None),
            Page("POST", "/sign-out", self.sign_out),
        ]

    async def start(self, visit: Visit) -> Response:
        """The home of the console."""
        return RedirectResponse(visit.url("/redeem/transactions"), status_code=303)

    async def ask(self, visit: Visit) -> Response:
        """The form."""
        if visit.signed_in:
            return self._onwards(visit, visit.query("next") or "/")
        return self.form(visit, visit.query("next") or "/")

    async def sign_in(self, visit: Visit) -> Response:
        """Checks, and begins a session."""
        email, password = visit.field("email"), visit.secret("password")
        following = visit.field("next") or "/"
        guesses = self._guesses(visit, email)
        wait = max(patience.wait(key) for patience, key in guesses)
        if wait:
            problem = f"Too many attempts. Try again in {wait} seconds."
            return self.form(visit, following, problem=problem, status=429)
        right = await self._matching(email, password)
        if not right:
            for patience, key in guesses:
                patience.note(key)
            await self._note_failure(visit, email)
            problem = "That email and password do not belong together."
            return self.form(visit, following, problem=problem, status=422)
        wanted = visit.field("namespace")
        chosen = [row for row in right if row.namespace == wanted] or right
        if len(chosen) > 1:
            return self.form(visit, following, namespaces=[row.namespace for row in chosen])
        return await self._entering.admit(visit, chosen[0], following, "password")

    async def sign_out(self, visit: Visit) -> Response:
        """Ends the session on the server, and takes the cookie away."""
        async with self._parts.database.tx() as tx:
            await sessions.end(tx, visit.cookie)
            await note(tx, visit, visit.operator, "operator.signed-out", {})
        response = RedirectResponse(visit.url("/sign-in"), status_code=303)
        for name in (visits.SECURE_COOKIE, visits.PLAIN_COOKIE):
            secure = name == visits.SECURE_COOKIE
            response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="lax")
        return response

    def _guesses(self, visit: Visit, email: str) -> list[tuple[Patience, str]]:
        """What a failure is counted by."""
        address, name = visit.address or "", email.lower()[:LONGEST]
        both = (self._by_both, f"{address} {name}")
        return [both, (self._by_address, address), (self._by_email, name)]

    async def _matching(self, email: str, password: str) -> list[Row]:
        """The operators of this email that this is the password of."""
        if len(email) > LONGEST or len(password) > LONGEST or "\x00" in email:
            return []
        async with self._parts.database.read() as tx:
            known = await sessions.candidates(tx, email)
        if not known:
            await self._hashing.is_right(None, password)
        return [row for row in known if await self._hashing.is_right(row.password_hash, password)]

    async def _note_failure(self, visit: Visit, email: str) -> None:
        """Who tried, in the audit trail of the namespaces that email belongs to."""
        if len(email) > LONGEST or "\x00" in email:
            return
        async with self._parts.database.tx() as tx:
            for row in await sessions.candidates(tx, email):
                await note(tx, visit, row, "operator.sign-in-failed", {})

    def _onwards(self, visit: Visit, following: str) -> Response:
        return RedirectResponse(visit.url(visits.local_path(following)), status_code=303)

    def form(
        self,
        visit: Visit,
        following: str,
        *,
        problem: str | None = None,
        namespaces: list[str] | None = None,
        status: int = 200,
    ) -> Response:
        """The page, for whoever has to begin anew as well."""
        values = {
            "title": "Sign in",
            "following": following,
            "problem": problem,
            "namespaces": namespaces or [],
            "email": visit.field("email"),
            "openid": self._openid,
        }
        return self._pages.page(visit, "sign_in.html", values, status=status)
