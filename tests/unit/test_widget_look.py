"""A theme of the widget: readable or refused, and behind what a host's page sets."""

import re

import pytest
from tests.integration.api_parts import pointers

from guerdon.access.look import contrast
from guerdon.access.look.model import Colours, Theme, style
from guerdon.errors import InvalidRequest
from guerdon.web import words
from guerdon.widget import files


def test_contrast_is_what_wcag_counts() -> None:
    assert contrast.ratio("#000000", "#ffffff") == pytest.approx(21)
    assert contrast.ratio("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast.ratio("#ffffff", "#777777") == contrast.ratio("#777777", "#ffffff")


def test_the_widget_as_it_comes_is_readable_and_has_these_colours() -> None:
    Theme().vet()
    assert style(Theme()) == ""
    module = files.module()
    short = {"#ffffff": "#fff"}
    for name in ("accent", "on-accent", "bg", "surface", "text", "dim", "line"):
        key = "onAccent" if name == "on-accent" else name
        light, dark = (short.get(one[key], one[key]) for one in contrast.SCHEMES.values())
        assert f"var(--guerdon-{name},light-dark({light},{dark}))" in module.replace(", ", ",")
    for name in ("done", "unsure", "wrong"):
        light, dark = contrast.LIGHT[name], contrast.DARK[name]
        assert f"light-dark({light},{dark})" in module.replace(", ", ",")


@pytest.mark.parametrize(
    ("theme", "wrong"),
    [
        (Theme(light=Colours(text="#999999")), {"/light/text"}),
        (Theme(dark=Colours(bg="#a0a0a0")), {"/dark/text", "/dark/dim", "/dark/accent"}),
        (Theme(light=Colours(accent="#ffd54a")), {"/light/onAccent", "/light/accent"}),
        (Theme(light=Colours(accent="#ffd54a", on_accent="#000000")), {"/light/accent"}),
    ],
)
def test_what_some_people_could_not_read_is_refused(theme: Theme, wrong: set[str]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        theme.vet()
    assert wrong <= pointers(refused.value.facts)


def test_a_theme_stands_behind_the_hosts_own() -> None:
    theme = Theme(
        light=Colours(accent="#005500"),
        dark=Colours(on_accent="#000000"),
        radius=4,
        space=20,
        font_size=18,
        card_min=200,
        font="Georgia, serif",
    )
    theme.vet()
    sheet = style(theme)
    assert "--a:var(--guerdon-accent,light-dark(#005500,#a9b8ff))" in sheet
    assert "--o:var(--guerdon-on-accent,light-dark(#ffffff,#000000))" in sheet
    module = files.module()
    for rule in re.findall(r"--\w:var\(--guerdon-[a-z-]+", sheet):
        assert rule in module, "the widget's own sheet knows it by that name"
    for public in re.findall(r"--guerdon-[a-z-]+", sheet):
        assert public in module


@pytest.mark.parametrize(
    ("text", "ours", "says"),
    [
        ("{n} points", {"one": "{n} token", "other": "{n} tokens"}, None),
        ("Points", "{n} tokens", None),
        ("{m} points", "{n} tokens", "may hold {n} in braces"),
        ("Hello {name}", "Hello", "may hold nothing in braces"),
        ("a\nb", "Hello", "one line"),
        ("x" * 301, "Hello", "at most 300"),
    ],
)
def test_texts_hold_what_ours_hold(text: str, ours: words.Text, says: str | None) -> None:
    found = words.wrong(text, ours)
    assert (found is None) if says is None else (says in str(found))


def test_what_became_of_a_redemption_is_said_in_our_words() -> None:
    for language in words.LANGUAGES:
        choosable = words.choosable(language)
        assert not [name for name in choosable if name.startswith(("h.", "r.", "t.", "lost"))]
        assert {"rewards", "redeem", "available", "notGot"} <= choosable.keys()
    assert words.known("pt-BR") == "pt"
    assert words.known("nl") == words.known(None) == "en"
