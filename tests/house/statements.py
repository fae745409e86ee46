"""Every named statement of the project, and how to have PostgreSQL look at it without psycopg."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.house.code import PACKAGE

from guerdon.db.sql import Queries, Statement

_PARAMETER = re.compile(r"%\((\w+)\)s")
# Words that tables follow; a function call or a subquery there is no table.
_TABLES = re.compile(
    r"\b(?:FROM|JOIN|INTO|UPDATE|USING)\s+(?:ONLY\s+)?([a-z_][a-z_0-9]*)\b(?!\s*[.(])",
)
_QUOTED = re.compile(r"'[^']*'")
_COMMENT = re.compile(r"--[^\n]*")


@dataclass(frozen=True, slots=True)
class Named:
    """One statement, and the room whose ``queries.sql`` it stands in."""

    room: str
    package: str
    statement: Statement

    @property
    def text(self) -> str:
        """The SQL without its comments."""
        return _COMMENT.sub("", self.statement.text.decode())

    @property
    def parameters(self) -> list[str]:
        """The names of its parameters, in the order of their first use."""
        return list(dict.fromkeys(_PARAMETER.findall(self.text)))

    @property
    def numbered(self) -> str:
        """The SQL with ``$n`` in place of psycopg's placeholders."""
        order = {name: f"${number}" for number, name in enumerate(self.parameters, 1)}
        return _PARAMETER.sub(lambda found: order[found[1]], self.text).replace("%%", "%")

    def tables(self, known: set[str]) -> set[str]:
        """Which of the ``known`` tables it reads or writes."""
        return set(_TABLES.findall(_QUOTED.sub("''", self.text))) & known

    def __str__(self) -> str:
        return f"{self.package}.{self.statement.name}"


def files() -> list[Path]:
    """Every ``queries.sql``."""
    return sorted(PACKAGE.rglob("queries.sql"))


def statements() -> Iterator[Named]:
    """Every statement of every room."""
    for path in files():
        parts = path.relative_to(PACKAGE).parent.parts
        package = ".".join(("guerdon", *parts))
        for statement in Queries(package).values():
            yield Named(parts[0], ".".join(parts), statement)
