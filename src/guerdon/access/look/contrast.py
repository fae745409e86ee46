"""Whether people can read it: the contrast of two colours as WCAG counts it, and which pairs of the
widget's colours meet each other."""

from collections.abc import Mapping
from dataclasses import dataclass

READABLE, VISIBLE = 4.5, 3.0


@dataclass(frozen=True, slots=True)
class Pair:
    """Two colours that meet, and how far apart they must be. ``what`` is what they show."""

    front: str
    back: str
    least: float
    what: str


PAIRS = (
    Pair("text", "bg", READABLE, "Text on the background"),
    Pair("text", "surface", READABLE, "Text on the surface"),
    Pair("dim", "bg", READABLE, "Lesser text on the background"),
    Pair("dim", "surface", READABLE, "Lesser text on the surface"),
    Pair("onAccent", "accent", READABLE, "Text on the accent"),
    Pair("accent", "bg", VISIBLE, "The focus ring and the accent on the background"),
    Pair("done", "bg", READABLE, "“Done” on the background"),
    Pair("unsure", "bg", READABLE, "“Being checked” on the background"),
    Pair("wrong", "bg", READABLE, "What is wrong, on the background"),
)
# As the widget comes; `done`, `unsure` and `wrong` mean something and cannot be chosen.
LIGHT: Mapping[str, str] = {
    "accent": "#2f4bd8",
    "onAccent": "#ffffff",
    "bg": "#ffffff",
    "surface": "#f4f5fa",
    "text": "#191a1f",
    "dim": "#565864",
    "line": "#d9dbe3",
    "done": "#137a3b",
    "unsure": "#8a5a00",
    "wrong": "#b3261e",
}
DARK: Mapping[str, str] = {
    "accent": "#a9b8ff",
    "onAccent": "#11142a",
    "bg": "#17181c",
    "surface": "#1f2128",
    "text": "#f2f3f7",
    "dim": "#a7abb8",
    "line": "#353842",
    "done": "#6fd896",
    "unsure": "#f0bf5c",
    "wrong": "#ff9d94",
}
SCHEMES: Mapping[str, Mapping[str, str]] = {"light": LIGHT, "dark": DARK}


def ratio(one: str, other: str) -> float:
    """The contrast of two colours, 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
