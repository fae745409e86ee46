"""Errors have a code and a sentence, one table maps them to HTTP, and every code is documented."""

import ast
import importlib
from collections.abc import Iterator

from tests.house.code import PACKAGE, ROOT, package_files, tree

from guerdon.errors import GuerdonError
from guerdon.web.problems import STATUS_BY_CODE

# Never answered over HTTP by itself: what a command says before anything listens.
DOCUMENT = ROOT / "docs" / "api.md"


def _every_error() -> Iterator[type[GuerdonError]]:
    for path in package_files():
        if any(isinstance(node, ast.ClassDef) for node in tree(path).body):
            parts = path.relative_to(PACKAGE).with_suffix("").parts
            if parts[-1] not in ("__main__", "__init__"):
                importlib.import_module(".".join(("guerdon", *parts)))
    waiting: list[type[GuerdonError]] = [GuerdonError]
    while waiting:
        kind = waiting.pop()
        yield kind
        waiting.extend(kind.__subclasses__())


def test_every_code_is_mapped_and_every_row_of_the_map_is_a_code() -> None:
    assert {kind.code for kind in _every_error()} == set(STATUS_BY_CODE)


def test_statuses_are_those_of_errors() -> None:
    assert all(400 <= status <= 599 for status in STATUS_BY_CODE.values())


def test_every_code_is_documented() -> None:
    said = DOCUMENT.read_text("utf-8")
    assert [code for code in STATUS_BY_CODE if f"`{code}`" not in said] == []


def test_every_code_is_told_with_its_status() -> None:
    lines = DOCUMENT.read_text("utf-8").splitlines()
    apart = [
        code
        for code, status in STATUS_BY_CODE.items()
        if not any(f"`{code}`" in line and str(status) in line for line in lines)
    ]
    assert apart == []


def test_errors_know_nothing_of_http() -> None:
    source = tree(PACKAGE / "errors.py")
    numbers = [
        node.value
        for node in ast.walk(source)
        if isinstance(node, ast.Constant) and isinstance(node.value, int)
    ]
    assert numbers == []
