"""Settings > Sandbox, of test programmes alone: the clock, providers that are built in, the end."""

from typing import Any
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from guerdon import strict_json
from guerdon.access import store as access
from guerdon.access.embedding import By
from guerdon.console.pages import Pages
from guerdon.console.providers import settings_of
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.errors import GuerdonError, InvalidRequest, NotFound, Unavailable
from guerdon.providers import sandbox as ways
from guerdon.providers import store
from guerdon.providers.model import Settings
from guerdon.redemption.sandbox import LONGEST_ADVANCE_SECONDS
from guerdon.web import sandbox
from guerdon.web.parts import Parts

_PATH = "/settings/sandbox"
_LISTED = 200
_UNITS = {"minutes": 60, "hours": 3600, "days": 86_400}
_SOON = (("1 hour", 3600), ("1 day", 86_400), ("7 days", 604_800))


class SandboxSettings:
    """The handlers. Of a live programme there is no such page."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    def table(self) -> list[Page]:
        """Their place in the table."""
        return [
            Page("GET", _PATH, self.page, "options"),
            Page("POST", _PATH + "/advance", self.advance, "options"),
            Page("POST", _PATH + "/wipe", self.wipe, "options"),
            Page("POST", _PATH + "/providers", self.add_provider, "options"),
            Page("POST", _PATH + "/providers/way", self.set_way, "options"),
        ]

    async def page(self, visit: Visit) -> Response:
        """What stands."""
        return await self._page(visit)

    async def advance(self, visit: Visit) -> Response:
        """Time goes on: by one of the buttons, or by what was typed."""
        _refuse_live(visit)
        try:
            seconds = _seconds(visit)
            moved = await sandbox.advance(self._parts, visit.namespace, seconds, _by(visit))
        except InvalidRequest as wrong:
            return await self._page(visit, wrong=wrong)
        counted = {"messages": moved.messages, "transactions": moved.transactions}
        return self._back(visit, "advanced", counted)

    async def wipe(self, visit: Visit) -> Response:
        """Everything goes that a wipe takes, once the programme's name was typed."""
        _refuse_live(visit)
        try:
            if visit.field("again") != visit.namespace:
                raise InvalidRequest(
                    "Nothing was wiped: type the programme's name as it is spelt.",
                    errors=[{"pointer": "/again", "detail": f"must be {visit.namespace}"}],
                )
            wiped = await sandbox.wipe(self._parts, visit.namespace, _by(visit))
        except (InvalidRequest, Unavailable) as wrong:
            return await self._page(visit, wrong=wrong)
        counted = {"members": wiped.members, "transactions": wiped.transactions}
        return self._back(visit, "wiped", counted)

    async def add_provider(self, visit: Visit) -> Response:
        """One more that is built in; its secrets concern nobody but us."""
        _refuse_live(visit)
        body = {"name": visit.field("name"), "webhookUrl": ways.SCHEME + visit.field("way")}
        try:
            settings = self._settings(body)
            async with self._parts.database.tx() as tx:
                made, _ = await store.create(
                    tx, self._parts.sealer, visit.namespace, settings, test=True
                )
                await visit.audit(tx, "provider.created", made, {"name": settings.name})
        except InvalidRequest as wrong:
            return await self._page(visit, wrong=wrong)
        return self._back(visit, "added")

    async def set_way(self, visit: Visit) -> Response:
        """Another way to answer, from the next message on."""
        _refuse_live(visit)
        missing = NotFound("There is no such provider.")
        try:
            identifier = UUID(visit.field("provider"))
        except ValueError as trouble:
            raise missing from trouble
        async with self._parts.database.tx() as tx:
            provider = await store.load(tx, self._parts.sealer, identifier)
            if provider is None or provider.namespace != visit.namespace:
                raise missing
            body = settings_of(provider) | {"webhookUrl": ways.SCHEME + visit.field("way")}
            await store.change(tx, self._parts.sealer, provider, self._settings(body))
            await visit.audit(tx, "provider.changed", identifier, {"fields": ["webhookUrl"]})
        return self._back(visit, "way")

    async def _page(self, visit: Visit, *, wrong: GuerdonError | None = None) -> Response:
        _refuse_live(visit)
        async with self._parts.database.read() as tx:
            row = await access.namespace(tx, visit.namespace)
            found = await store.page(tx, self._parts.sealer, visit.namespace, "", _LISTED)
        assert row is not None, "an operator's namespace exists"
        errors: Any = [] if wrong is None else wrong.facts.get("errors", [])
        values = {
            "title": "Sandbox",
            "place": _PATH,
            "row": row,
            "soon": _SOON,
            "units": list(_UNITS),
            "providers": [
                (one, one.webhook_url.removeprefix(ways.SCHEME))
                for one in found
                if ways.built_in(one.webhook_url)
            ],
            "ways": ways.BEHAVIOURS,
            "typed": {name: visit.field(name) for name in ("amount", "unit", "name", "way")},
            "wrong": wrong,
            "errors": {one["pointer"].removeprefix("/"): one["detail"] for one in errors},
            "done": visit.query("done"),
            "counted": _counted(visit),
        }
        status = 200 if wrong is None else 422
        return await self._pages.screen(visit, "sandbox_settings.html", values, status=status)

    def _settings(self, body: dict[str, Any]) -> Settings:
        settings: Settings = strict_json.fit(body, Settings)
        settings.vet(self._parts.allowed, test=True)
        return settings

    @staticmethod
    def _back(visit: Visit, done: str, counted: dict[str, int] | None = None) -> Response:
        return RedirectResponse(
            visit.url(_PATH, {"done": done, **(counted or {})}), status_code=303
        )


def _refuse_live(visit: Visit) -> None:
    if not visit.operator.test:
        raise NotFound(
            "This programme is live, so it has no sandbox. A test programme is made by the command "
            "guerdon keys create or guerdon operators create, with --test."
        )


def _seconds(visit: Visit) -> int:
    if visit.field("seconds"):
        return visit.integer("seconds", lowest=1, highest=LONGEST_ADVANCE_SECONDS)
    unit = _UNITS.get(visit.field("unit"), 1)
    return unit * visit.integer("amount", lowest=1, highest=LONGEST_ADVANCE_SECONDS // unit)


def _counted(visit: Visit) -> dict[str, int]:
    """What an action counted, as the address tells."""
    given = {name: visit.query(name) or "" for name in ("members", "messages", "transactions")}
    return {n: int(text[:12]) for n, text in given.items() if text.isascii() and text.isdigit()}


def _by(visit: Visit) -> By:
    return By(visit.operator.actor, visit.address)
