"""One's own password: chosen anew by whoever knows the present one."""

from starlette.responses import RedirectResponse, Response

from guerdon.access import sessions, team
from guerdon.console.hashing import LONGEST, SHORTEST, Hashing
from guerdon.console.pages import Pages
from guerdon.console.patience import Patience
from guerdon.console.site import CHOOSING, Page
from guerdon.console.visit import Visit
from guerdon.web.parts import Parts


class Passwords:
    """The handlers."""

    def __init__(self, parts: Parts, pages: Pages, hashing: Hashing) -> None:
        self._parts = parts
        self._pages = pages
        self._hashing = hashing
        self._guesses = Patience(10, 300.0)

    def table(self) -> list[Page]:
        """Their place in the table."""
        return [
            Page("GET", CHOOSING, self.ask),
            Page("POST", CHOOSING, self.choose),
        ]

    async def ask(self, visit: Visit) -> Response:
        """The form."""
        return self._form(visit)

    async def choose(self, visit: Visit) -> Response:
        """Another password. A session left open must not be enough, so the present one is asked
        for; wherever else one is signed in, one is no longer."""
        operator = visit.operator
        present, fresh = visit.secret("present"), visit.secret("fresh")
        guess = str(operator.operator_id)
        wait = self._guesses.wait(guess)
        if wait:
            problem = f"Too many attempts. Try again in {wait} seconds."
            return self._form(visit, problem, status=429)
        async with self._parts.database.read() as tx:
            known = await sessions.candidates(tx, operator.email)
        stored = [row.password_hash for row in known if row.operator_id == operator.operator_id]
        right = len(present) <= LONGEST and await self._hashing.is_right(
            stored[0] if stored else None, present
        )
        if not right:
            self._guesses.note(guess)
            async with self._parts.database.tx() as tx:
                await visit.audit(tx, "operator.password-refused", visit.operator.email)
            return self._form(visit, "That is not your present password.", status=422)
        wanting = _wanting(present, fresh, operator.email)
        if wanting is not None:
            return self._form(visit, wanting, status=422)
        hashed = await self._hashing.hash_of(fresh)
        async with self._parts.database.tx() as tx:
            await team.set_password(tx, operator.operator_id, hashed, given=False)
            await sessions.end_others(tx, operator.operator_id, visit.cookie)
            await visit.audit(tx, "operator.password-chosen", visit.operator.email)
        return RedirectResponse(visit.url("/account", {"done": "password"}), status_code=303)

    def _form(self, visit: Visit, problem: str | None = None, *, status: int = 200) -> Response:
        values = {
            "title": "Choose a password",
            "given": visit.operator.password_given,
            "shortest": SHORTEST,
            "problem": problem,
        }
        return self._pages.page(visit, "password.html", values, status=status)


def _wanting(present: str, fresh: str, email: str) -> str | None:
    """What a new password is wanting; ``None`` for nothing. Length is what counts."""
    if not SHORTEST <= len(fresh) <= LONGEST:
        return f"A password has {SHORTEST} characters or more."
    if fresh == present:
        return "That is the present one: choose another."
    if fresh.casefold() in (email.casefold(), "guerdonguerdon") or len(set(fresh)) < 5:
        return "That one is guessed at once: choose another."
    return None
