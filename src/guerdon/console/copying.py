"""A list in other words: as people type it into the search box, and as a call of the API."""

import shlex
from collections.abc import Sequence
from uuid import UUID

from guerdon import ids
from guerdon.clock import rfc3339
from guerdon.console import asked as addresses
from guerdon.console.asked import Token
from guerdon.console.finding import written
from guerdon.transactions.lists.pages import FIRST_ID, LAST_ID, Wanted


def as_query(tokens: Sequence[Token]) -> str:
    """What to type for the same filters."""
    return " ".join(written(token) for token in tokens if token.wrong is None)


def as_api_call(site: str, tokens: Sequence[Token], wanted: Wanted) -> str:
    """A command that asks the API for the same list; what the API cannot filter by is said."""
    asks = [("status", status) for status in wanted.statuses or ()]
    asks += [("option", str(name)) for name in wanted.option_names or ()]
    left_out = []
    prefixes = [token.value for token in tokens if token.field == "q"]
    asks += [("q", value) for value in prefixes]
    for token in tokens:
        if token.wrong is not None:
            continue
        exact = token.value[:1] != "-" and addresses.begins(token.value) is None
        if token.field == "user" and exact:
            asks.append(("userId", addresses.plain(token.value)))
        elif token.field not in ("status", "option", "q", "created", "age"):
            left_out.append(written(token))
    if wanted.above != FIRST_ID and not prefixes:
        asks.append(("createdFrom", rfc3339(ids.moment_in(UUID(int=wanted.above.int + 1)))))
    if wanted.below != LAST_ID and not prefixes:
        asks.append(("createdTo", rfc3339(ids.moment_in(wanted.below))))
    lines = [f"curl -G {site}/v1/transactions", '-H "Authorization: Bearer $GUERDON_KEY"']
    lines += [f"--data-urlencode {shlex.quote(f'{name}={value}')}" for name, value in asks]
    told = f"\n# The API has no filter for: {', '.join(left_out)}" if left_out else ""
    return " \\\n  ".join(lines) + told
