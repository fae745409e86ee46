"""The second step of signing in: a one-time code, or a recovery code."""

from starlette.responses import RedirectResponse, Response

from guerdon.access import sessions
from guerdon.access.second_steps import store as second_steps
from guerdon.console.entering import Entering, note
from guerdon.console.pages import Pages
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.web.parts import Parts


class SecondStep:
    """The handlers."""

    def __init__(self, parts: Parts, pages: Pages, entering: Entering) -> None:
        self._parts = parts
        self._pages = pages
        self._entering = entering

    def table(self) -> list[Page]:
        """Their place in the table."""
        return [
            Page("GET", "/sign-in/code", self.ask, None),
            Page("POST", "/sign-in/code", self.check, None),
            Page("GET", "/sign-in/programme", self.ask_programme, None),
            Page("POST", "/sign-in/programme", self.choose, None),
        ]

    async def ask(self, visit: Visit) -> Response:
        """The form, for whoever passed the first step."""
        half = await self._entering.half(visit)
        if half is None or half.operator_id is None:
            return _again(visit)
        return self._form(visit)

    async def check(self, visit: Visit) -> Response:
        """Checks a code, and begins a session."""
        half = await self._entering.half(visit)
        if half is None or half.operator_id is None:
            return _again(visit)
        typed = visit.field("code")[:100]
        async with self._parts.database.tx() as tx:
            checked = await second_steps.check(tx, self._parts.sealer, half.operator_id, typed)
            if checked.recovery and checked.right:
                await note(tx, visit, half, "operator.recovery-code-used", {})
            elif not checked.right and not checked.wait:
                await note(tx, visit, half, "operator.second-step-failed", {"by": half.way})
        if checked.right:
            with_code = "recovery code" if checked.recovery else "code"
            detail = {"by": half.way, "with": with_code}
            return await self._entering.begin(visit, half, half.following, detail)
        if checked.wait:
            problem = f"Too many wrong codes. Try again in {checked.wait} seconds."
            return self._form(visit, problem, status=429)
        return self._form(visit, "That code is not right, or was used already.", status=422)

    async def ask_programme(self, visit: Visit) -> Response:
        """Which of their programmes somebody means."""
        half = await self._entering.half(visit)
        if half is None or half.proved is None:
            return _again(visit)
        async with self._parts.database.read() as tx:
            owners = await sessions.owners(tx, half.proved)
        values = {"title": "Which programme?", "namespaces": [row.namespace for row in owners]}
        return self._pages.page(visit, "sign_in_programme.html", values)

    async def choose(self, visit: Visit) -> Response:
        """Goes on as the operator of that programme."""
        half = await self._entering.half(visit)
        if half is None or half.proved is None:
            return _again(visit)
        async with self._parts.database.read() as tx:
            owners = await sessions.owners(tx, half.proved)
        chosen = [row for row in owners if row.namespace == visit.field("namespace")]
        if not chosen:
            return _again(visit)
        return await self._entering.admit(visit, chosen[0], half.following, half.way)

    def _form(self, visit: Visit, problem: str | None = None, status: int = 200) -> Response:
        values = {"title": "One more step", "problem": problem}
        return self._pages.page(visit, "sign_in_code.html", values, status=status)


def _again(visit: Visit) -> Response:
    """The first step is no longer valid."""
    return RedirectResponse(visit.url("/sign-in"), status_code=303)
