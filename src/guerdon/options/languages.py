"""An option in a member's language: which of its texts they read, and in what language each is.

A text is looked for in the language that was asked for, then in its broader forms (``pt-BR``, then
``pt``), then in any other form of it; else the option's own text stands. Each text is chosen by
itself, so a translation need not be whole.
"""

from collections.abc import Iterator

from guerdon.options.model import Option

_LONGEST_TAG = 35

Said = tuple[str | None, str | None]


def preferred(accept_language: str | None) -> str | None:
    """The one language that a reader likes best, of an ``Accept-Language`` header.

    Only the best: a second choice would win over the option's own texts, whose language may be
    what the reader asked for first without anybody having said so.
    """
    best, found = 0.0, None
    for part in (accept_language or "").split(","):
        tag, _, parameters = part.strip().partition(";")
        weight = _weight(parameters)
        if weight > best and tag.strip() not in ("", "*"):
            best, found = weight, tag.strip()[:_LONGEST_TAG]
    return found


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def said(option: Option, name: str, asked: str | None) -> Said:
    """One of an option's texts as somebody reads it who asked for a language, and its language.

    ``None`` in place of the language: nobody has said which it is.
    """
    for tag in _tags(option, asked):
        if tag == option.language:
            break
        text = option.translations[tag].get(name)
        if text is not None:
            return text, tag
    return _own(option)[name], option.language


def _own(option: Option) -> dict[str, str | None]:
    return {
        "title": option.title,
        "description": option.description,
        "details": option.details,
        "blockedMessage": option.blocked_message,
        "usedUpMessage": option.used_up_message,
    }


def _tags(option: Option, asked: str | None) -> Iterator[str]:
    """The languages to look in, the best first, of those there are."""
    if asked is None:
        return
    own = [] if option.language is None else [option.language]
    known = {tag.lower(): tag for tag in (*own, *option.translations)}
    parts = asked.lower().split("-")
    for length in range(len(parts), 0, -1):
        tag = known.pop("-".join(parts[:length]), None)
        if tag is not None:
            yield tag
    for spelt, tag in known.items():
        if spelt.split("-")[0] == parts[0]:
            yield tag
