"""Redeem > Options: one option, made and changed, tried and brought back."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from guerdon import ids
from guerdon.console import option_form, option_review, translation_form
from guerdon.console.option_form import Field
from guerdon.console.option_review import Review, Trial
from guerdon.console.pages import Pages
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.db.pool import Row as StoredRow
from guerdon.errors import (
    ConformanceRequired,
    GuerdonError,
    InvalidRequest,
    MemberNotFound,
    NotFound,
    PreconditionFailed,
)
from guerdon.fields import unwritable
from guerdon.members.present import store as present
from guerdon.options import changes as differences
from guerdon.options import definition, eligibility, model, store
from guerdon.options.changes import Change
from guerdon.options.model import Option
from guerdon.providers import store as providers
from guerdon.redemption import curation, enrolment
from guerdon.redemption.curation import Curator
from guerdon.transactions.lists import pages as lists
from guerdon.web.parts import Parts
from guerdon.web.problems import STATUS_BY_CODE

_VERSIONS = 50
_TYPES = {
    "physical": ("Physical", "A thing that is sent: asks for a price, and often for an address."),
    "digital": ("Digital", "A voucher, a ticket, a bonus: asks for a price."),
    "currency": ("Currency", "Money for tokens: asks for rates and the least and most tokens."),
}


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
            Page("GET", "/redeem/options/new", self.ask_new, "options"),
            Page("POST", "/redeem/options/new", self.create, "options"),
            Page("POST", "/redeem/options/new/check", self.check_new, "options"),
            Page("GET", "/redeem/options/worked", self.worked),
            Page("GET", one, self.one),
            Page("POST", one, self.change, "options"),
            Page("POST", one + "/check", self.check, "options"),
            Page("GET", one + "/archive", self.ask_archive, "options"),
            Page("POST", one + "/archive", self.archive, "options"),
            Page("POST", one + "/restore", self.restore, "options"),
        ]

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
        body = _new_body(kind, shown)
        try:
            if visit.field("do") == "try":
                wanted = definition.new(visit.namespace, ids.random_id(), visit.now, body)
                trial = await self._try(visit, wanted)
                return await self._form(visit, kind, shown, trial=trial)
            async with self._parts.database.tx() as tx:
                option = await curation.create(tx, self._parts.slots, _curator(visit), body)
        except (InvalidRequest, ConformanceRequired) as wrong:
            return await self._form(visit, kind, shown, wrong=wrong)
        return RedirectResponse(self._where(visit, option.name, "created"), status_code=303)

    async def check_new(self, visit: Visit) -> Response:
        """What is wrong with one field of a new option, as the form stands."""
        kind = visit.field("type")
        if kind not in _TYPES:
            raise InvalidRequest("Choose a type first.")
        shown = _typed(kind, visit)
        facts: object = []
        try:
            definition.new(visit.namespace, ids.random_id(), visit.now, _new_body(kind, shown))
        except InvalidRequest as wrong:
            facts = wrong.facts["errors"]
        return self._field(visit, kind, shown, facts)

    async def check(self, visit: Visit) -> Response:
        """What is wrong with one field of an option, as the form stands."""
        option = await self._read(visit)
        shown = _typed(option.type, visit)
        facts: object = []
        try:
            definition.patched(option, _body_of(option.type, shown))
        except InvalidRequest as wrong:
            facts = wrong.facts["errors"]
        return self._field(visit, option.type, shown, facts)

    def _field(self, visit: Visit, kind: str, shown: Mapping[str, Any], facts: Any) -> Response:
        """The field that the address names, with what is wrong with it."""
        values = _form_values(kind, shown, facts)
        name = visit.query("field")
        field = next((one for one in _fields(values) if one.name == name), None)
        if field is None:
            raise NotFound("There is no such field.")
        values |= {"field": field, "check": visit.url(visit.path), "providers": []}
        status = 422 if name in values["errors"] else 200
        return self._pages.page(visit, "option_field.html", values, status=status)

    async def worked(self, visit: Visit) -> Response:
        """What the rates that are being typed would pay out."""
        typed = {name: visit.query(name) or "" for name in ("rates", "minTokens", "maxTokens")}
        return self._pages.page(
            visit, "option_worked.html", {"worked": option_review.worked(typed)}
        )

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
        seen = visit.integer("version", lowest=1, highest=2**31)
        late = None if seen == option.version else _late(option.version)
        try:
            wanted = definition.patched(option, patch)
            if visit.field("do") == "try":
                trial = await self._try(visit, wanted)
                return await self._form(visit, option.type, shown, option=option, trial=trial)
            review = await self._review(option, wanted)
            if late is not None or visit.field("reviewed") != review.mark:
                return await self._form(
                    visit, option.type, shown, option=option, review=review, wrong=late
                )
            async with self._parts.database.tx() as tx:
                await curation.change(tx, _curator(visit), option.name, patch, if_match=seen)
        except (InvalidRequest, ConformanceRequired) as wrong:
            return await self._form(visit, option.type, shown, option=option, wrong=wrong)
        except PreconditionFailed as wrong:
            overtaken = _late(int(str(wrong.facts["version"])))
            return await self._form(visit, option.type, shown, option=option, wrong=overtaken)
        return RedirectResponse(self._where(visit, option.name, "saved"), status_code=303)

    async def _review(self, option: Option, wanted: Option) -> Review:
        async with self._parts.database.read() as tx:
            usage = (await store.usage(tx, [option]))[option.namespace, option.name]
            named = await providers.names(tx, option.namespace)
            in_view = await present.in_view(tx, option.namespace)
        names = {str(provider): name for provider, name in named.items()}
        return option_review.review(option, wanted, usage, names, in_view)

    async def _try(self, visit: Visit, option: Option) -> Trial:
        """Whether a member would qualify, by what is typed; nothing is saved."""
        user_id = visit.field("who")
        try:
            if unwritable(user_id):
                raise MemberNotFound("No member has such an ID.")
            async with self._parts.database.read() as tx:
                member, _ = await enrolment.profile(tx, self._parts.slots, visit.namespace, user_id)
        except MemberNotFound:
            return Trial(user_id, [], False, ["There is no such member in this programme."])
        closed = eligibility.unavailable(option, visit.now)
        besides = [] if closed is None else [closed]
        besides += ["This member is frozen."] if member.frozen else []
        return option_review.tried(option, user_id, member.attributes, besides)

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
        review: Review | None = None,
        trial: Trial | None = None,
    ) -> Response:
        async with self._parts.database.read() as tx:
            known = await providers.names(tx, visit.namespace)
            rows = []
            if option is not None:
                rows = await store.versions(
                    tx, visit.namespace, option.name, below=None, limit=_VERSIONS
                )
        facts: Any = [] if wrong is None else wrong.facts.get("errors", [])
        where = f"/redeem/options/{'new' if option is None else option.name}"
        values = {
            **_form_values(kind, shown, facts),
            "check": visit.url(where + "/check"),
            "title": "New option" if option is None else option.title,
            "place": "/redeem/options",
            "kind": kind,
            "type_name": _TYPES[kind][0],
            "option": option,
            "providers": [(str(provider), name) for provider, name in known.items()],
            "review": review,
            "changes": [] if review is None else _told(review.changes),
            "trial": trial,
            "who": visit.field("who"),
            "worked": option_review.worked(shown) if kind == "currency" else [],
            "wrong": wrong,
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


def _new_body(kind: str, shown: Mapping[str, Any]) -> dict[str, Any]:
    return _without_nulls(_body_of(kind, shown)) | {"type": kind}


def _form_values(kind: str, shown: Mapping[str, Any], facts: Any) -> dict[str, Any]:
    """The form's fields with what stands in them, and what is wrong (``facts``) by field."""
    translations = shown["translations"]
    errors = option_form.placed(facts) | translation_form.placed(translations, facts)
    languages = translation_form.languages(translations, shown["language"], errors)
    return {
        "sections": option_form.fields_of(kind),
        "days": option_form.DAYS,
        "languages": languages,
        "another": translation_form.ANOTHER,
        "labels": option_form.labels(kind) | translation_form.labels(languages),
        "shown": {**shown, **translation_form.values(languages, translations)},
        "errors": errors,
    }


def _fields(values: Mapping[str, Any]) -> Iterator[Field]:
    for _, section in values["sections"]:
        yield from section
    for language in values["languages"]:
        yield from language.fields
    yield values["another"]


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
            changes = _told(differences.between(before.definition, row.definition))
        told.append(Version(row, changes))
    return told


def _told(changes: Sequence[Change]) -> list[tuple[str, str, str]]:
    return [(field, _said(field, was), _said(field, now)) for field, was, now in changes]


def _late(version: int) -> InvalidRequest:
    return InvalidRequest(
        f"Somebody saved version {version} meanwhile. What you typed is still here: save it on top "
        "of theirs, or load the page again to see theirs."
    )


def _said(field: str, value: Any) -> str:
    """A value as the form has it, on one line."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field == "audience":
        return " or ".join(option_form.audience_text(value).splitlines())[:500]
    if field == "rates":
        return ", ".join(f"{rate['currency']} {rate['rate']}" for rate in value)[:500]
    return str(value)[:500]
