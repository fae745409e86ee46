"""Redeem > Options: the catalogue as operators define it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import zip_longest
from typing import Any
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from guerdon import ids
from guerdon.console import option_form, translation_form
from guerdon.console.pages import Pages
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.db.pool import Row as StoredRow
from guerdon.errors import (
    ConformanceRequired,
    GuerdonError,
    InvalidRequest,
    NotFound,
    PreconditionFailed,
)
from guerdon.options import changes as differences
from guerdon.options import model, store
from guerdon.options.model import Option, Usage
from guerdon.providers import store as providers
from guerdon.redemption import curation
from guerdon.redemption.curation import Curator
from guerdon.transactions.lists import pages as lists
from guerdon.web.parts import Parts
from guerdon.web.problems import STATUS_BY_CODE

_LISTED, _VERSIONS = 200, 50
_LOOKED_AT = 20_000
_TYPES = {
    "physical": ("Physical", "A thing that is sent: asks for a price, and often for an address."),
    "digital": ("Digital", "A voucher, a ticket, a bonus: asks for a price."),
    "currency": ("Currency", "Money for tokens: asks for rates and the least and most tokens."),
}


@dataclass(frozen=True, slots=True)
class Listed:
    """An option in the list, with its figures of the last 30 days."""

    option: Option
    usage: Usage
    figures: StoredRow | None


@dataclass(frozen=True, slots=True)
class Version:
    """One version in the history, with what it changed: (field, before, after)."""

    row: StoredRow
    changes: list[tuple[str, str, str]]


class Options:
    """The handlers."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    def table(self) -> list[Page]:
        """Their place in the table."""
        one = "/redeem/options/{name}"
        return [
            Page("GET", "/redeem/options", self.page),
            Page("GET", "/redeem/options/new", self.ask_new, "options"),
            Page("POST", "/redeem/options/new", self.create, "options"),
            Page("GET", one, self.one),
            Page("POST", one, self.change, "options"),
            Page("GET", one + "/archive", self.ask_archive, "options"),
            Page("POST", one + "/archive", self.archive, "options"),
            Page("POST", one + "/restore", self.restore, "options"),
        ]

    async def page(self, visit: Visit) -> Response:
        """The list."""
        archived = visit.query("view") == "archived"
        start = ids.first_id_at(visit.now - timedelta(days=30))
        async with self._parts.database.read() as tx:
            found = await store.page(
                tx, visit.namespace, archived=archived, limit=_LISTED, after=None
            )
            usage = await store.usage(tx, found)
            figures = await lists.option_figures(tx, visit.namespace, start, _LOOKED_AT)
        listed = [
            Listed(one, usage[one.namespace, one.name], figures.get(one.name)) for one in found
        ]
        values = {
            "title": "Options",
            "place": "/redeem/options",
            "archived": archived,
            "listed": listed,
        }
        return await self._pages.screen(visit, "options.html", values)

    async def ask_new(self, visit: Visit) -> Response:
        """The type first, then the form."""
        kind = visit.query("type")
        if kind not in _TYPES:
            values = {"title": "New option", "place": "/redeem/options", "types": _TYPES}
            return await self._pages.screen(visit, "option_type.html", values)
        shown = option_form.written({"enabled": True, "sendEmail": True, "sendAddress": True})
        shown |= {"confirmationDeadlineHours": "24", "order": "0"}
        shown |= {"showWhenBlocked": True, "showWhenUsedUp": True, "translations": {}}
        return await self._form(visit, kind, shown)

    async def create(self, visit: Visit) -> Response:
        """Stores the first version."""
        kind = visit.field("type")
        if kind not in _TYPES:
            raise InvalidRequest("Choose a type first.")
        shown = _typed(kind, visit)
        body = _without_nulls(_body_of(kind, shown)) | {"type": kind}
        try:
            async with self._parts.database.tx() as tx:
                option = await curation.create(tx, self._parts.slots, _curator(visit), body)
        except (InvalidRequest, ConformanceRequired) as wrong:
            return await self._form(visit, kind, shown, wrong=wrong)
        return RedirectResponse(self._where(visit, option.name, "created"), status_code=303)

    async def one(self, visit: Visit) -> Response:
        """The option as it stands: its form, its card, its history."""
        option = await self._read(visit)
        shown = option_form.written(model.definition(option))
        shown["translations"] = translation_form.written(option.translations)
        return await self._form(visit, option.type, shown, option=option)

    async def change(self, visit: Visit) -> Response:
        """The next version."""
        option = await self._read(visit)
        shown = _typed(option.type, visit)
        patch = _body_of(option.type, shown)
        try:
            async with self._parts.database.tx() as tx:
                seen = visit.integer("version", lowest=1, highest=2**31)
                await curation.change(tx, _curator(visit), option.name, patch, if_match=seen)
        except (InvalidRequest, ConformanceRequired) as wrong:
            return await self._form(visit, option.type, shown, option=option, wrong=wrong)
        except PreconditionFailed:
            late = InvalidRequest(
                f"Somebody saved version {option.version} meanwhile. What you typed is still here: "
                "save again to put it on top, or load the page again to see theirs."
            )
            return await self._form(visit, option.type, shown, option=option, wrong=late)
        return RedirectResponse(self._where(visit, option.name, "saved"), status_code=303)

    async def ask_archive(self, visit: Visit) -> Response:
        """What archiving means."""
        option = await self._read(visit)
        async with self._parts.database.read() as tx:
            wanted = lists.Wanted(
                visit.namespace,
                statuses=("pending", "postponed", "recoverable-failure"),
                option_names=(option.name,),
            )
            still_open = len(await lists.page(tx, wanted, 1000))
        values = {
            "title": f"Archive {option.title}?",
            "place": "/redeem/options",
            "option": option,
            "still_open": still_open,
        }
        return await self._pages.screen(visit, "option_archive.html", values)

    async def archive(self, visit: Visit) -> Response:
        """Out of the catalogue."""
        name = self._name(visit)
        async with self._parts.database.tx() as tx:
            await curation.archive(tx, _curator(visit), name, if_match=None)
        return RedirectResponse(self._where(visit, name, "archived"), status_code=303)

    async def restore(self, visit: Visit) -> Response:
        """An earlier version, as the next one."""
        name = self._name(visit)
        number = visit.integer("version", lowest=1, highest=2**31)
        async with self._parts.database.tx() as tx:
            rows = await store.versions(tx, visit.namespace, name, below=number + 1, limit=1)
            if not rows or rows[0].version != number:
                raise NotFound("There is no such version.")
            whole, action = rows[0].definition, "option.restored"
            await curation.replace(tx, _curator(visit), name, whole, if_match=None, action=action)
        return RedirectResponse(self._where(visit, name, "restored"), status_code=303)

    async def _form(
        self,
        visit: Visit,
        kind: str,
        shown: Mapping[str, Any],
        *,
        option: Option | None = None,
        wrong: GuerdonError | None = None,
    ) -> Response:
        async with self._parts.database.read() as tx:
            known = await providers.page(tx, self._parts.sealer, visit.namespace, "", _LISTED)
            rows = []
            if option is not None:
                rows = await store.versions(
                    tx, visit.namespace, option.name, below=None, limit=_VERSIONS
                )
        facts: Any = [] if wrong is None else wrong.facts.get("errors", [])
        translations = shown["translations"]
        errors = option_form.placed(facts) | translation_form.placed(translations, facts)
        languages = translation_form.languages(translations, shown["language"], errors)
        values = {
            "title": "New option" if option is None else option.title,
            "place": "/redeem/options",
            "kind": kind,
            "type_name": _TYPES[kind][0],
            "option": option,
            "sections": option_form.fields_of(kind),
            "days": option_form.DAYS,
            "languages": languages,
            "another": translation_form.ANOTHER,
            "labels": option_form.labels(kind) | translation_form.labels(languages),
            "shown": {**shown, **translation_form.values(languages, translations)},
            "providers": [(str(one.provider_id), one.name) for one in known],
            "wrong": wrong,
            "errors": errors,
            "history": _history(rows),
            "done": visit.query("done"),
            "may": visit.operator.may("options"),
        }
        return await self._pages.screen(
            visit,
            "option.html",
            values,
            status=200 if wrong is None else STATUS_BY_CODE[wrong.code],
        )

    @staticmethod
    def _name(visit: Visit) -> UUID:
        return visit.identifier("name")

    async def _read(self, visit: Visit) -> Option:
        async with self._parts.database.read() as tx:
            return await store.get(tx, visit.namespace, self._name(visit))

    @staticmethod
    def _where(visit: Visit, name: UUID, done: str) -> str:
        return visit.url(f"/redeem/options/{name}", {"done": done})


def _curator(visit: Visit) -> Curator:
    return Curator(visit.namespace, visit.operator.actor, visit.address)


def _typed(kind: str, visit: Visit) -> dict[str, Any]:
    """The form as it was typed."""
    translations = translation_form.typed(visit.form)
    return option_form.typed(kind, visit.form) | {"translations": translations}


def _body_of(kind: str, shown: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed as JSON, a merge patch of what there is."""
    translations = translation_form.body_of(shown["translations"])
    return option_form.body_of(kind, shown) | {"translations": translations}


def _without_nulls(body: Mapping[str, Any]) -> dict[str, Any]:
    """A new option has no ``null`` to remove: what is empty is simply not there."""
    return {
        key: _without_nulls(value) if isinstance(value, dict) else value
        for key, value in body.items()
        if value is not None
    }


def _history(rows: list[StoredRow]) -> list[Version]:
    """Each version with what it changed of the one before."""
    told = []
    for row, before in zip_longest(rows, rows[1:]):
        changes = []
        if before is not None:
            found = differences.between(before.definition, row.definition)
            changes = [(field, _said(was), _said(now)) for field, was, now in found]
        told.append(Version(row, changes))
    return told


def _said(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return {"True": "yes", "False": "no"}.get(text, text)[:200]
