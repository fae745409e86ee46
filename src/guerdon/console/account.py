"""Your account: the second step at sign-in, and where you are signed in."""

from uuid import UUID

import segno
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from guerdon.access import sessions, team
from guerdon.access.second_steps import codes
from guerdon.access.second_steps import store as second_steps
from guerdon.access.second_steps.store import Checked
from guerdon.console.pages import Pages
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.db.pool import Tx
from guerdon.errors import InvalidRequest, NotFound
from guerdon.web.parts import Parts


class Account:
    """The handlers."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    def table(self) -> list[Page]:
        """Their place in the table."""
        return [
            Page("GET", "/account", self.page),
            Page("POST", "/account/second-step", self.begin),
            Page("POST", "/account/second-step/confirm", self.confirm),
            Page("POST", "/account/second-step/end", self.end),
            Page("POST", "/account/sign-out-everywhere", self.sign_out_everywhere),
            Page("POST", "/settings/team/second-step", self.reset, "admin"),
        ]

    async def page(self, visit: Visit) -> Response:
        """The page."""
        return await self._page(visit)

    async def begin(self, visit: Visit) -> Response:
        """A fresh secret, to be confirmed with its first code."""
        operator_id = visit.operator.operator_id
        async with self._parts.database.tx() as tx:
            begun = await second_steps.begin(tx, self._parts.sealer, operator_id)
            if begun:
                await visit.audit(tx, "operator.second-step-begun", visit.operator.email)
        if not begun:
            return await self._page(visit, "It is on already.")
        return RedirectResponse(visit.url("/account") + "#second-step", status_code=303)

    async def confirm(self, visit: Visit) -> Response:
        """Turns it on, and shows the recovery codes this once."""
        operator_id = visit.operator.operator_id
        fresh: list[str] = []
        async with self._parts.database.tx() as tx:
            known = await second_steps.is_on(tx, operator_id)
            checked = Checked(False) if known else await self._check(tx, visit, recovery=False)
            if checked.right:
                fresh = await second_steps.confirm(tx, operator_id)
                ended = await sessions.end_others(tx, operator_id, visit.cookie)
                detail = {"sessionsEnded": ended}
                await visit.audit(tx, "operator.second-step-on", visit.operator.email, detail)
        if known:
            return await self._page(visit, "It is on already.")
        if not checked.right:
            return await self._page(visit, _why(checked), checked=checked)
        return await self._page(visit, fresh=fresh)

    async def end(self, visit: Visit) -> Response:
        """Turns it off, with a code: a session left open must not be enough."""
        async with self._parts.database.tx() as tx:
            checked = await self._check(tx, visit, recovery=True)
            if checked.right:
                await second_steps.end(tx, visit.operator.operator_id)
                await visit.audit(tx, "operator.second-step-off", visit.operator.email)
        if not checked.right:
            return await self._page(visit, _why(checked), checked=checked)
        return RedirectResponse(visit.url("/account", {"done": "off"}), status_code=303)

    async def sign_out_everywhere(self, visit: Visit) -> Response:
        """Ends every session of this operator, this one as well."""
        async with self._parts.database.tx() as tx:
            await sessions.end_all(tx, visit.namespace, visit.operator.email)
            await visit.audit(tx, "operator.signed-out-everywhere", visit.operator.email)
        return RedirectResponse(visit.url("/sign-in"), status_code=303)

    async def reset(self, visit: Visit) -> Response:
        """An admin takes the second step of somebody who lost it away, and ends their sessions."""
        try:
            identifier = UUID(visit.field("operator"))
        except ValueError as trouble:
            raise NotFound("There is nothing of this ID.") from trouble
        if identifier == visit.operator.operator_id:
            raise InvalidRequest("Your own is turned off on the page of your account, with a code.")
        async with self._parts.database.tx() as tx:
            row = await team.reset_second_step(tx, visit.namespace, identifier)
            if row is not None:
                await visit.audit(tx, "operator.second-step-reset", row.email)
        return RedirectResponse(visit.url("/settings/team", {"done": "changed"}), status_code=303)

    async def _check(self, tx: Tx, visit: Visit, *, recovery: bool) -> Checked:
        operator_id, typed = visit.operator.operator_id, visit.field("code")[:100]
        checked = await second_steps.check(
            tx, self._parts.sealer, operator_id, typed, recovery=recovery
        )
        if not checked.right and not checked.wait:
            await visit.audit(
                tx, "operator.second-step-failed", visit.operator.email, {"by": "session"}
            )
        return checked

    async def _page(
        self,
        visit: Visit,
        problem: str | None = None,
        *,
        checked: Checked | None = None,
        fresh: list[str] | None = None,
    ) -> Response:
        operator = visit.operator
        async with self._parts.database.read() as tx:
            step = await second_steps.of(tx, self._parts.sealer, operator.operator_id)
            places = await sessions.places(tx, operator.operator_id, visit.cookie)
        picture = None
        if step.secret is not None:
            picture = _drawn(codes.address_of(step.secret, operator.email, operator.namespace))
        values = {
            "title": "Your account",
            "place": "/account",
            "step": step,
            "picture": picture,
            "groups": _groups(step.secret or ""),
            "places": places,
            "fresh": fresh or [],
            "problem": problem,
            "done": visit.query("done"),
        }
        status = 200 if problem is None else 429 if checked is not None and checked.wait else 422
        return await self._pages.screen(visit, "account.html", values, status=status)


def _why(checked: Checked) -> str:
    if checked.wait:
        return f"Too many wrong codes. Try again in {checked.wait} seconds."
    return "That code is not right, or was used already."


def _drawn(text: str) -> Markup:
    """A QR code as SVG: dark on light in both themes, or cameras do not find it."""
    drawn = segno.make(text, error="m", micro=False)
    # What is drawn is a path of ours; the text is in it as squares alone.
    return Markup(drawn.svg_inline(omitsize=True, border=4, dark="#000", light="#fff"))  # noqa: S704


def _groups(secret: str) -> str:
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
