"""Payloads as people read them: laid out without being parsed and printed again.

What is copied are the stored characters; what is shown is the same text with line ends and colours
between its tokens, so that long numbers, repeated keys and odd spellings survive. Emails and
addresses are masked until somebody asks to see them, which leaves a line in the audit trail.
"""

import re
from dataclasses import dataclass

import msgspec
from markupsafe import Markup, escape

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+|\s+|"')
_PERSONAL = re.compile(r'("(?:email|address)"\s*:\s*)"((?:[^"\\]|\\.)*)"')
LARGEST_SHOWN = 64 * 1024


@dataclass(frozen=True, slots=True)
class Payload:
    """One text: how it reads laid out, and the text itself for copying. ``cut``: only its head is
    shown; ``masked``: something personal was left out."""

    laid_out: Markup
    text: str
    size: int
    cut: bool
    masked: bool


def payload(text: str, *, revealed: bool) -> Payload:
    """A text made ready."""
    shown = text if revealed else mask(text)
    head = shown[:LARGEST_SHOWN]
    return Payload(
        laid_out=lay_out(head) if is_json(shown) and head == shown else escape(head),
        text=shown,
        size=len(text.encode("utf-8", "replace")),
        cut=head != shown,
        masked=shown != text,
    )


def mask(text: str) -> str:
    """The text without emails and addresses."""
    return _PERSONAL.sub(lambda found: f'{found[1]}"{_masked(found[2])}"', text)


def _masked(value: str) -> str:
    if not value:
        return ""
    name, at, domain = value.rpartition("@")
    return f"{name[:1]}•••@{domain}" if at and name else f"{value[:1]}•••"


def is_json(text: str) -> bool:
    """Whether it can be laid out: JSON, in nesting that people can follow."""
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return False
    return True


def lay_out(text: str) -> Markup:
    """JSON with line ends and colours; every character but white space as it was."""
    found = [piece for piece in _TOKEN.findall(text) if not piece.isspace()]
    laid: list[str | Markup] = []
    depth = 0
    for number, piece in enumerate(found):
        following = found[number + 1] if number + 1 < len(found) else ""
        if piece in "{[" and following not in ("}", "]"):
            depth += 1
            laid.append(piece + "\n" + "  " * depth)
        elif piece in "}]" and number and found[number - 1] not in ("{", "["):
            depth -= 1
            laid.append("\n" + "  " * depth + piece)
        elif piece == ",":
            laid.append(",\n" + "  " * depth)
        elif piece == ":":
            laid.append(": ")
        elif piece.startswith('"') and following == ":":
            laid.append(Markup('<b class="k">{}</b>').format(piece))
        else:
            laid.append(piece)
    return Markup("").join(laid)
