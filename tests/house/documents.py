"""The documents, as tests read them."""

import re
from pathlib import Path

from tests.house.code import ROOT

DOCS = ROOT / "docs"
CLIENT = ROOT / "clients" / "python"
PAGES: list[Path] = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    CLIENT / "README.md",
    *sorted(DOCS.rglob("*.md")),
]


def page(name: str) -> str:
    """The text of a file of the project."""
    return (ROOT / name).read_text("utf-8")


def section(text: str, heading: str) -> str:
    """What stands below a heading, up to the next one of its level or above."""
    level = len(heading) - len(heading.lstrip("#"))
    found = re.search(
        rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{level}}} |\Z)", text, re.MULTILINE | re.DOTALL
    )
    assert found is not None, f"no heading {heading!r}"
    return found[1]


def table(text: str) -> list[list[str]]:
    """The cells of every row of the tables in a text, headings left out."""
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in row] for row in rows]
    rules = [n for n, row in enumerate(cells) if all(set(cell) <= {"-", " "} for cell in row)]
    return [row for n, row in enumerate(cells) if n not in rules and n + 1 not in rules]


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
