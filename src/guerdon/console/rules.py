"""Settings > Rules: what a programme asks of its own people beyond their roles."""

from starlette.responses import RedirectResponse, Response

from guerdon.access import team
from guerdon.access.embedding import By
from guerdon.access.operators import RIGHTS
from guerdon.access.rules import store
from guerdon.amount import MAX_TOKENS
from guerdon.console.pages import Pages
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.errors import InvalidRequest
from guerdon.web.parts import Parts

_PATH = "/settings/rules"


class Rules:
    """The handlers."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    def table(self) -> list[Page]:
        """Their place in the table."""
        return [
            Page("GET", _PATH, self.page, "admin"),
            Page("POST", _PATH, self.change, "admin"),
        ]

    async def page(self, visit: Visit) -> Response:
        """What holds now."""
        return await self._page(visit)

    async def change(self, visit: Visit) -> Response:
        """Other rules."""
        by = By(visit.operator.actor, visit.address)
        required, price = bool(visit.field("conformance")), None
        try:
            if visit.field("price"):
                price = visit.integer("price", lowest=1, highest=MAX_TOKENS)
        except InvalidRequest as wrong:
            return await self._page(visit, problem=wrong.detail)
        async with self._parts.database.tx() as tx:
            await store.require_conformance(tx, visit.namespace, by, required=required)
            await store.ask_second_person(tx, visit.namespace, price, by)
        return RedirectResponse(visit.url(_PATH, {"done": "saved"}), status_code=303)

    async def _page(self, visit: Visit, *, problem: str | None = None) -> Response:
        async with self._parts.database.read() as tx:
            conformance = await store.conformance_required(tx, visit.namespace)
            limits = await store.second_person_from(tx, {visit.namespace})
            people = await team.people(tx, visit.namespace)
        able = [one for one in people if not one.disabled_at and "operate" in RIGHTS[one.role]]
        stands = limits.get(visit.namespace)
        values = {
            "title": "Rules",
            "place": _PATH,
            "conformance": conformance if problem is None else bool(visit.field("conformance")),
            "stands": stands,
            "price": (stands or "") if problem is None else visit.field("price"),
            "able": len(able),
            "problem": problem,
            "done": visit.query("done"),
        }
        status = 200 if problem is None else 422
        return await self._pages.screen(visit, "rules.html", values, status=status)
