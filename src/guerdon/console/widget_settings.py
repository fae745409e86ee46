"""Settings > Widget: which pages may show it, whose tokens it believes, what to paste there."""

from typing import Any
from uuid import UUID

import msgspec
from starlette.responses import RedirectResponse, Response

from guerdon import strict_json
from guerdon.access import embedding, store
from guerdon.access.embedding import By, NewKey
from guerdon.access.embedding import Settings as Terms
from guerdon.console.option_form import Field
from guerdon.console.pages import Pages
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.db.pool import Row
from guerdon.errors import GuerdonError, InvalidRequest, NotFound, PreconditionFailed
from guerdon.web.parts import Parts

_PATH = "/settings/widget"
_TERMS = (
    Field(
        "tokenIssuer",
        "Issuer",
        hint="What “iss” of a member token must say. Empty: it is not looked at.",
    ),
    Field(
        "tokenAudience",
        "Audience",
        hint="What “aud” must hold. Empty: it is not looked at.",
    ),
    Field(
        "allowedOrigins",
        "Pages of these origins may show the widget",
        "lines",
        "One a line, as browsers spell it: https://www.example.com. Browsers keep all others out.",
    ),
)


class WidgetSettings:
    """The handlers."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    def table(self) -> list[Page]:
        """Their place in the table."""
        return [
            Page("GET", _PATH, self.page, "admin"),
            Page("POST", _PATH, self.change, "admin"),
            Page("POST", _PATH + "/keys", self.add_key, "admin"),
            Page("POST", _PATH + "/keys/switch", self.switch_key, "admin"),
        ]

    async def page(self, visit: Visit) -> Response:
        """What stands."""
        return await self._page(visit)

    async def change(self, visit: Visit) -> Response:
        """Other terms. What was typed upon an older version stays in the form."""
        origins = [line.strip() for line in visit.field("allowedOrigins").splitlines()]
        body: dict[str, Any] = {
            "tokenIssuer": visit.field("tokenIssuer") or None,
            "tokenAudience": visit.field("tokenAudience") or None,
            "allowedOrigins": [origin for origin in origins if origin],
        }
        shown = _shown(body)
        try:
            terms: Terms = strict_json.fit(body, Terms)
            async with self._parts.database.tx() as tx:
                row = await store.namespace(tx, visit.namespace)
                assert row is not None, "an operator's namespace exists"
                if visit.integer("version", lowest=1, highest=2**31) != row.version:
                    raise PreconditionFailed(
                        "Somebody saved these settings meanwhile. What you typed is still here: "
                        "save again to put it on top, or load the page again to see theirs."
                    )
                terms.limits = embedding.limits_of(row)
                await embedding.change(tx, row, terms, _by(visit))
        except (InvalidRequest, PreconditionFailed) as wrong:
            return await self._page(visit, shown=shown, wrong=wrong)
        return self._back(visit, "saved")

    async def add_key(self, visit: Visit) -> Response:
        """One more public key. Nobody can paste a private one in by mistake: it is refused."""
        body = {
            "algorithm": visit.field("algorithm"),
            "publicKey": visit.field("publicKey"),
            "kid": visit.field("kid") or None,
            "label": visit.field("label"),
        }
        try:
            new: NewKey = strict_json.fit(body, NewKey)
            async with self._parts.database.tx() as tx:
                await embedding.add_key(tx, visit.namespace, new, _by(visit))
        except InvalidRequest as wrong:
            return await self._page(visit, wrong=wrong)
        return self._back(visit, "key-added")

    async def switch_key(self, visit: Visit) -> Response:
        """A key is believed no more, or again."""
        disabled = visit.field("disabled") == "yes"
        try:
            identifier = UUID(visit.field("key"))
        except ValueError as trouble:
            raise NotFound("There is no such key.") from trouble
        async with self._parts.database.tx() as tx:
            await embedding.switch_key(
                tx, visit.namespace, identifier, _by(visit), disabled=disabled
            )
        return self._back(visit, "key-off" if disabled else "key-on")

    async def _page(
        self,
        visit: Visit,
        *,
        shown: dict[str, str] | None = None,
        wrong: GuerdonError | None = None,
    ) -> Response:
        async with self._parts.database.read() as tx:
            row = await store.namespace(tx, visit.namespace)
            keys = await store.member_keys(tx, visit.namespace)
        assert row is not None, "an operator's namespace exists"
        errors: Any = [] if wrong is None else wrong.facts.get("errors", [])
        values = {
            "title": "Widget",
            "place": _PATH,
            "terms": _TERMS,
            "shown": _shown(embedding.as_body(row)) if shown is None else shown,
            "version": row.version,
            "keys": keys,
            "believed": [key for key in keys if key.disabled_at is None],
            "algorithms": embedding.ALGORITHMS,
            "typed": _typed(visit),
            "wrong": wrong,
            "errors": _placed(errors),
            "snippet": _snippet(visit, row),
            "done": visit.query("done"),
        }
        status = 200 if wrong is None else 422
        return await self._pages.screen(visit, "widget_settings.html", values, status=status)

    @staticmethod
    def _back(visit: Visit, done: str) -> Response:
        return RedirectResponse(visit.url(_PATH, {"done": done}), status_code=303)


def _by(visit: Visit) -> By:
    return By(visit.operator.actor, visit.address)


def _shown(body: dict[str, Any]) -> dict[str, str]:
    return {
        "tokenIssuer": body["tokenIssuer"] or "",
        "tokenAudience": body["tokenAudience"] or "",
        "allowedOrigins": "\n".join(body["allowedOrigins"]),
    }


def _typed(visit: Visit) -> dict[str, str]:
    """The key's form as it was typed; a private key that was pasted is not shown again."""
    typed = {name: visit.field(name) for name in ("algorithm", "publicKey", "kid", "label")}
    if "PRIVATE" in typed["publicKey"]:
        typed["publicKey"] = ""
    return typed


def _placed(errors: list[dict[str, str]]) -> dict[str, str]:
    """What is wrong by field; of a list, with the line it is about."""
    found: dict[str, str] = {}
    for error in errors:
        name, _, number = error["pointer"].removeprefix("/").partition("/")
        line = f"line {int(number) + 1} " if number.isdigit() else ""
        found.setdefault(name, line + error["detail"])
    return found


def _snippet(visit: Visit, row: Row) -> str:
    """What a page of the host pastes in: this server's address, and where its own tokens are."""
    scheme = "https" if visit.over_https() else "http"
    server = f"{scheme}://{visit.request.headers.get('host', 'rewards.example.com')}{visit.base}"
    claims = {"sub": "<the member's userId>", "ns": row.namespace, "iat": 0, "exp": 900}
    claims |= {"iss": row.token_issuer} if row.token_issuer else {}
    claims |= {"aud": row.token_audience} if row.token_audience else {}
    return f"""<script type="module" src="{server}/widget/v1.js"></script>
<guerdon-widget endpoint="{server}"></guerdon-widget>
<script type="module">
  // Your back end signs {msgspec.json.encode(claims).decode()},
  // with iat and exp in seconds since 1970.
  document.querySelector('guerdon-widget').token =
    async () => (await fetch('/me/redeem-token')).text()
</script>
"""
