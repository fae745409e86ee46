"""Settings > Widget > Look: a theme that everybody can read, or none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.responses import RedirectResponse, Response

from guerdon import strict_json
from guerdon.access.embedding import By
from guerdon.access.look import contrast, store
from guerdon.access.look.model import Colours, Theme
from guerdon.console.pages import Pages
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.errors import GuerdonError, InvalidRequest, PreconditionFailed
from guerdon.web.parts import Parts

_PATH = "/settings/widget/look"
_COLOURS: Mapping[str, str] = {
    "accent": "Accent: buttons, links, the focus ring",
    "onAccent": "Text on the accent",
    "bg": "Background",
    "surface": "Surface: the balance, lists of facts",
    "text": "Text",
    "dim": "Lesser text",
    "line": "Lines",
}
# (label, how it comes, what may be typed), in pixels.
_SIZES: Mapping[str, tuple[str, int, str]] = {
    "radius": ("Corners", 12, "0 to 32"),
    "space": ("Space around", 16, "8 to 32"),
    "fontSize": ("Size of text", 16, "14 to 24"),
    "cardMin": ("Least width of a card", 168, "120 to 480"),
}
_FIXED = ("done", "unsure", "wrong")


@dataclass(frozen=True, slots=True)
class Met:
    """Two colours that meet in a scheme, and their contrast."""

    scheme: str
    pair: contrast.Pair
    found: float

    @property
    def enough(self) -> bool:
        return self.found >= self.pair.least


class WidgetLook:
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
        """The theme as it is."""
        return await self._page(visit)

    async def change(self, visit: Visit) -> Response:
        """Another theme. What some people could not read is refused."""
        try:
            theme: Theme = strict_json.fit(_body(visit), Theme)
            version = visit.integer("version", lowest=1, highest=2**31)
            by = By(visit.operator.actor, visit.address)
            async with self._parts.database.tx() as tx:
                await store.set_theme(tx, visit.namespace, theme, version, by)
        except (InvalidRequest, PreconditionFailed) as trouble:
            return await self._page(visit, wrong=trouble)
        return RedirectResponse(visit.url(_PATH, {"done": "saved"}), status_code=303)

    async def _page(self, visit: Visit, *, wrong: GuerdonError | None = None) -> Response:
        async with self._parts.database.read() as tx:
            look = await store.look(tx, visit.namespace)
        given = wrong.facts.get("errors", []) if wrong is not None else []
        assert isinstance(given, list), "errors are a list"
        names = [f"{scheme}.{name}" for scheme in contrast.SCHEMES for name in _COLOURS]
        typed = {name: visit.field(name) for name in (*names, *_SIZES, "font")}
        values = {
            "title": "Look of the widget",
            "place": "/settings/widget",
            "colours": _COLOURS,
            "sizes": _SIZES,
            "schemes": contrast.SCHEMES,
            "fixed": _FIXED,
            "met": {scheme: _met(look.theme, scheme) for scheme in contrast.SCHEMES},
            "shown": _shown(look.theme) if wrong is None else typed,
            "version": look.version,
            "wrong": wrong,
            "errors": _placed(given),
            "done": visit.query("done"),
        }
        status = 200 if wrong is None else 422
        return await self._pages.screen(visit, "widget_look.html", values, status=status)


def _met(theme: Theme, scheme: str) -> list[Met]:
    return [Met(scheme, pair, found) for pair, found in theme.contrasts(scheme)]


def _body(visit: Visit) -> dict[str, Any]:
    """What is typed as JSON; what is no number is handed on, to be refused in its place."""
    body: dict[str, Any] = {}
    for scheme in contrast.SCHEMES:
        typed = {name: visit.field(f"{scheme}.{name}").lower() for name in _COLOURS}
        body[scheme] = {name: value for name, value in typed.items() if value}
    for name in _SIZES:
        text = visit.field(name)
        short = text.isascii() and text.isdigit() and len(text) < 6
        if text:
            body[name] = int(text) if short else text
    if visit.field("font"):
        body["font"] = visit.field("font")
    return body


def _shown(theme: Theme) -> dict[str, str]:
    shown = {"font": theme.font or ""}
    for scheme in contrast.SCHEMES:
        given: Colours = getattr(theme, scheme)
        for field in msgspec.structs.fields(Colours):
            shown[f"{scheme}.{field.encode_name}"] = getattr(given, field.name) or ""
    for field in msgspec.structs.fields(Theme):
        if field.encode_name in _SIZES:
            value = getattr(theme, field.name)
            shown[field.encode_name] = "" if value is None else str(value)
    return shown


def _placed(errors: list[dict[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for error in errors:
        found.setdefault(error["pointer"].removeprefix("/").replace("/", "."), error["detail"])
    return found
