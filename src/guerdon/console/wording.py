"""A list in words: its view, and what its filters ask for."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from guerdon.console.asked import Token

_VIEWS = {
    "needs-decision": "Needs a decision",
    "all": "All",
    "failed-today": "Failed today",
    "slow-provider": "Slow provider",
    "contradictions": "Contradictions",
}
_FIELDS = {"q": "ID begins with", "actor": "ended by", "age": "in status for"}
_SLUG_LENGTH = 80


def named(token: Token, titles: Mapping[str, str]) -> Token:
    """An option's filter is shown by its title."""
    if token.field != "option" or token.wrong is not None:
        return token
    name = token.value.removeprefix("-")
    title = titles.get(name, name)
    return replace(token, shown=f"not {title}" if name != token.value else title)


def in_words(view: str, tokens: Sequence[Token]) -> str:
    """``Needs a decision · status postponed or success · created last 24h``; ``tokens`` are named.
    A filter that does not read is left out, as it is of the list."""
    values: dict[str, list[str]] = {}
    for token in tokens:
        if token.wrong is None:
            values.setdefault(token.field, []).append(token.shown)
    told = [f"{_FIELDS.get(name, name)} {_either(some)}" for name, some in values.items()]
    return " · ".join([_VIEWS[view], *told])


def _either(values: Sequence[str]) -> str:
    refused = [value for value in values if value.startswith("not ")]
    named = " or ".join(value for value in values if value not in refused)
    return " and ".join([named, *refused] if named else refused)


def slug(words: str) -> str:
    """Words as a part of a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:_SLUG_LENGTH].rstrip("-")
