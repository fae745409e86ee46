"""The form's translations: what is typed for each language, and the way between it and JSON.

A language that nobody has translated to is offered, folded; one more has a field for its tag. What
is emptied is removed, and a language without a text goes with its last one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from guerdon.console.option_form import Field
from guerdon.options.model import TEXTS

Typed = Mapping[str, Mapping[str, str]]

# The languages that the widget speaks, by their own names.
NAMES = {
    "en": "English",
    "es": "Español",
    "de": "Deutsch",
    "fr": "Français",
    "pt": "Português",
    "ar": "العربية",
}
_NEW = "+"
_PREFIX = "translations/"
_LABELS = {
    "title": "Title",
    "description": "Description",
    "details": "Details",
    "blockedMessage": "What others read, blocked",
    "usedUpMessage": "What is read when used up",
}


ANOTHER = Field(
    f"{_PREFIX}{_NEW}/tag", "Its tag", hint="Such as it, pl, pt-BR or zh-Hant (BCP 47)."
)


@dataclass(frozen=True, slots=True)
class Language:
    """One language of the form; ``tag`` is "+" where another one may be named."""

    tag: str
    name: str
    fields: Sequence[Field]
    said: int
    wrong: bool

    @property
    def open(self) -> bool:
        """Whether it needs to be looked at."""
        return self.wrong or (self.tag == _NEW and self.said > 0)


def written(translations: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Translations as the form shows them."""
    return {tag: dict(texts) for tag, texts in translations.items()}


def typed(form: Mapping[str, Sequence[str]]) -> dict[str, dict[str, str]]:
    """What was typed, by tag; what is empty too, for it may remove what was there."""
    shown: dict[str, dict[str, str]] = {}
    for name, values in form.items():
        if name.startswith(_PREFIX):
            tag, _, text = name.removeprefix(_PREFIX).rpartition("/")
            if text in TEXTS or (tag, text) == (_NEW, "tag"):
                shown.setdefault(tag, {})[text] = values[0].replace("\r\n", "\n").strip()
    return shown


def body_of(shown: Typed) -> dict[str, Any]:
    """What was typed as JSON; a text that is empty is ``null``."""
    body: dict[str, Any] = {}
    for tag, texts in shown.items():
        said = {name: text or None for name, text in texts.items() if name != "tag"}
        if tag != _NEW:
            body[tag] = said
        elif any(said.values()) or texts.get("tag"):
            kept = {name: text for name, text in said.items() if text is not None}
            body[texts.get("tag", "")] = {**body.get(texts.get("tag", ""), {}), **kept}
    return body


def languages(shown: Typed, own: str, errors: Mapping[str, str]) -> list[Language]:
    """What the form offers: the languages that the widget speaks, and any that has texts."""
    said = {
        tag: sum(1 for name, text in texts.items() if text and name != "tag")
        for tag, texts in shown.items()
    }
    tags = [tag for tag in NAMES if tag != own or said.get(tag)]
    tags += sorted(tag for tag, count in said.items() if count and tag not in (*tags, _NEW))
    return [
        Language(
            tag,
            NAMES.get(tag.split("-")[0], tag) if tag != _NEW else "Another language",
            [
                Field(
                    f"{_PREFIX}{tag}/{name}",
                    f"{label} ({'new' if tag == _NEW else tag})",
                    "line" if name == "title" else "lines",
                    language="" if tag == _NEW else tag,
                )
                for name, label in _LABELS.items()
            ],
            said.get(tag, 0),
            any(name.startswith(f"{_PREFIX}{tag}/") for name in errors),
        )
        for tag in (*tags, _NEW)
    ]


def labels(offered: Sequence[Language]) -> dict[str, str]:
    """What each field is called, by its name."""
    named = {field.name: field.label for language in offered for field in language.fields}
    return named | {ANOTHER.name: ANOTHER.label}


def values(offered: Sequence[Language], shown: Typed) -> dict[str, str]:
    """What each field shows, by its name; all that is offered and not said is empty."""
    said = {
        f"{_PREFIX}{tag}/{name}": t for tag, texts in shown.items() for name, t in texts.items()
    }
    return dict.fromkeys(labels(offered), "") | said


def placed(shown: Typed, errors: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """What is wrong with translations, by the name of a field that is there."""
    found: dict[str, str] = {}
    for error in errors:
        pointer = error["pointer"].removeprefix("/")
        if not pointer.startswith(_PREFIX):
            continue
        tag, _, text = pointer.removeprefix(_PREFIX).partition("/")
        if tag not in shown:
            tag, text = _NEW, text or "tag"
        found.setdefault(f"{_PREFIX}{tag}/{text or 'title'}", error["detail"])
    return found
