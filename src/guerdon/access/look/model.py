"""How a programme's widget looks: colours for light and dark, sizes, a font. What a host's page
sets by itself (``--guerdon-…``) goes before all of it."""

from collections.abc import Mapping
from typing import Annotated

import msgspec

from guerdon.access.look import contrast
from guerdon.errors import InvalidRequest

Colour = Annotated[str, msgspec.Meta(pattern=r"^#[0-9a-f]{6}$")]
# Names of fonts without quotes, which CSS takes too: nothing here can end a declaration.
Font = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z][A-Za-z0-9 ,-]{0,199}$(?!\n)")]


class Colours(
    msgspec.Struct, rename="camel", forbid_unknown_fields=True, omit_defaults=True, frozen=True
):
    """The colours of one scheme; what is not set is as the widget comes."""

    accent: Colour | None = None
    on_accent: Colour | None = None
    bg: Colour | None = None
    surface: Colour | None = None
    text: Colour | None = None
    dim: Colour | None = None
    line: Colour | None = None


class Theme(msgspec.Struct, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """A whole theme. Sizes are in pixels."""

    light: Colours = Colours()
    dark: Colours = Colours()
    radius: Annotated[int, msgspec.Meta(ge=0, le=32)] | None = None
    space: Annotated[int, msgspec.Meta(ge=8, le=32)] | None = None
    font_size: Annotated[int, msgspec.Meta(ge=14, le=24)] | None = None
    card_min: Annotated[int, msgspec.Meta(ge=120, le=480)] | None = None
    font: Font | None = None

    def vet(self) -> None:
        """``InvalidRequest`` where people could not read it."""
        wrong = [
            {
                "pointer": f"/{scheme}/{pair.front}",
                "detail": f"{pair.what} has a contrast of {found:.1f}; {pair.least} is needed",
            }
            for scheme in contrast.SCHEMES
            for pair, found in self.contrasts(scheme)
            if found < pair.least
        ]
        if wrong:
            raise InvalidRequest("Some people could not read this.", errors=wrong)

    def colours(self, scheme: str) -> dict[str, str]:
        """Every colour of a scheme, set or as it comes."""
        given: Colours = getattr(self, scheme)
        chosen: dict[str, str] = msgspec.to_builtins(given)
        return {**contrast.SCHEMES[scheme], **chosen}

    def contrasts(self, scheme: str) -> list[tuple[contrast.Pair, float]]:
        """Each pair that meets, and how far apart it is."""
        colours = self.colours(scheme)
        return [
            (pair, contrast.ratio(colours[pair.front], colours[pair.back]))
            for pair in contrast.PAIRS
        ]


# What the widget's own style sheet calls them.
_PROPERTIES: Mapping[str, str] = {
    "accent": "a",
    "on_accent": "o",
    "bg": "b",
    "surface": "s",
    "text": "t",
    "dim": "d",
    "line": "l",
}


def style(theme: Theme) -> str:
    """The theme as a style sheet that stands behind the widget's own; "" where nothing is set.

    A host's property still goes first: each rule asks for it and falls back to the theme.
    """
    light, dark = theme.colours("light"), theme.colours("dark")
    rules = []
    for field in msgspec.structs.fields(Colours):
        if getattr(theme.light, field.name) or getattr(theme.dark, field.name):
            name = field.encode_name
            both = f"light-dark({light[name]},{dark[name]})"
            public = field.name.replace("_", "-")
            rules.append(f"--{_PROPERTIES[field.name]}:var(--guerdon-{public},{both})")
    for own, name, pixels in (("r", "radius", theme.radius), ("p", "space", theme.space)):
        if pixels is not None:
            rules.append(f"--{own}:var(--guerdon-{name},{pixels}px)")
    if theme.font_size is not None:
        rules.append(f"font-size:var(--guerdon-font-size,{theme.font_size}px)")
    if theme.font is not None:
        rules.append(f"font-family:var(--guerdon-font,{theme.font})")
    sheet = f".skin{{{';'.join(rules)}}}" if rules else ""
    if theme.card_min is not None:
        least = f"min(var(--guerdon-card-min,{theme.card_min}px),100%)"
        columns = f"repeat(auto-fill,minmax({least},1fr))"
        sheet += f"@container (min-width:27.01em){{.cards{{grid-template-columns:{columns}}}}}"
    return sheet
