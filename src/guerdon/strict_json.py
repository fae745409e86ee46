"""A strict reader for every body that comes in, from people and from providers.

Parsers differ on duplicate keys, NUL, lone surrogates, NaN and huge numbers, and whoever differs
from us can be made to disagree with us about money. All of these are refused here.
"""

import json
import re
from typing import Any, NoReturn, TypeVar

import msgspec

from guerdon.errors import InvalidRequest, MalformedRequest

T = TypeVar("T")

MAX_DEPTH = 32
_MAX_INTEGER = 2**63 - 1
# A string that never ends matches too, up to the end of the body: if it did not, every quote in it
# would be tried as a beginning, and the time would grow with the square of the length.
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*\\?(?:"|\Z)|[\[\]{}]', re.DOTALL)
_PATH = re.compile(r" - at `\$?(?P<path>[^`]*)`$")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise MalformedRequest("The JSON has the same key twice in one object.")
    return made


def _integer(digits: str) -> int:
    if len(digits) > 20 or abs(value := int(digits)) > _MAX_INTEGER:
        raise MalformedRequest("The JSON has a number that cannot be held exactly.")
    return value


def _real(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise MalformedRequest("The JSON has a number that cannot be held.")
    return value


def _constant(name: str) -> NoReturn:
    raise MalformedRequest(f"{name} is not JSON.")


_decoder = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_real,
    parse_constant=_constant,
)


def parse(raw: bytes) -> Any:
    """The value of a JSON text, or ``MalformedRequest`` saying what is wrong with it."""
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH:
        _refuse_depth(raw)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as trouble:
        raise MalformedRequest("The body is not UTF-8.") from trouble
    try:
        value = _decoder.decode(text)
    except (ValueError, RecursionError) as trouble:
        where = f" (character {trouble.pos})" if isinstance(trouble, json.JSONDecodeError) else ""
        raise MalformedRequest(f"The body is not JSON{where}.") from trouble
    # Only an escape can bring in what UTF-8 text cannot, or a NUL.
    if "\\u" in text:
        _refuse_odd_text(value)
    return value


def _refuse_depth(raw: bytes) -> None:
    depth = 0
    for found in _BRACKETS.finditer(raw):
        mark = found[0]
        if mark in (b"[", b"{"):
            depth += 1
            if depth > MAX_DEPTH:
                raise MalformedRequest(f"The JSON is nested deeper than {MAX_DEPTH}.")
        elif mark in (b"]", b"}"):
            depth -= 1


def _refuse_odd_text(value: Any) -> None:
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
            raise MalformedRequest("The JSON has a NUL or half a surrogate pair in a text.")
    elif isinstance(value, list):
        for item in value:
            _refuse_odd_text(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_odd_text(key)
            _refuse_odd_text(item)


def fit(value: object, shape: type[T]) -> T:
    """``value`` as ``shape``, strictly; ``InvalidRequest`` with a pointer to what does not fit."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as trouble:
        message = str(trouble)
        found = _PATH.search(message)
        pointer = ""
        if found is not None:
            message = message[: found.start()]
            pointer = "/" + found["path"].strip(".").replace("[", "/").replace("]", "").replace(
                ".", "/"
            )
        unknown = re.search(r"unknown field `([^`]*)`", message)
        if unknown is not None:
            pointer = f"{pointer.rstrip('/')}/{unknown[1]}"
        missing = re.search(r"missing required field `([^`]*)`", message)
        if missing is not None:
            pointer = f"{pointer.rstrip('/')}/{missing[1]}"
        raise InvalidRequest(
            "The request does not have the expected shape.",
            errors=[{"pointer": pointer, "detail": message}],
        ) from trouble
