"""Settings > Rules: what a programme asks of its own people beyond their roles."""

from starlette.responses import RedirectResponse, Response

from guerdon.access.embedding import By
from guerdon.access.rules import store
from guerdon.console.pages import Pages
from guerdon.console.site import Page
from guerdon.console.visit import Visit
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
        async with self._parts.database.read() as tx:
            conformance = await store.conformance_required(tx, visit.namespace)
        values = {
            "title": "Rules",
            "place": _PATH,
            "conformance": conformance,
            "done": visit.query("done"),
        }
        return await self._pages.screen(visit, "rules.html", values)

    async def change(self, visit: Visit) -> Response:
        """Other rules."""
        by = By(visit.operator.actor, visit.address)
        required = bool(visit.field("conformance"))
        async with self._parts.database.tx() as tx:
            await store.require_conformance(tx, visit.namespace, by, required=required)
        return RedirectResponse(visit.url(_PATH, {"done": "saved"}), status_code=303)
