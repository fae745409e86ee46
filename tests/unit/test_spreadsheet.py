"""CSV that a spreadsheet reads as what it is, and runs nothing of."""

import csv
import io

import pytest

from guerdon import spreadsheet


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_what_would_be_a_formula_is_text(first: str) -> None:
    (row,) = csv.reader(io.StringIO(spreadsheet.lines([[f"{first}1+1", "a=1"]]), newline=""))
    assert row == [f"'{first}1+1", "a=1"]


def test_lines_are_those_of_rfc_4180() -> None:
    rows = [["id", "title"], [7, 'He said "no",\nthen left'], [None, "ü 😀"]]
    assert spreadsheet.lines(rows) == 'id,title\r\n7,"He said ""no"",\nthen left"\r\n,ü 😀\r\n'
