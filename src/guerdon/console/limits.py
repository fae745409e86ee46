"""Settings > Limits: how many requests a minute each API key, and each member, may send."""

from typing import Any

from starlette.responses import RedirectResponse, Response

from guerdon import strict_json
from guerdon.access import embedding, store
from guerdon.access.embedding import By, Limits
from guerdon.access.embedding import Settings as Terms
from guerdon.console.option_form import Field
from guerdon.console.pages import Pages
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.errors import GuerdonError, InvalidRequest, PreconditionFailed
from guerdon.web.parts import Parts

_PATH = "/settings/limits"
_FIELDS = (
    Field(
        "apiKeyPerMinute",
        "Requests a minute by each API key",
        "whole",
        "1 to 1,000,000. Empty: as many as it likes.",
    ),
    Field(
        "memberPerMinute",
        "Requests a minute by each member with a token",
        "whole",
        "10 to 100,000; empty: 240. A widget asks a few times a minute.",
    ),
)


class LimitSettings:
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
        """What stands."""
        return await self._page(visit)

    async def change(self, visit: Visit) -> Response:
        """Other limits. What was typed upon an older version stays in the form."""
        try:
            limits: Limits = strict_json.fit(_body(visit), Limits)
            async with self._parts.database.tx() as tx:
                row = await store.namespace(tx, visit.namespace)
                assert row is not None, "an operator's namespace exists"
                if visit.integer("version", lowest=1, highest=2**31) != row.version:
                    raise PreconditionFailed(
                        "Somebody saved the namespace's settings meanwhile. What you typed is "
                        "still here: save again to put it on top."
                    )
                terms: Terms = strict_json.fit(embedding.as_body(row), Terms)
                terms.limits = limits
                by = By(visit.operator.actor, visit.address)
                await embedding.change(tx, row, terms, by)
        except (InvalidRequest, PreconditionFailed) as wrong:
            return await self._page(visit, wrong=wrong)
        return RedirectResponse(visit.url(_PATH, {"done": "saved"}), status_code=303)

    async def _page(self, visit: Visit, *, wrong: GuerdonError | None = None) -> Response:
        async with self._parts.database.read() as tx:
            row = await store.namespace(tx, visit.namespace)
        assert row is not None, "an operator's namespace exists"
        limits = embedding.limits_of(row)
        shown: dict[str, str] = {
            "apiKeyPerMinute": str(limits.api_key_per_minute or ""),
            "memberPerMinute": str(limits.member_per_minute),
        }
        errors: Any = []
        if wrong is not None:
            shown = {field.name: visit.field(field.name) for field in _FIELDS}
            errors = wrong.facts.get("errors", [])
        values = {
            "title": "Limits",
            "place": _PATH,
            "fields_shown": _FIELDS,
            "shown": shown,
            "version": row.version,
            "wrong": wrong,
            "errors": {one["pointer"].removeprefix("/"): one["detail"] for one in errors},
            "done": visit.query("done"),
        }
        status = 200 if wrong is None else 422
        return await self._pages.screen(visit, "limits.html", values, status=status)


def _body(visit: Visit) -> dict[str, object]:
    """What was typed; what is no number is handed on, to be refused by its name."""
    body: dict[str, object] = {}
    for field in _FIELDS:
        typed = visit.field(field.name).replace(",", "")
        if typed:
            body[field.name] = int(typed) if typed.isdecimal() and len(typed) < 16 else typed
    return body
