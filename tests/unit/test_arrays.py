"""Array literals: PostgreSQL's driver reads from them what was put in, and writes the same."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import Format

from guerdon.db.arrays import literal

TYPES = {
    "bool": 1000,
    "bytea": 1001,
    "int8": 1016,
    "float8": 1022,
    "text": 1009,
    "timestamptz": 1185,
    "uuid": 2951,
}


def read(kind: str, text: str) -> Any:
    """A literal as psycopg reads it: the driver itself, without a server."""
    return Transformer().get_loader(TYPES[kind], Format.TEXT).load(text.encode())


def as_psycopg_writes(values: list[Any]) -> str:
    """The literal that psycopg itself makes."""
    dumper = Transformer().get_dumper(values, PyFormat.TEXT)
    return bytes(dumper.dump(values) or b"").decode()


class Colour(StrEnum):
    RED = 'dark "red"'


class Number(IntEnum):
    ONE = 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], "{}"),
        ([None], "{NULL}"),
        ([1, -2, 2**63 - 1, None], "{1,-2,9223372036854775807,NULL}"),
        ([True, False, None], "{t,f,NULL}"),
        ([1.5, 1e300, float("inf"), float("-inf")], "{1.5,1e+300,inf,-inf}"),
        (["a", ""], '{"a",""}'),
        (["NULL", "null", None], '{"NULL","null",NULL}'),
        (['say "hi"', "back\\slash", '\\"'], r'{"say \"hi\"","back\\slash","\\\""}'),
        (["a,b", "{c}", " d ", "e\nf"], '{"a,b","{c}"," d ","e\nf"}'),
        (["'g'", "zoë 😀"], """{"'g'","zoë 😀"}"""),
        ([b"", b"\x00\xff\\"], r'{"\\x","\\x00ff5c"}'),
        ([UUID(int=255)], "{000000000000000000000000000000ff}"),
        ([Colour.RED], r'{"dark \"red\""}'),
        (
            [datetime(2026, 11, 22, 9, 30, 0, 125_001, tzinfo=UTC)],
            '{"2026-11-22T09:30:00.125001+00:00"}',
        ),
    ],
)
def test_known_literals(values: list[Any], expected: str) -> None:
    assert literal(values) == expected


texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))
odd_texts = st.text("\\\"{},NULnul \t\n'x", max_size=12)


@given(st.lists(st.none() | texts | odd_texts))
def test_texts(values: list[str | None]) -> None:
    assert read("text", literal(values)) == values
    assert read("text", as_psycopg_writes(values)) == values


@given(st.lists(st.none() | st.binary(max_size=40)))
def test_bytes(values: list[bytes | None]) -> None:
    assert read("bytea", literal(values)) == values


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)))
def test_whole_numbers(values: list[int | None]) -> None:
    assert read("int8", literal(values)) == values


@given(st.lists(st.none() | st.floats(allow_nan=False)))
def test_reals(values: list[float | None]) -> None:
    assert read("float8", literal(values)) == values


@given(st.lists(st.none() | st.booleans()))
def test_flags(values: list[bool | None]) -> None:
    assert read("bool", literal(values)) == values


@given(st.lists(st.none() | st.uuids()))
def test_uuids(values: list[UUID | None]) -> None:
    assert read("uuid", literal(values)) == values


zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
years = {"min_value": datetime(1970, 1, 2), "max_value": datetime(9998, 12, 31)}


@given(st.lists(st.none() | st.datetimes(**years, timezones=zones)))
def test_moments(values: list[datetime | None]) -> None:
    assert read("timestamptz", literal(values)) == values


@given(st.lists(odd_texts, min_size=1))
def test_no_text_gets_out_of_its_quotes(values: list[str]) -> None:
    """Read by hand: outside of quotes there are braces and commas, nothing else."""
    outside, quoted, escaped = [], False, False
    for letter in literal(values):
        if escaped:
            escaped = False
        elif quoted and letter == "\\":
            escaped = True
        elif letter == '"':
            quoted = not quoted
        elif not quoted:
            outside.append(letter)
    assert not quoted
    assert "".join(outside) == "{" + "," * (len(values) - 1) + "}"


@pytest.mark.parametrize("value", [[], [1], {}, (), Decimal(1), Number.ONE, object(), 1j])
def test_a_kind_it_does_not_know_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="no array spelling"):
        literal([value])
