"""The console, whole: every page in one table, behind one door."""

from starlette.responses import Response

from guerdon.console.assets import Assets
from guerdon.console.decisions import Decisions
from guerdon.console.desk import Desk
from guerdon.console.detail import Detail
from guerdon.console.exports import Exports
from guerdon.console.figures import Figures
from guerdon.console.live import Feed
from guerdon.console.members import Members
from guerdon.console.options import Options
from guerdon.console.overview import Overview
from guerdon.console.pages import Pages
from guerdon.console.providers import Providers
from guerdon.console.settings import Settings
from guerdon.console.signing_in import SigningIn
from guerdon.console.site import Page, Site
from guerdon.console.transactions import Transactions
from guerdon.console.visit import Visit
from guerdon.console.widget_settings import WidgetSettings
from guerdon.web.parts import Parts


def table(parts: Parts, pages: Pages, figures: Figures, feed: Feed, assets: Assets) -> list[Page]:
    """Every page of the console."""

    async def asset(visit: Visit) -> Response:
        return assets.answer(visit.request, visit.request.path_params["name"])

    transactions = Transactions(parts, pages, figures, feed)
    detail = Detail(parts, pages)
    return [
        *SigningIn(parts, pages).table(),
        *transactions.table(),
        *Exports(parts, transactions).table(),
        *detail.table(),
        *Desk(parts, detail.events).table(),
        *Decisions(parts, pages, figures).table(),
        *Options(parts, pages).table(),
        *Members(parts, pages).table(),
        *Providers(parts, pages).table(),
        *Overview(parts, pages, figures).table(),
        *Settings(parts, pages).table(),
        *WidgetSettings(parts, pages).table(),
        Page("GET", "/console/static/{version}/{name}", asset, None),
    ]


def build(parts: Parts, feed: Feed, environment: str) -> Site:
    """The application. ``environment`` is what its badge says."""
    assets = Assets()
    figures = Figures(parts.database)
    pages = Pages(parts, assets, figures, environment)
    return Site(parts, pages, table(parts, pages, figures, feed, assets))
