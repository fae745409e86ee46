"""The strict reader: agrees with ``json`` on what is JSON, refuses what parsers disagree about."""

import json
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import strict_json
from guerdon.errors import InvalidRequest, MalformedRequest

LARGEST = 2**63 - 1

clean_text = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-LARGEST, LARGEST)
    | st.floats(allow_nan=False, allow_infinity=False)
    | clean_text,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(clean_text, inner, max_size=5),
    max_leaves=20,
)


@given(values, st.booleans(), st.sampled_from([None, 1]))
def test_it_reads_what_json_writes(value: object, ascii_only: bool, indent: int | None) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    read = strict_json.parse(raw)
    assert read == value
    assert json.dumps(read) == json.dumps(value)


@given(
    st.binary(max_size=300)
    | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_anything_else_is_malformed_and_never_another_error(raw: bytes) -> None:
    try:
        read = strict_json.parse(raw)
    except MalformedRequest:
        return
    assert read == json.loads(raw)


json_like = st.text(st.sampled_from('{}[]",:\\u0d8e1-. \ntrfalsn'), max_size=60)


@given(json_like)
def test_what_looks_like_json_is_read_as_json_reads_it(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(MalformedRequest):
            strict_json.parse(text.encode())
        return
    try:
        assert strict_json.parse(text.encode()) == expected
    except MalformedRequest:
        # Valid, and refused for a reason of ours.
        assert refused_on_purpose(text)


def refused_on_purpose(text: str) -> bool:
    pairs: list[list[tuple[str, Any]]] = []
    integers: list[int] = []

    def note(found: list[tuple[str, Any]]) -> dict[str, Any]:
        pairs.append(found)
        return dict(found)

    def count(digits: str) -> int:
        integers.append(int(digits))
        return integers[-1]

    value = json.loads(text, object_pairs_hook=note, parse_int=count)
    written = json.dumps(value, ensure_ascii=False)
    doubled = any(len(dict(found)) < len(found) for found in pairs)
    odd = "\\u0000" in written or any("\ud800" <= c <= "\udfff" for c in text + written)
    huge = "Infinity" in written or any(abs(number) > LARGEST for number in integers)
    return doubled or odd or huge or "NaN" in written


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"nul",
        b"{",
        b"{} {}",
        b"{},",
        b"[1,]",
        b'{"a": 1,}',
        b"{'a': 1}",
        b"{a: 1}",
        b'"a\nb"',
        b'"a\x00b"',
        b"// note\n{}",
        b"01",
        b"+1",
        b".5",
        b"1.",
        b"0x10",
        b"NaN",
        b"[Infinity]",
        b'{"a": -Infinity}',
        b"1e999",
        b"-1e999",
        b'{"a": 1, "a": 1}',
        b'{"a": 1, "\\u0061": 2}',
        b'[{"x": {"a": 1, "b": 2, "a": 3}}]',
        b'"\\u0000"',
        b'{"\\u0000": 1}',
        b'[["\\u0000"]]',
        b'"\\ud800"',
        b'"\\udfff"',
        b'"\\ude00\\ud83d"',
        b'{"a": {"\\ud83d": 1}}',
        b'"\xed\xa0\x80"',
        b'"\xff"',
        b'"\xc0\x80"',
        b"\xef\xbb\xbf{}",
        '{"a": 1}'.encode("utf-16"),
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b"9" * 5000,
        b"-" + b"9" * 5000,
        b"[" + b"9" * 5000 + b"]",
        str(2**63).encode(),
        str(-(2**63)).encode(),
        str(10**20).encode(),
    ],
)
def test_refused(raw: bytes) -> None:
    with pytest.raises(MalformedRequest):
        strict_json.parse(raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"null", None),
        (b" [true , false]\r\n\t", [True, False]),
        (str(LARGEST).encode(), LARGEST),
        (str(-LARGEST).encode(), -LARGEST),
        (b"-0", 0),
        (b"1E2", 100.0),
        (b'"\\ud83d\\ude00"', "😀"),
        ('"😀"'.encode(), "😀"),
        (b'"\\u00e9\\/\\b"', "é/\b"),
        (b'{"a": {"a": 1}, "A": 2}', {"a": {"a": 1}, "A": 2}),
        (b'{"": 0}', {"": 0}),
    ],
)
def test_read(raw: bytes, expected: object) -> None:
    assert strict_json.parse(raw) == expected


def test_thirty_two_deep_and_no_deeper() -> None:
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        strict_json.parse(opening * 32 + b"1" + closing * 32)
        with pytest.raises(MalformedRequest, match="deeper"):
            strict_json.parse(opening * 33 + b"1" + closing * 33)


def test_brackets_in_texts_are_no_depth_and_siblings_do_not_add_up() -> None:
    body = {"a": "[" * 500, 'b"\\[': ['\\"[[[', "}" * 99], "c": [[]] * 200, "\\": "[{" * 40}
    assert strict_json.parse(json.dumps(body).encode()) == body


def test_texts_that_never_end_are_read_once() -> None:
    # Each quote could begin a text. Looked at anew from each, this would take minutes.
    raw = b"[" + b"{}," * 40 + b'"' + b'\\"' * 500_000
    for end in (b"", b"\\"):
        with pytest.raises(MalformedRequest):
            strict_json.parse(raw + end)


class Inner(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    some_count: Annotated[int, msgspec.Meta(ge=1)]


class Shape(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    name: str
    inner: list[Inner] = []


def test_fitting() -> None:
    shaped = strict_json.fit({"name": "a", "inner": [{"someCount": 2}]}, Shape)
    assert shaped == Shape("a", [Inner(2)])


@pytest.mark.parametrize(
    ("value", "pointers"),
    [
        ({}, ["/name"]),
        ({"name": None}, ["/name"]),
        ({"name": 1}, ["/name"]),
        ({"name": "a", "status": "success"}, ["/status"]),
        ({"name": "a", "inner": [{"someCount": 1}, {"someCount": 0}]}, ["/inner/1/someCount"]),
        ({"name": "a", "inner": [{"someCount": "1"}]}, ["/inner/0/someCount"]),
        ({"name": "a", "inner": {}}, ["/inner"]),
        ([], [""]),
        (None, [""]),
        ("text", [""]),
    ],
)
def test_what_does_not_fit_is_pointed_at(value: object, pointers: list[str]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        strict_json.fit(value, Shape)
    errors = refused.value.facts["errors"]
    assert isinstance(errors, list)
    assert [error["pointer"] for error in errors] == pointers
    assert all(error["detail"] for error in errors)
