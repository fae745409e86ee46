"""A strict reader of YAML that people write, and a writer whose text stays the same.

YAML guesses what a word is, and its tools guess differently: ``no`` is a country or false,
``0.0125`` a number or what a binary float makes of it, ``17:00`` a text or 1020. Here a plain word
is ``null``, ``true``, ``false``, a whole number, a decimal (kept as it is spelt) or a text; what
other readers would take for something else is refused, with its place, until it is in quotes. Tags,
anchors, aliases, merge keys, double keys and a second document are refused too.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import yaml

from guerdon.errors import InvalidRequest

MAX_DEPTH = 32

# Plain words by YAML 1.2, written as JSON writes them.
_WORDS: dict[str, bool | None] = {"": None, "null": None, "~": None, "true": True, "false": False}
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,18})", re.ASCII)
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,18})\.[0-9]{1,20}(e[-+][0-9]{1,3})?", re.ASCII)
# What YAML 1.1 or 1.2 would read as a truth, a nothing or a number, and we do not.
_DOUBTFUL = re.compile(
    r"(?i:y|yes|n|no|on|off|true|false|null|[-+]?\.(inf|nan))"
    r"|[-+]?(0[xX][0-9a-fA-F_]+|0[oObB][0-7_]+|[0-9][0-9_]*([eE][-+]?[0-9]+)?)"
    r"|[-+]?(\.[0-9]|[0-9][0-9_]*\.)[0-9_]*([eE][-+]?[0-9]+)?"
    r"|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?|=|<<",
    re.ASCII,
)


class Spelt(str):
    """A number with a fraction, as it was spelt."""

    __slots__ = ()


@dataclass(slots=True)
class Document:
    """What a text says, and where it says it: ``places`` are (line, column) by JSON pointer."""

    value: Any
    places: dict[str, tuple[int, int]] = field(default_factory=dict)

    def place(self, pointer: str) -> tuple[int, int]:
        """Where something is, or else what holds it."""
        while pointer and pointer not in self.places:
            pointer = pointer.rpartition("/")[0]
        return self.places.get(pointer, (1, 1))


def parse(text: str) -> Document:
    """What a YAML text says, or ``InvalidRequest`` with the place of what is wrong."""
    document = Document(None)
    try:
        _Reader(document, yaml.parse(text, Loader=yaml.SafeLoader)).read()
    except yaml.MarkedYAMLError as trouble:
        mark = trouble.problem_mark or trouble.context_mark
        said = " ".join(part for part in (trouble.context, trouble.problem) if part)
        line, column = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
        raise _wrong(line, column, f"is not YAML: {said}") from trouble
    except yaml.YAMLError as trouble:  # characters that YAML does not have
        raise _wrong(1, 1, f"is not YAML: {str(trouble).splitlines()[0]}") from trouble
    return document


def _wrong(line: int, column: int, detail: str) -> InvalidRequest:
    return InvalidRequest("This YAML cannot be read.", line=line, column=column, said=detail)


def _at(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    assert mark is not None, "the scanner marks everything"
    return mark.line + 1, mark.column + 1


class _Reader:
    """Makes values of events. A document is small and shallow, so it goes down by calls."""

    def __init__(self, document: Document, events: Iterator[yaml.Event]) -> None:
        self._document = document
        self._events = events

    def read(self) -> None:
        next(self._events)  # the stream's start
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            return
        self._document.value = self._value(next(self._events), "", 0)
        next(self._events)  # the document's end
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise _wrong(*_at(event), "begins a second document: a file holds one")

    def _value(self, event: yaml.Event, pointer: str, depth: int) -> Any:
        self._document.places[pointer] = _at(event)
        if depth > MAX_DEPTH:
            raise _wrong(*_at(event), "is nested too deep")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _wrong(*_at(event), "is an anchor or an alias: write it out")
        if getattr(event, "tag", None) is not None:
            raise _wrong(*_at(event), "has a tag: values say themselves what they are")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(pointer, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(pointer, depth)
        assert isinstance(event, yaml.ScalarEvent), event
        return event.value if event.style is not None else self._plain(event)

    def _mapping(self, pointer: str, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        while not isinstance(key := next(self._events), yaml.MappingEndEvent):
            name = self._name(key)
            if name in made:
                raise _wrong(*_at(key), f"{name!r} is there twice")
            value = next(self._events)
            escaped = name.replace("~", "~0").replace("/", "~1")
            made[name] = self._value(value, f"{pointer}/{escaped}", depth + 1)
        return made

    @staticmethod
    def _name(key: yaml.Event) -> str:
        """A key is a text however it is spelt: ``no`` is Norwegian."""
        if not isinstance(key, yaml.ScalarEvent) or key.tag is not None or key.anchor is not None:
            raise _wrong(*_at(key), "must be a name: a text without tag or anchor")
        if key.style is None and key.value == "<<":
            raise _wrong(*_at(key), "is a merge key: write it out")
        return str(key.value)

    def _sequence(self, pointer: str, depth: int) -> list[Any]:
        made: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            made.append(self._value(event, f"{pointer}/{len(made)}", depth + 1))
        return made

    @staticmethod
    def _plain(event: yaml.ScalarEvent) -> Any:
        text = event.value
        if text in _WORDS:
            return _WORDS[text]
        if _WHOLE.fullmatch(text):
            return int(text)
        if _DECIMAL.fullmatch(text) and isfinite(float(text)):
            return Spelt(text)
        if _DOUBTFUL.fullmatch(text):
            raise _wrong(
                *_at(event),
                f"{text} is read differently by different tools: put it in quotes if it is a text, "
                "or write true, false, null or a plain number",
            )
        return text


# Writing ------------------------------------------------------------------------------------------


class Inline(dict[str, Any]):
    """A mapping that is written on one line."""


class _Writer(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - what is the same is written out
        return True


def _inline(writer: _Writer, value: Inline) -> yaml.Node:
    return writer.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style=True)


def _text(writer: _Writer, value: str) -> yaml.Node:
    guessed = value in _WORDS or _DOUBTFUL.fullmatch(value)  # numbers are among the doubtful
    style = "|" if "\n" in value else "'" if guessed else None
    return writer.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _list(writer: _Writer, value: Sequence[Any]) -> yaml.Node:
    plain = all(not isinstance(one, Mapping | list) for one in value)
    return writer.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=plain)


_Writer.add_representer(Inline, _inline)
_Writer.add_representer(str, _text)
_Writer.add_representer(list, _list)


def write(value: Any) -> str:
    """YAML for people, the keys in their order; what other readers would guess at is in quotes."""
    text: str = yaml.dump(
        value,
        Dumper=_Writer,
        sort_keys=False,
        allow_unicode=True,
        width=100,
        default_flow_style=False,
    )
    return text
