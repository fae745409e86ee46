"""The titles of what a member redeemed, in the language in which they read this page.

A transaction keeps the title that the provider was sent; its translations are those of the version
it was made with, which are at hand once they were read.
"""

from collections.abc import Sequence
from uuid import UUID

from starlette.requests import Request

from guerdon.db.pool import ReadTx
from guerdon.options import languages
from guerdon.options import store as options
from guerdon.options.languages import Said
from guerdon.transactions.model import Transaction


def language(request: Request) -> str | None:
    """What the member reads: the widget sends its own language as ``Accept-Language``."""
    return languages.preferred(request.headers.get("accept-language"))


async def of(tx: ReadTx, found: Sequence[Transaction], asked: str | None) -> dict[UUID, Said]:
    """Titles by transaction; none where no language was asked for."""
    if asked is None or not found:
        return {}
    made_with = await options.at_versions(tx, {t.option_key for t in found})
    return {
        t.transaction_id: languages.said(made_with[t.option_key], "title", asked) for t in found
    }
