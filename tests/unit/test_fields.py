"""Reading JSON objects field by field: all that is wrong, each under its pointer."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon.errors import InvalidRequest
from guerdon.fields import Fields, merge_patch, unwritable


def wrong(fields: Fields) -> list[dict[str, str]]:
    """What ``done`` refuses with; nothing where it does not refuse."""
    try:
        fields.done("It does not fit.")
    except InvalidRequest as refusal:
        errors = refusal.facts["errors"]
        assert isinstance(errors, list)
        return errors
    return []


def pointers(fields: Fields) -> list[str]:
    return [error["pointer"] for error in wrong(fields)]


def test_what_fits_is_read() -> None:
    number = UUID("7f3c1f6e-0d5c-4d0e-9a55-2f8f0d3f8a11")
    fields = Fields(
        {
            "text": "zoë",
            "lines": "a\nb\tc",
            "integer": -3,
            "flag": True,
            "choice": "b",
            "uuid": str(number).upper(),
            "raw": [1, {"a": None}],
            "nested": {"inner": 1},
            "list": [{"n": 1}, {"n": 2}],
        }
    )
    assert fields.text("text", longest=3, shortest=3) == "zoë"
    assert fields.text("lines", longest=10, lines=True) == "a\nb\tc"
    assert fields.integer("integer", lowest=-3, highest=-3) == -3
    assert fields.flag("flag", default=False) is True
    assert fields.choice("choice", ["a", "b"]) == "b"
    assert fields.uuid("uuid") == number
    assert fields.raw("raw") == [1, {"a": None}]
    nested = fields.nested("nested")
    assert nested is not None
    assert nested.integer("inner", lowest=0, highest=9) == 1
    rows = fields.objects("list", most=2)
    assert [row.integer("n", lowest=0, highest=9) for row in rows] == [1, 2]
    assert wrong(fields) == []


def test_defaults_stand_in_for_what_is_missing_or_null() -> None:
    for value in ({}, dict.fromkeys(["t", "i", "f", "c", "u", "n", "l"])):
        fields = Fields(value)
        assert fields.text("t", longest=1, default=None) is None
        assert fields.integer("i", lowest=0, highest=1, default=7) == 7
        assert fields.flag("f", default=True) is True
        assert fields.choice("c", ["a", "b"], default="b") == "b"
        assert fields.uuid("u", default=None) is None
        assert fields.nested("n") is None
        assert fields.objects("l", most=3) == []
        assert wrong(fields) == []


def test_missing_and_null_are_told_apart() -> None:
    fields = Fields({"b": None})
    fields.text("a", longest=1)
    fields.text("b", longest=1)
    assert wrong(fields) == [
        {"pointer": "/a", "detail": "is missing"},
        {"pointer": "/b", "detail": "may not be null"},
    ]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    fields = Fields({"a": 1, "b": "x", "extra": 0, "c": {"d": "no", "more": 1}})
    fields.text("a", longest=5)
    fields.integer("b", lowest=0, highest=1)
    nested = fields.nested("c")
    assert nested is not None
    nested.flag("d", default=False)
    assert pointers(fields) == ["/a", "/b", "/c/d", "/extra", "/c/more"]


@pytest.mark.parametrize("value", [1, True, [], {}, 1.5])
def test_only_strings_are_texts(value: object) -> None:
    fields = Fields({"a": value})
    assert fields.text("a", longest=100) == ""
    assert pointers(fields) == ["/a"]


@pytest.mark.parametrize(
    ("text", "lines", "fits"),
    [
        ("", False, True),
        ("abc", False, True),
        ("abcd", False, False),
        ("😀😀😀", False, True),
        ("a\nb", False, False),
        ("a\nb", True, True),
        ("a\tb", False, False),
        ("a\x00b", True, False),
        ("a\x1fb", True, False),
        ("a\x7fb", True, False),
        ("a\x85b", True, False),
        ("\ud800", True, False),
        ("a\r\n", True, True),
        ("\u2028", False, True),
    ],
)
def test_texts_are_short_and_can_be_stored(text: str, lines: bool, fits: bool) -> None:
    fields = Fields({"a": text})
    read = fields.text("a", longest=3, lines=lines)
    assert (wrong(fields) == []) is fits
    assert read == (text if fits else "")


def test_an_empty_text_where_one_is_needed() -> None:
    fields = Fields({"a": ""})
    fields.text("a", longest=5, shortest=1)
    assert pointers(fields) == ["/a"]


@pytest.mark.parametrize("value", [True, False, 1.0, "1", None, [1], 4, -1, 2**70])
def test_only_whole_numbers_within_bounds_are_integers(value: object) -> None:
    fields = Fields({"a": value})
    assert fields.integer("a", lowest=0, highest=3) == 0
    assert pointers(fields) == ["/a"]


@pytest.mark.parametrize("value", [0, 1, "true", "", []])
def test_only_true_and_false_are_flags(value: object) -> None:
    fields = Fields({"a": value})
    assert fields.flag("a", default=True) is True
    assert pointers(fields) == ["/a"]


@pytest.mark.parametrize("value", ["c", "A", "", 1, ["a"], {"a": 1}])
def test_only_its_words_are_a_choice(value: object) -> None:
    fields = Fields({"a": value})
    fields.choice("a", ["a", "b"])
    assert wrong(fields) == [{"pointer": "/a", "detail": "must be one of a, b"}]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "7f3c1f6e",
        "7f3c1f6e0d5c4d0e9a552f8f0d3f8a11",
        "{7f3c1f6e-0d5c-4d0e-9a55-2f8f0d3f8a11}",
        "urn:uuid:7f3c1f6e-0d5c-4d0e-9a55-2f8f0d3f8a11",
        " 7f3c1f6e-0d5c-4d0e-9a55-2f8f0d3f8a11",
        "7f3c1f6e-0d5c-4d0e-9a55-2f8f0d3f8a1g",
        7,
        [],
    ],
)
def test_only_the_usual_spelling_is_a_uuid(value: object) -> None:
    fields = Fields({"a": value})
    fields.uuid("a")
    assert wrong(fields) == [{"pointer": "/a", "detail": "must be a UUID"}]


@pytest.mark.parametrize("value", [1, "a", [], None, True])
def test_what_is_no_object_has_no_fields(value: object) -> None:
    fields = Fields(value)
    fields.text("a", longest=1, default="")
    assert wrong(fields) == [{"pointer": "", "detail": "must be an object"}]


def test_lists_are_lists_and_not_too_long() -> None:
    fields = Fields({"a": {}, "b": [1, 2, 3], "c": [1, {}]})
    assert fields.rows("a", most=3) == []
    assert fields.rows("b", most=2) == []
    assert fields.objects("c", most=2)
    assert pointers(fields) == ["/a", "/b", "/c/0"]


def test_rows_name_where_they_stand() -> None:
    fields = Fields({"a": [[{"x": 1}]]})
    ((pointer, row),) = fields.rows("a", most=1)
    assert (pointer, row) == ("/a/0", [{"x": 1}])
    inner = fields.row(f"{pointer}/0", row[0])  # type: ignore[index]
    inner.text("x", longest=1)
    assert pointers(fields) == ["/a/0/0/x"]


def test_pointers_are_escaped() -> None:
    fields = Fields({"a/b": 1, "~": 1})
    assert pointers(fields) == ["/a~1b", "/~0"]


def test_forbidden_fields_may_be_null() -> None:
    fields = Fields({"a": 1, "b": None})
    fields.forbid(["a", "b", "c"], "not for this type")
    assert wrong(fields) == [{"pointer": "/a", "detail": "not for this type"}]


def test_a_field_that_was_asked_for_is_known() -> None:
    fields = Fields({"a": None, "b": 2})
    assert fields.has("a")
    assert not fields.has("c")
    assert fields.raw("b") == 2
    assert wrong(fields) == []


# RFC 7396, appendix A, whole.
@pytest.mark.parametrize(
    ("target", "patch", "merged"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch(target: Any, patch: Any, merged: Any) -> None:
    before = repr(target)
    assert merge_patch(target, patch) == merged
    assert repr(target) == before


objects = st.dictionaries(
    st.text(max_size=3), st.integers() | st.dictionaries(st.text(), st.none())
)


@given(objects, objects)
def test_a_patch_applied_twice_is_applied_once(target: Any, patch: Any) -> None:
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once


@given(st.text())
def test_what_can_be_stored_is_utf_8_without_control_characters(text: str) -> None:
    if not unwritable(text, lines=True):
        text.encode("utf-8")
        assert "\x00" not in text
    if not unwritable(text):
        assert not unwritable(text, lines=True)
        assert all(ord(letter) >= 32 for letter in text)
