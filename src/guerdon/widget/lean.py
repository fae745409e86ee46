"""Makes scripts and styles lean: what only people need is left out of what browsers load.

Names stay, but for private ones (``#so``), which nobody else can mean. It is no parser: in our own
scripts every statement ends in a semicolon, none is empty, and a division has spaces around it, a
regular expression has none after its slash.
"""

import re
from string import ascii_letters

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
_NEEDLESS_BEFORE = {"}": (";", ","), ")": (",",)}
_ONE_NAME = re.compile(r"(?<![\w#])\((\w+)\)=$")
_LETTERS = ascii_letters + "_$"


def script(source: str) -> str:
    """A script without comments, needless space and long private names."""
    short: dict[str, str] = {}

    def named(name: str) -> str:
        if name not in short:
            turn, letter = divmod(len(short), len(_LETTERS))
            short[name] = f"#{_LETTERS[letter]}{turn or ''}"
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
        elif text in _NEEDLESS_BEFORE and lean.endswith(_NEEDLESS_BEFORE[text]):
            lean = lean[:-1]
        elif text == ">" and lean[-2:] == ")=":  # an arrow's one name needs no brackets
            lean = lean[:-64] + _ONE_NAME.sub(r"\1=", lean[-64:])
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
    text = re.sub(r"(?<![\w.])0(?=\.\d)", "", text)
    return re.sub(r"\s*([{};,>])\s*|(?<=:) (?=[^{}]*[;}])", r"\1", text).replace(";}", "}")
