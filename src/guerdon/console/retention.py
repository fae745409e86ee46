"""Settings > Retention: how long what is personal about closed transactions is kept."""

from starlette.responses import RedirectResponse, Response

from guerdon.console.pages import Pages
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.errors import GuerdonError, InvalidRequest
from guerdon.transactions.retention import store
from guerdon.transactions.retention.store import Days
from guerdon.web.parts import Parts

_PATH = "/settings/retention"
_LONGEST = 36_500
_FIELDS = ("personalDays", "disputedDays")


class Retention:
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
        """What is kept how long, and how far it was done."""
        return await self._page(visit)

    async def change(self, visit: Visit) -> Response:
        """Other days. Who asks for fewer has to say that they know what that means."""
        try:
            days = _days(visit)
            async with self._parts.database.tx() as tx:
                before = (await store.terms(tx, visit.namespace)).days
                if _shorter(days, before) and not visit.field("sure"):
                    raise InvalidRequest(
                        "This removes what is older, for good. Say that you know it.",
                        errors=[{"pointer": "/sure", "detail": "has to be ticked"}],
                    )
                if days != before:
                    await store.set_days(tx, visit.namespace, days)
                    await visit.audit(
                        tx,
                        "retention.changed",
                        visit.namespace,
                        {
                            name: {"before": was, "after": now}
                            for name, was, now in zip(
                                _FIELDS, _numbers(before), _numbers(days), strict=True
                            )
                        },
                    )
        except InvalidRequest as wrong:
            return await self._page(visit, wrong=wrong)
        return RedirectResponse(visit.url(_PATH, {"done": "saved"}), status_code=303)

    async def _page(self, visit: Visit, *, wrong: GuerdonError | None = None) -> Response:
        async with self._parts.database.read() as tx:
            terms = await store.terms(tx, visit.namespace)
        set_now = dict(zip(_FIELDS, _numbers(terms.days), strict=True))
        shown = {name: "" if days is None else str(days) for name, days in set_now.items()}
        if wrong is not None:
            shown = {name: visit.field(name) for name in _FIELDS}
        errors: list[dict[str, str]] = []
        if wrong is not None:
            given = wrong.facts.get("errors", [])
            assert isinstance(given, list), "errors are a list"
            errors = given
        values = {
            "title": "Retention",
            "place": _PATH,
            "terms": terms,
            "shown": shown,
            "wrong": wrong,
            "errors": {one["pointer"].removeprefix("/"): one["detail"] for one in errors},
            "done": visit.query("done"),
        }
        status = 200 if wrong is None else 422
        return await self._pages.screen(visit, "retention.html", values, status=status)


def _days(visit: Visit) -> Days | None:
    """The days as they were typed; both empty keeps everything."""
    if not any(visit.field(name) for name in _FIELDS):
        return None
    personal, disputed = (visit.integer(name, lowest=1, highest=_LONGEST) for name in _FIELDS)
    if disputed < personal:
        detail = "must be as many days at least"
        raise InvalidRequest(
            "What people look into cannot go earlier than the rest.",
            errors=[{"pointer": "/disputedDays", "detail": detail}],
        )
    return Days(personal, disputed)


def _shorter(days: Days | None, before: Days | None) -> bool:
    if days is None:
        return False
    if before is None:
        return True
    return days.personal < before.personal or days.disputed < before.disputed


def _numbers(days: Days | None) -> tuple[int | None, int | None]:
    return (None, None) if days is None else (days.personal, days.disputed)
