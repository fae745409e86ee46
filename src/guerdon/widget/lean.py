"""Makes scripts and styles lean: what only people need is left out of what browsers load.

Names stay, but for private ones (``#so``), which nobody else can mean. It is no parser: in our own
scripts every statement ends in a semicolon, and a division has spaces around it, a regular
expression has none after its slash.
"""

import re

_TOKEN = re.compile(
    r"""
      (?P<comment> //[^\n]* | /\*.*?\*/ )
    | (?P<text> "(?:\\.|[^"\\\n])*" | `(?:\\.|[^`\\])*` )
    | (?P<expression> /(?=[^\s/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+/[a-z]* )
    | (?P<private> \#\w+ )
    | (?P<space> \s+ )
    | (?P<code> \w+ | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_WORD = re.compile(r"[\w$#]")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def script(source: str) -> str:
    """A script without comments, needless space and long private names."""
    short: dict[str, str] = {}

    def named(name: str) -> str:
        if name not in short:
            number = len(short)
            short[name] = "#" + _LETTERS[number % 26] + (str(number // 26) if number > 25 else "")
        return short[name]

    lean, gap = "", False
    for token in _TOKEN.finditer(source):
        text = token[0]
        if token["comment"] is not None or token["space"] is not None:
            gap = True
            continue
        if token["private"] is not None:
            text = named(text)
        elif text.startswith("`"):
            text = re.sub(r"(?<=this\.)#\w+", lambda found: named(found[0]), text)
        # A space is needed between words, and between signs that would become another.
        if gap and lean and (_both(_WORD, lean[-1], text[0]) or (lean[-1] == text[0] in "+-")):
            lean += " "
        lean, gap = lean + text, False
    return lean


def _both(kind: re.Pattern[str], one: str, other: str) -> bool:
    return kind.match(one) is not None and kind.match(other) is not None


def style(source: str) -> str:
    """A style sheet without comments and needless space."""
    text = " ".join(re.sub(r"/\*.*?\*/", "", source, flags=re.DOTALL).split())
    return re.sub(r"\s*([{};,>])\s*|(?<=:) (?=[^{}]*[;}])", r"\1", text).replace(";}", "}")
