"""Which of an option's texts a member reads, and what differs between two definitions."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from guerdon.options import changes, definition, languages
from guerdon.options.changes import Change
from guerdon.options.model import Option


def make(**fields: Any) -> Option:
    body = {"type": "digital", "title": "Coffee", "providerId": str(UUID(int=7)), "price": 30}
    at = datetime(2026, 1, 5, tzinfo=UTC)
    return definition.new("1", UUID(int=1), at, {**body, **fields})


def titled(*tags: str) -> dict[str, dict[str, str]]:
    return {tag: {"title": f"title in {tag}"} for tag in tags}


@pytest.mark.parametrize(
    ("own", "tags", "asked", "read"),
    [
        ("en", ["de"], None, "en"),
        ("en", ["de"], "de", "de"),
        ("en", ["de"], "DE-at", "de"),
        ("en", ["de"], "fr", "en"),
        ("en", ["de", "en-GB"], "en-GB", "en-GB"),
        ("en", ["de", "en-GB"], "en-US", "en"),
        ("en-GB", ["en-US", "de"], "en", "en-GB"),
        ("en", ["pt", "pt-BR"], "pt-BR", "pt-BR"),
        ("en", ["pt", "pt-BR"], "pt-PT", "pt"),
        ("en", ["pt-BR"], "pt", "pt-BR"),
        ("en", ["zh-Hant", "zh-Hans"], "zh-Hant-TW", "zh-Hant"),
        (None, ["de"], "en", None),
        (None, ["de"], "de", "de"),
        (None, ["de"], "d", None),
        (None, ["de"], "", None),
        (None, ["de"], "-" * 35, None),
    ],
)
def test_the_nearest_language_is_read(
    own: str | None, tags: list[str], asked: str | None, read: str | None
) -> None:
    option = make(language=own, translations=titled(*tags))
    text, language = languages.said(option, "title", asked)
    assert language == read
    assert text == (f"title in {read}" if read in tags else "Coffee")


def test_each_text_is_chosen_by_itself() -> None:
    german = {"de": {"description": "Ein Getränk."}, "de-AT": {"title": "Kaffee"}}
    option = make(description="A drink.", details="Small print.", translations=german)
    said = {name: languages.said(option, name, "de-AT") for name in ("title", "description")}
    assert said == {"title": ("Kaffee", "de-AT"), "description": ("Ein Getränk.", "de")}
    assert languages.said(option, "details", "de-AT") == ("Small print.", None)
    assert languages.said(option, "blockedMessage", "de-AT") == (None, None)


@pytest.mark.parametrize(
    ("header", "best"),
    [
        (None, None),
        ("", None),
        ("*", None),
        ("de", "de"),
        ("de-AT, en;q=0.8", "de-AT"),
        ("en;q=0.8, de", "de"),
        ("en; q=0.5, de;q=0.9", "de"),
        ("de;q=0", None),
        ("de;q=nan, fr;q=x, pt;q=0.1", "pt"),
        ("*;q=1, fr;q=0.5", "fr"),
        ("x" * 1000, "x" * 35),
    ],
)
def test_the_best_liked_language_counts(header: str | None, best: str | None) -> None:
    assert languages.preferred(header) == best


def test_changes_are_told_field_by_field() -> None:
    before = {"title": "A", "limits": {"total": 5, "perMember": None}, "window": None, "group": ""}
    after = {
        "title": "A",
        "limits": {"total": 6, "perMember": None},
        "window": {"from": "x", "hours": []},
        "translations": {"de": {"title": "B"}},
    }
    assert changes.between(before, after) == [
        Change("limits/total", 5, 6),
        Change("window/from", None, "x"),
        Change("translations/de/title", None, "B"),
    ]
    assert changes.between(after, after) == []
