"""What browsers load of the console: its own modules are lean, and within their budget of bytes."""

import re
from importlib import resources

import brotli
import pytest

from guerdon.console.assets import served

LARGEST = 6_000
MODULES = ("console.js", "find.js")
OTHERS = ("htmx.min.js", "hx-sse.min.js")


def test_the_modules_are_light() -> None:
    sizes = {name: len(brotli.compress(served(name))) for name in MODULES}
    assert sum(sizes.values()) < LARGEST, sizes


@pytest.mark.parametrize("name", MODULES)
def test_what_is_left_out_is_for_people_alone(name: str) -> None:
    source = resources.files("guerdon.console").joinpath("static", name).read_text("utf-8")
    lines = [line.strip() for line in source.splitlines()]
    assert "`\n" not in re.sub(r"`[^`\n]*`", "", source), "a text over several lines would change"
    assert served(name).decode().splitlines() == [
        line for line in lines if not line.startswith("//")
    ]


@pytest.mark.parametrize("name", OTHERS)
def test_what_others_made_is_served_as_it_is(name: str) -> None:
    source = resources.files("guerdon.console").joinpath("static", name).read_bytes()
    assert served(name) == source
