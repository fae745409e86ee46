"""Settings > Widget > Words: a programme's own texts, language by language."""

from collections.abc import Mapping

from starlette.responses import RedirectResponse, Response

from guerdon.access.embedding import By
from guerdon.access.look import store
from guerdon.access.look.store import Text
from guerdon.console.pages import Pages
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.errors import GuerdonError, InvalidRequest, PreconditionFailed
from guerdon.web import words
from guerdon.web.parts import Parts

_PATH = "/settings/widget/words"


class WidgetWords:
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
        """The texts of one language, ours beside them."""
        return await self._page(visit, words.known(visit.query("language")))

    async def change(self, visit: Visit) -> Response:
        """Other texts; what is empty is said in our words."""
        language = words.known(visit.field("language"))
        typed = {name: visit.field(name) for name in _fields(language)}
        try:
            texts = _texts(language, typed)
            version = visit.integer("version", lowest=1, highest=2**31)
            by = By(visit.operator.actor, visit.address)
            async with self._parts.database.tx() as tx:
                await store.set_texts(tx, visit.namespace, language, texts, version, by)
        except (InvalidRequest, PreconditionFailed) as trouble:
            return await self._page(visit, language, typed=typed, wrong=trouble)
        where = visit.url(_PATH, {"language": language, "done": "saved"})
        return RedirectResponse(where, status_code=303)

    async def _page(
        self,
        visit: Visit,
        language: str,
        *,
        typed: Mapping[str, str] | None = None,
        wrong: GuerdonError | None = None,
    ) -> Response:
        async with self._parts.database.read() as tx:
            look = await store.look(tx, visit.namespace)
        own = look.texts.get(language, {})
        given = wrong.facts.get("errors", []) if wrong is not None else []
        assert isinstance(given, list), "errors are a list"
        values = {
            "title": "Words of the widget",
            "place": "/settings/widget",
            "language": language,
            "languages": words.NAMES,
            "own_in": {code: len(table) for code, table in look.texts.items()},
            "rows": _fields(language),
            "english": {name: _whole(text) for name, text in words.table("en").items()},
            "shown": _shown(own) if typed is None else typed,
            "version": look.version,
            "dir": words.table(language).get("dir", "ltr"),
            "wrong": wrong,
            "errors": {one["pointer"].removeprefix("/"): one["detail"] for one in given},
            "done": visit.query("done"),
        }
        status = 200 if wrong is None else 422
        return await self._pages.screen(visit, "widget_words.html", values, status=status)


def _fields(language: str) -> dict[str, str]:
    """Each field with our words: a text has one, and one a plural form where it has those."""
    fields = {}
    for name, ours in words.choosable(language).items():
        forms = {"": ours} if isinstance(ours, str) else ours
        for form, text in forms.items():
            fields[f"{name}:{form}" if form else name] = text
    return fields


def _whole(text: Text) -> str:
    return text if isinstance(text, str) else text["other"]


def _shown(own: Mapping[str, Text]) -> dict[str, str]:
    shown = {}
    for name, text in own.items():
        forms = {"": text} if isinstance(text, str) else text
        for form, said in forms.items():
            shown[f"{name}:{form}" if form else name] = said
    return shown


def _texts(language: str, typed: Mapping[str, str]) -> dict[str, Text]:
    """What was typed as the widget takes it. A plural is whole: what is empty in it is ours."""
    texts: dict[str, Text] = {}
    errors = []
    for name, ours in words.choosable(language).items():
        forms = {"": ours} if isinstance(ours, str) else ours
        said = {form: typed[f"{name}:{form}" if form else name] for form in forms}
        for form, text in said.items():
            fault = words.wrong(text, ours)
            if fault is not None:
                pointer = f"/{name}:{form}" if form else f"/{name}"
                errors.append({"pointer": pointer, "detail": fault})
        if not any(said.values()):
            continue
        whole = {form: text or forms[form] for form, text in said.items()}
        texts[name] = whole[""] if isinstance(ours, str) else whole
    if errors:
        raise InvalidRequest("The texts cannot be saved like this.", errors=errors)
    return texts
