"""The project's own code, as the laws of the house read it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "guerdon"
CLIENT = ROOT / "clients" / "python" / "src" / "guerdon_client"


def package_files() -> list[Path]:
    """Every Python file of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def client_files() -> list[Path]:
    """Every Python file of the Python client."""
    return sorted(CLIENT.rglob("*.py"))


def files_of_tests() -> list[Path]:
    """Every Python file of the tests."""
    return sorted((ROOT / "tests").rglob("*.py"))


def place(path: Path) -> str:
    """A file as people say it: ``redemption/lane.py``, ``tests/conftest.py``."""
    root = PACKAGE if path.is_relative_to(PACKAGE) else ROOT
    return str(path.relative_to(root))


def room(path: Path) -> str:
    """The folder of the package that a file belongs to, or the file's own name at the ground."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else path.stem


@cache
def tree(path: Path) -> ast.Module:
    """A file, parsed."""
    return ast.parse(path.read_text("utf-8"), str(path))


def names(path: Path) -> Iterator[tuple[int, str]]:
    """Every dotted name that a file uses, spelt out by its imports: (line, ``time.monotonic``)."""
    known: dict[str, str] = {}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                known[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                yield node.lineno, f"{node.module}.{alias.name}"
    for node in ast.walk(tree(path)):
        dotted = _dotted(node)
        if dotted is not None:
            first, _, rest = dotted.partition(".")
            if first in known:
                yield node.lineno, known[first] + ("." + rest if rest else "")


def _dotted(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return None if before is None else f"{before}.{node.attr}"
    return None
