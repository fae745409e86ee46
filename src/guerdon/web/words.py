"""The widget's words by language, and which of them a programme may put in others.

What became of a redemption is said in our words alone: "we are checking this" must never read as
"failed" or "refunded", whoever chooses the words.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources

LANGUAGES = ("en", "es", "de", "fr", "pt", "ar")
NAMES: Mapping[str, str] = {
    "en": "English",
    "es": "Español",
    "de": "Deutsch",
    "fr": "Français",
    "pt": "Português",
    "ar": "العربية",
}
LONGEST = 300
_OURS_ALONE = re.compile(r"[hrt]\..*|lost|lostAbout|notRedeemed|dir")
_NAMED = re.compile(r"\{(\w+)\}")

Text = str | dict[str, str]


@cache
def table(language: str) -> Mapping[str, Text]:
    """Every word of one language."""
    entry = resources.files("guerdon.web").joinpath("languages", f"{language}.json")
    words: dict[str, Text] = json.loads(entry.read_text("utf-8"))
    return words


def known(asked: str | None) -> str:
    """The language that the widget speaks to somebody who asks for one, as it chooses itself."""
    first = (asked or "").split("-")[0].lower()
    return first if first in LANGUAGES else "en"


def choosable(language: str) -> dict[str, Text]:
    """The words of a language that a programme may put in others."""
    words = table(language)
    return {name: text for name, text in words.items() if not _OURS_ALONE.fullmatch(name)}


def wrong(text: str, ours: Text) -> str | None:
    """What is wrong with another text for ours, or ``None``."""
    if len(text) > LONGEST:
        return f"must have at most {LONGEST} characters"
    if not text.isprintable():
        return "must be one line that can be printed"
    forms = [ours] if isinstance(ours, str) else list(ours.values())
    there_are = {name for form in forms for name in _NAMED.findall(form)}
    strange = [name for name in _NAMED.findall(text) if name not in there_are]
    if strange:
        may = " and ".join(f"{{{name}}}" for name in sorted(there_are)) or "nothing"
        return f"may hold {may} in braces, not {{{strange[0]}}}"
    return None
