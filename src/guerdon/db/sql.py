"""Named SQL: statements live in ``queries.sql`` beside the code of their room.

    -- name: lock_members
    -- Locks members in one order, so that no two batches wait for each other.
    SELECT …;

A block starts with ``-- name:`` and a sentence; parameters are psycopg's ``%(name)s``.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources

_BLOCK = re.compile(
    r"^-- name: (?P<name>[a-z_0-9]+)\n(?P<doc>(?:--[^\n]*\n)+)(?P<sql>.+?)(?=^-- name:|\Z)",
    re.MULTILINE | re.DOTALL,
)
_PARAMETER = re.compile(rb"%\((\w+)\)s")


@dataclass(frozen=True, slots=True)
class Statement:
    """One named statement: its ``text`` is what psycopg runs, its ``doc`` says what for.

    ``numbered`` is the same for PostgreSQL itself: ``$1`` stands for the first of ``names``.
    """

    name: str
    doc: str
    text: bytes
    numbered: bytes = field(init=False)
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        found = list(dict.fromkeys(_PARAMETER.findall(self.text)))
        numbers = {name: b"$%d" % number for number, name in enumerate(found, 1)}
        numbered = _PARAMETER.sub(lambda one: numbers[one[1]], self.text).replace(b"%%", b"%")
        object.__setattr__(self, "numbered", numbered)
        object.__setattr__(self, "names", tuple(name.decode() for name in found))


class Queries(Mapping[str, Statement]):
    """The statements of one room, by name. An unknown name is a ``KeyError`` at import."""

    def __init__(self, package: str) -> None:
        source = resources.files(package).joinpath("queries.sql").read_text("utf-8")
        self._statements: dict[str, Statement] = {}
        for block in _BLOCK.finditer(source):
            name = block["name"]
            if name in self._statements:
                raise ValueError(f"{package}/queries.sql names {name} twice")
            doc = " ".join(line.removeprefix("--").strip() for line in block["doc"].splitlines())
            text = block["sql"].strip().rstrip(";").encode()
            self._statements[name] = Statement(name, doc, text)

    def __getitem__(self, name: str) -> Statement:
        return self._statements[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._statements)

    def __len__(self) -> int:
        return len(self._statements)
