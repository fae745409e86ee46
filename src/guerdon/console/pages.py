"""Pages and fragments out of templates: what every one of them is given, and how values read."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from uuid import UUID

import jinja2
from markupsafe import Markup
from starlette.responses import Response

from guerdon.access.operators import Right
from guerdon.console import asked as addresses
from guerdon.console import moments
from guerdon.console.assets import Assets, packed
from guerdon.console.figures import Figures, shown
from guerdon.console.visit import Visit
from guerdon.web.parts import Parts


def policy(images: Collection[str] = ()) -> str:
    """What a page may load; ``images`` are the origins that pictures come from beside our own."""
    pictures = " ".join(("'self'", *images))
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        f"img-src {pictures}; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


# A form's Origin header survives only a policy that names the origin to ourselves.
HEADERS = {
    "Content-Security-Policy": policy(),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

# What the badge says in a test programme, wherever it runs.
_SANDBOX = "SANDBOX"

STATUS_TEXT = {
    "pending": "Pending",
    "postponed": "Postponed",
    "recoverable-failure": "Recoverable failure",
    "success": "Success",
    "failure": "Failure",
}

STATUS_ICON = {
    "pending": "clock",
    "postponed": "pause",
    "recoverable-failure": "question",
    "success": "check",
    "failure": "cross",
}


@dataclass(frozen=True, slots=True)
class Link:
    """One place in the navigation, for those who have the right; ``test``: of test programmes."""

    path: str
    name: str
    icon: str
    right: Right = "read"
    test: bool = False


NAVIGATION = [
    (
        "Redeem",
        [
            Link("/redeem/overview", "Overview", "gauge"),
            Link("/redeem/transactions", "Transactions", "list"),
            Link("/redeem/cases", "Cases", "alert"),
            Link("/redeem/options", "Options", "gift"),
        ],
    ),
    (
        "Data",
        [
            Link("/members", "Members", "people"),
            Link("/providers", "Providers", "plug"),
            Link("/redeem/exports", "Exports", "file"),
        ],
    ),
    (
        "Settings",
        [
            Link("/settings/team", "Team and roles", "shield", "admin"),
            Link("/settings/keys", "API keys", "keys", "admin"),
            Link("/settings/widget", "Widget", "gift", "admin"),
            Link("/settings/rules", "Rules", "check", "admin"),
            Link("/settings/limits", "Limits", "gauge", "admin"),
            Link("/settings/sandbox", "Sandbox", "clock", "options", test=True),
            Link("/settings/retention", "Retention", "clock", "admin"),
            Link("/settings/audit", "Audit log", "book", "personal"),
        ],
    ),
]


class Pages:
    """Renders. ``environment`` is the badge that every page bears (production, staging, demo)."""

    def __init__(self, parts: Parts, assets: Assets, figures: Figures, environment: str) -> None:
        self._figures = figures
        self._badge = environment.upper()
        self._templates = jinja2.Environment(
            loader=jinja2.FunctionLoader(_source),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._static = f"{parts.base_path}/console/static/{assets.version}"
        self._icons: dict[str, Markup] = {}
        self._templates.filters |= {
            "number": number,
            "shown": shown,
            "who": who,
            "initials": initials,
            "as_value": addresses.escaped,
            "short": short,
            "span": moments.span,
            "length_of": lambda seconds: moments.span(timedelta(seconds=seconds)),
            "iso": iso,
            "status_icon": lambda status: STATUS_ICON[status],
        }
        self._templates.globals |= {
            "status_text": STATUS_TEXT,
            "static": self._static,
            "icon": self._icon,
        }

    def _icon(self, name: str) -> Markup:
        """An icon of the sprite; what it means stands beside it in words. A page has hundreds, so
        each is made once."""
        made = self._icons.get(name)
        if made is None:
            made = self._icons[name] = Markup(
                '<svg class="i" aria-hidden="true"><use href="{}/icons.svg#{}"/></svg>'
            ).format(self._static, name)
        return made

    def text(self, visit: Visit, template: str, **values: object) -> str:
        """A template as text."""
        shell = {
            "visit": visit,
            "url": visit.url,
            "environment": _SANDBOX if visit.signed_in and visit.operator.test else self._badge,
            "csrf": Markup('<input type="hidden" name="csrf" value="{}">').format(visit.csrf()),
            "time": lambda moment: self.time(visit, moment),
            "full_time": lambda moment, exact=False: _time(
                visit, moment, visit.zone.clock(moment, exact=exact)
            ),
            "age_of": lambda moment: _age(visit, moment),
        }
        return self._templates.get_template(template).render(shell | values)

    def time(self, visit: Visit, moment: datetime) -> Markup:
        """A moment: absolute in the chosen zone; its title says it in UTC as well."""
        return _time(visit, moment, visit.zone.absolute(moment, visit.now))

    async def screen(
        self,
        visit: Visit,
        template: str,
        values: Mapping[str, object],
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """A whole page with the navigation around it."""
        counts = await self._figures.counts(visit.namespace)
        shell = {
            "navigation": [
                (section, [link for link in links if visit.operator.test or not link.test])
                for section, links in NAVIGATION
            ],
            "to_decide": counts.to_decide,
            "to_look_at": counts.cases,
        }
        return self.page(visit, template, shell | dict(values), status=status, headers=headers)

    def page(
        self,
        visit: Visit,
        template: str,
        values: Mapping[str, object],
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """A template as an answer."""
        text = self.text(visit, template, **values)
        return packed(
            visit.request,
            text.encode("utf-8", "replace"),
            "text/html; charset=utf-8",
            {**HEADERS, "Vary": "Accept-Encoding, HX-Request", **(headers or {})},
            status=status,
        )


def _source(name: str) -> str | None:
    entry = resources.files("guerdon.console").joinpath("templates", name)
    return entry.read_text("utf-8") if entry.is_file() else None


def number(value: int) -> str:
    """A whole number, grouped."""
    return f"{value:,}".replace("-", "−")


def short(identifier: UUID | str) -> str:
    """The first 8 and the last 4 of an ID."""
    text = str(identifier)
    return f"{text[:8]}…{text[-4:]}"


_ACTORS = {"member": "member", "system": "Guerdon", "provider": "provider"}


def who(actor: str) -> str:
    """Who did something, as people read it."""
    kind, _, name = actor.partition(":")
    if kind == "operator":
        return name
    if kind == "key":
        return f"API key {name}"
    return _ACTORS.get(kind, actor)


def initials(actor: str) -> str:
    """Two letters for a person: of the first two words of their email, or its beginning."""
    words = [word for word in who(actor).partition("@")[0].replace("-", ".").split(".") if word]
    letters = words[0][0] + words[1][0] if len(words) > 1 else "".join(words)[:2]
    return letters.upper()


def iso(moment: datetime) -> str:
    """A moment for machines."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _time(visit: Visit, moment: datetime, text: str) -> Markup:
    told = (iso(moment), visit.zone.both(moment), text)
    return Markup('<time datetime="%s" title="%s">%s</time>') % told


def _age(visit: Visit, moment: datetime) -> Markup:
    told = (iso(moment), moments.age(visit.now - moment))
    return Markup('<span class="age" data-since="%s">%s</span>') % told
