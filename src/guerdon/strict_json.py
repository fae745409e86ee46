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


def parse(raw: bytes, *, any_text: bool = False) -> Any:
    """The value of a JSON text, or ``MalformedRequest`` saying what is wrong with it.

    ``any_text``: texts may hold NUL and halves of surrogate pairs, and the caller cleans what it
    keeps of them.
    """
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
    if "\\u" in text and not any_text:
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
    """``value`` as ``shape``, strictly; ``InvalidRequest`` with a pointer to all that is wrong."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as trouble:
        raise InvalidRequest(
            "The request does not have the expected shape.",
            errors=_wrong_members(value, shape) or [_wrong("", trouble)],
        ) from trouble


def _wrong_members(value: object, shape: Any) -> list[dict[str, str]]:
    """What is wrong with each member of an object: msgspec itself stops at the first."""
    is_struct = isinstance(shape, type) and issubclass(shape, msgspec.Struct)
    if not isinstance(value, dict) or not is_struct:
        return []
    errors = []
    known = {field.encode_name: field for field in msgspec.structs.fields(shape)}
    for name, field in known.items():
        if name not in value:
            if field.required:
                errors.append({"pointer": f"/{name}", "detail": "is missing"})
            continue
        try:
            msgspec.convert(value[name], field.type)
        except msgspec.ValidationError as trouble:
            errors.append(_wrong(f"/{name}", trouble))
    if shape.__struct_config__.forbid_unknown_fields:
        unknown = [name for name in value if name not in known]
        errors += [{"pointer": _pointer(name), "detail": "is not known here"} for name in unknown]
    return errors


def _wrong(pointer: str, trouble: msgspec.ValidationError) -> dict[str, str]:
    message = str(trouble)
    found = _PATH.search(message)
    if found is not None:
        message = message[: found.start()]
        inside = found["path"].replace("[", ".").replace("]", "").strip(".")
        pointer += "".join(f"/{step}" for step in inside.split("."))
    return {"pointer": pointer, "detail": message}


def _pointer(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")
