"""CSV (RFC 4180) that people open in a spreadsheet: no cell of it is run as a formula."""

import csv
import io
from collections.abc import Iterable, Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
Cell = str | int | None


def lines(rows: Iterable[Sequence[Cell]]) -> str:
    """Rows as lines of a file."""
    text = io.StringIO()
    csv.writer(text).writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def _harmless(cell: Cell) -> str:
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text
