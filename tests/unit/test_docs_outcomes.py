"""The pages that are printed from code say what the code does."""

from collections.abc import Callable
from pathlib import Path

import pytest

from guerdon.providers import outcome_table
from guerdon.transactions import state_table

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("page", "module", "printed"),
    [
        ("outcomes.md", "guerdon.providers.outcome_table", outcome_table.markdown),
        ("states.md", "guerdon.transactions.state_table", state_table.markdown),
    ],
)
def test_the_page_holds_what_the_code_prints(
    page: str, module: str, printed: Callable[[], str]
) -> None:
    marker = f"<!-- printed by python -m {module} -->\n"
    written, found, below = (DOCS / page).read_text("utf-8").partition(marker)
    assert found, f"docs/{page} has lost its marker"
    assert below == printed(), f"docs/{page} is out of date: print it anew, as the page says"
    assert f"python -m {module} >> docs/{page}" in written


def test_the_printed_table_names_every_rule_that_can_be_met() -> None:
    rules = outcome_table.markdown().partition("## Rules")[2]
    for rule in ("body-success", "code-200", "misspelt-status", "other-transaction", "cut"):
        assert f"| `{rule}` |" in rules


def test_rows_are_as_long_as_their_heads() -> None:
    for text in (outcome_table.markdown(), state_table.markdown()):
        width = 0
        for line in text.splitlines():
            if not line.startswith("|"):
                width = 0
                continue
            width = width or line.count("|")
            assert line.count("|") == width, line
