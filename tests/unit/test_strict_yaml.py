"""YAML read strictly: what is plain, what is refused and where; what is written reads the same."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guerdon import strict_yaml
from guerdon.errors import InvalidRequest
from guerdon.strict_yaml import Spelt


def value(text: str) -> Any:
    return strict_yaml.parse(f"a: {text}").value["a"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("null", None),
        ("~", None),
        ("", None),
        ("true", True),
        ("false", False),
        ("0", 0),
        ("-12", -12),
        ("9007199254740993", 9007199254740993),
        ("'no'", "no"),
        ('"017"', "017"),
        ("Coffee on us", "Coffee on us"),
        ("2026-01-05T10:00:00Z", "2026-01-05T10:00:00Z"),
        ("5c787af5-d28e-4567-809c-b030877d9355", "5c787af5-d28e-4567-809c-b030877d9355"),
        ("09:00-17:00", "09:00-17:00"),
        ("5%", "5%"),
        ("1.2.3", "1.2.3"),
        ("cafe1", "cafe1"),
        ("|\n  two\n  lines\n", "two\nlines\n"),
    ],
)
def test_what_a_value_says(text: str, expected: object) -> None:
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "text", ["0.0125", "0.10", "-1.50", "1.0e+16", "12345678901234567.12345678901234567"]
)
def test_a_number_with_a_fraction_is_kept_as_it_is_spelt(text: str) -> None:
    found = value(text)
    assert isinstance(found, Spelt)
    assert found == text


@pytest.mark.parametrize(
    "text",
    [
        *("no", "No", "NO", "yes", "Y", "n", "on", "Off", "True", "FALSE", "Null"),
        *("017", "0x1F", "0o17", "0b1", "1_000", "+1", "1e3", "1.5e3", ".5", "1.", "1_0.5"),
        *(".inf", "-.INF", ".nan", "1.0e+999", "17:00", "1:30:00", "12345678901234567890", "="),
    ],
)
def test_what_tools_read_differently_is_refused_where_it_stands(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        strict_yaml.parse(f"b: 1\na:\n  - {text}\n")
    assert (refused.value.facts["line"], refused.value.facts["column"]) == (3, 5)
    assert "in quotes" in str(refused.value.facts["said"])
    assert value(f"'{text}'") == text


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, 1),
        ("a: 1\n'a': 2\n", 2, 1),
        ("a: &x [1]\n", 1, 4),
        ("a: [1]\nb: *x\n", 2, 4),
        ("a: !!python/object:os.system x\n", 1, 4),
        ("a: !!str 5\n", 1, 4),
        ("a: ! 5\n", 1, 4),
        ("? [a]\n: 1\n", 1, 3),
        ("<<: {a: 1}\n", 1, 1),
        ("a: 1\n---\nb: 2\n", 2, 1),
        ("a: [1\n", 2, 1),
        ("a: b: c\n", 1, 5),
        ("\ta: 1\n", 1, 1),
        ("a: \x00\n", 1, 1),
        ("a: " + "[" * 40 + "]" * 40, 1, 36),
    ],
)
def test_what_is_refused_and_where(text: str, line: int, column: int) -> None:
    with pytest.raises(InvalidRequest) as refused:
        strict_yaml.parse(text)
    facts = refused.value.facts
    assert (facts["line"], facts["column"], bool(facts["said"])) == (line, column, True)


def test_a_name_is_a_text_however_it_is_spelt() -> None:
    found = strict_yaml.parse("no: {title: Gratis}\n1: x\ntrue: z\n")
    assert found.value == {"no": {"title": "Gratis"}, "1": "x", "true": "z"}


def test_places_are_told_by_pointer() -> None:
    document = strict_yaml.parse("a:\n  - b/c: 1\n    d: [2, 3]\n")
    assert document.place("/a/0/b~1c") == (2, 10)
    assert document.place("/a/0/d/1") == (3, 12)
    assert document.place("/a/0/missing/deep") == (2, 5)
    assert document.place("/elsewhere") == (1, 1)


def test_nothing_is_nothing() -> None:
    assert strict_yaml.parse("").value is None
    assert strict_yaml.parse("# only a comment\n").value is None


texts = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t"), max_size=40
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), texts)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=60)
@given(st.dictionaries(texts, trees, max_size=4))
def test_what_is_written_is_read_the_same(tree: dict[str, Any]) -> None:
    text = strict_yaml.write(tree)
    assert strict_yaml.parse(text).value == tree
    assert strict_yaml.write(strict_yaml.parse(text).value) == text
