"""The console, whole: every page in one table, behind one door."""

from starlette.responses import Response

from guerdon.console.account import Account
from guerdon.console.adjusting import Adjusting
from guerdon.console.assets import Assets
from guerdon.console.audit_log import AuditLog
from guerdon.console.bulk import Bulk
from guerdon.console.cases import Cases
from guerdon.console.decisions import Decisions
from guerdon.console.desk import Desk
from guerdon.console.detail import Detail
from guerdon.console.entering import Entering
from guerdon.console.export_files import ExportFiles
from guerdon.console.exports import Exports
from guerdon.console.figures import Figures
from guerdon.console.hashing import Hashing
from guerdon.console.issuer import Issuer
from guerdon.console.jumping import Jumping
from guerdon.console.limits import LimitSettings
from guerdon.console.live import Feed
from guerdon.console.member_notes import MemberNotes
from guerdon.console.members import Members
from guerdon.console.option_list import OptionList
from guerdon.console.options import Options
from guerdon.console.overview import Overview
from guerdon.console.pages import Pages
from guerdon.console.passwords import Passwords
from guerdon.console.providers import Providers
from guerdon.console.resends import Resends
from guerdon.console.retention import Retention
from guerdon.console.rules import Rules
from guerdon.console.sandbox_settings import SandboxSettings
from guerdon.console.saved import SavedViews
from guerdon.console.second_person import SecondPerson
from guerdon.console.second_step import SecondStep
from guerdon.console.settings import Settings
from guerdon.console.signing_in import SigningIn
from guerdon.console.signing_in_openid import SigningInByOpenId
from guerdon.console.site import Page, Site
from guerdon.console.suggesting import Suggestions
from guerdon.console.transactions import Transactions
from guerdon.console.visit import Visit
from guerdon.console.widget_look import WidgetLook
from guerdon.console.widget_settings import WidgetSettings
from guerdon.console.widget_words import WidgetWords
from guerdon.web.parts import Parts


def table(
    parts: Parts,
    pages: Pages,
    figures: Figures,
    feed: Feed,
    assets: Assets,
    issuer: Issuer | None = None,
) -> list[Page]:
    """Every page of the console."""

    async def asset(visit: Visit) -> Response:
        return assets.answer(visit.request, visit.request.path_params["name"])

    entering, hashing = Entering(parts), Hashing()
    signing_in = SigningIn(parts, pages, entering, hashing, openid=issuer is not None)
    saved = SavedViews(parts, pages, figures)
    detail = Detail(parts, pages)
    return [
        *signing_in.table(),
        *SecondStep(parts, pages, entering).table(),
        *SigningInByOpenId(parts, signing_in, entering, issuer).table(),
        *Account(parts, pages).table(),
        *Passwords(parts, pages, hashing).table(),
        *Transactions(parts, pages, figures, feed, saved).table(),
        *saved.table(),
        *Suggestions(parts, pages).table(),
        *Jumping(parts, pages).table(),
        *Exports(parts, pages).table(),
        *ExportFiles(parts, pages).table(),
        *Bulk(parts, pages, figures).table(),
        *detail.table(),
        *Desk(parts, detail.events).table(),
        *Decisions(parts, pages, figures).table(),
        *Cases(parts, pages, figures).table(),
        *SecondPerson(parts, pages, figures).table(),
        *Resends(parts, pages, figures).table(),
        *OptionList(parts, pages).table(),
        *Options(parts, pages).table(),
        *Members(parts, pages).table(),
        *Adjusting(parts, pages).table(),
        *MemberNotes(parts).table(),
        *Providers(parts, pages).table(),
        *Overview(parts, pages, figures).table(),
        *Settings(parts, pages, hashing).table(),
        *Retention(parts, pages).table(),
        *Rules(parts, pages).table(),
        *LimitSettings(parts, pages).table(),
        *WidgetLook(parts, pages).table(),
        *WidgetWords(parts, pages).table(),
        *WidgetSettings(parts, pages).table(),
        *SandboxSettings(parts, pages).table(),
        *AuditLog(parts, pages).table(),
        Page("GET", "/console/static/{version}/{name}", asset, None),
    ]


def build(parts: Parts, feed: Feed, environment: str, issuer: Issuer | None) -> Site:
    """The application. ``environment`` is what its badge says."""
    assets = Assets()
    figures = Figures(parts.database)
    pages = Pages(parts, assets, figures, environment)
    return Site(parts, pages, table(parts, pages, figures, feed, assets, issuer))
