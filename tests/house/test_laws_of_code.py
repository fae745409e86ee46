"""The laws of the house that hold for the code: who may do what, and how large things may be."""

import ast
import re
import subprocess
from pathlib import Path

import pytest
from tests.house.code import (
    PACKAGE,
    ROOT,
    client_files,
    files_of_tests,
    names,
    package_files,
    place,
    room,
    tree,
)

DOORS = {"api", "console", "widget", "delivery", "cli", "web", "app", "demo", "conformance"}
# Verbs are handed their Tx. These files are the ways in: the batchers, which share one Tx among
# many works, and the proof, which reads each slot in a snapshot of its own.
OPENERS = {
    "redemption/intake.py": "refills an empty share in a Tx apart from the redemption's",
    "redemption/lane.py": "is the batcher of intake and settlement",
    "redemption/audit.py": "proves each slot in its own snapshot",
    "access/keys.py": "looks a key up before any route, hence before any door",
}
TIME_RANDOMNESS_ENVIRONMENT = re.compile(
    r"time\.(time|time_ns|monotonic|monotonic_ns|perf_counter\w*|process_time\w*|gmtime|localtime)"
    r"|datetime\.datetime\.(now|utcnow|today)|datetime\.date\.today"
    r"|random(\.\w+)*|secrets(\.\w+)*|uuid\.uuid[1-8]"
    r"|os\.(urandom|getrandom|environ\w*|getenv\w*|putenv)(\.\w+)*"
)
GROUND = {"clock.py", "ids.py", "config.py"}
INWARD = {"demo/trickle.py": "the demo redeems at whim; nothing depends on what it draws"}
BANNED_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "managers", "base"}
# A ratchet: a file or function named here may not grow, and leaves the list when it fits.
LONGER_FILES: dict[str, int] = {}
LONGER_FUNCTIONS = {  # tables of routes, spelt out row by row
    "api/members.py:routes": 81,
}
LARGEST_FILE, LARGEST_FUNCTION = 400, 70


def test_statuses_change_only_in_the_room_of_transactions() -> None:
    found = []
    for path in package_files():
        if room(path) == "transactions":
            continue
        for node in ast.walk(tree(path)):
            targets: list[ast.expr] = []
            if isinstance(node, ast.Assign):
                targets = node.targets
            elif isinstance(node, ast.AugAssign | ast.AnnAssign):
                targets = [node.target]
            for target in targets:
                # An observation's and an answer's status is HTTP's, not a transaction's.
                if isinstance(target, ast.Attribute) and target.attr == "status":
                    owner = ast.unparse(target.value)
                    if owner not in ("self", "seen"):
                        found.append(f"{place(path)}:{node.lineno} {owner}.status")
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                keywords = {keyword.arg for keyword in node.keywords}
                replaced = called.split(".")[-1] == "replace" and "status" in keywords
                if replaced or (called == "setattr" and "status" in ast.unparse(node)):
                    found.append(f"{place(path)}:{node.lineno} {called}")
    assert found == [], "statuses change by Transaction.move, with a Step of the one table"


def test_steps_come_from_the_table_alone() -> None:
    made = [
        f"{place(path)}:{node.lineno}"
        for path in package_files()
        if "guerdon.transactions.states.Step" in {name for _, name in names(path)}
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Step"
    ]
    assert made == []


def test_doors_and_batchers_open_transactions_and_nobody_else() -> None:
    found: dict[str, list[int]] = {}
    for path in package_files():
        if room(path) in DOORS or place(path) == "db/pool.py":
            continue
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.AsyncWith | ast.With):
                continue
            for item in node.items:
                call = item.context_expr
                if (
                    isinstance(call, ast.Call)
                    and isinstance(call.func, ast.Attribute)
                    and call.func.attr in ("tx", "read", "batch", "connection")
                ):
                    found.setdefault(place(path), []).append(node.lineno)
    strangers = {file: lines for file, lines in found.items() if file not in OPENERS}
    assert strangers == {}, "verbs and nouns are handed a Tx"
    assert set(OPENERS) <= set(found), "an exception that is no longer needed leaves the list"


def test_every_function_that_writes_is_handed_a_tx() -> None:
    wrong: list[str] = []
    for path in package_files():
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.AsyncFunctionDef):
                continue
            kinds = {
                argument.arg: ast.unparse(argument.annotation)
                for argument in [*node.args.args, *node.args.kwonlyargs]
                if argument.annotation is not None
            }
            wrong += [
                f"{place(path)}:{call.lineno}"
                for call in ast.walk(node)
                if isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr == "run"
                and isinstance(call.func.value, ast.Name)
                and kinds.get(call.func.value.id) == "ReadTx"
            ]
    assert wrong == []


def test_time_randomness_and_environment_come_in_by_the_door() -> None:
    found: dict[str, list[str]] = {}
    for path in package_files():
        if place(path) in GROUND:
            continue
        for line, name in names(path):
            if TIME_RANDOMNESS_ENVIRONMENT.fullmatch(name):
                found.setdefault(place(path), []).append(f"{line}: {name}")
    strangers = {file: lines for file, lines in found.items() if file not in INWARD}
    assert strangers == {}, "clock.py, ids.py and config.py are where these come in"
    assert set(INWARD) <= set(found), "an exception that is no longer needed leaves the list"


def test_what_is_sealed_is_sealed_anew_by_a_rotation() -> None:
    """Who seals something new also teaches ``keys rotate-master`` to find it."""
    sealing = {
        place(path)
        for path in package_files()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".seal")
    }
    assert sealing == {
        "sealing.py",
        "access/second_steps/store.py",
        "providers/store.py",
        "delivery/dispatcher.py",
    }


def test_nothing_is_called_by_a_name_that_says_nothing() -> None:
    folders = [path for path in PACKAGE.rglob("*") if path.is_dir()]
    bad = [
        place(path)
        for path in [*package_files(), *client_files(), *files_of_tests(), *folders]
        if set(path.stem.lower().split("_")) & BANNED_NAMES
    ]
    bad += [
        f"{place(path)}:{node.lineno} {node.name}"
        for path in [*package_files(), *client_files()]
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef)
        and re.search(r"(Manager|Helper|Utils?|Common|Base)$", node.name)
    ]
    assert bad == []


def test_files_are_short() -> None:
    sizes = {
        place(path): len(path.read_text("utf-8").splitlines())
        for path in [*package_files(), *client_files(), *files_of_tests()]
    }
    long = {file: lines for file, lines in sizes.items() if lines > LARGEST_FILE}
    assert {f: n for f, n in long.items() if n > LONGER_FILES.get(f, 0)} == {}
    assert set(LONGER_FILES) <= set(long), "a file that fits now leaves the list"


def test_functions_are_short() -> None:
    long = {}
    for path in [*package_files(), *client_files(), *files_of_tests()]:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                length = node.end_lineno - node.lineno + 1
                if length > LARGEST_FUNCTION:
                    long[f"{place(path)}:{node.name}"] = length
    assert {f: n for f, n in long.items() if n > LONGER_FUNCTIONS.get(f, 0)} == {}
    assert set(LONGER_FUNCTIONS) <= set(long), "a function that fits now leaves the list"


def test_the_package_names_no_machine_of_ours_and_no_registry() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    ours = re.compile(
        r"(?<![\w.])/" + r"work/|(pypi|pythonhosted|npmjs)\." + r"(org|com)|/home/\w+/"
    )
    found = []
    for name in listed:
        path = ROOT / name
        if not name or not path.is_file() or path.suffix in (".png", ".jpg", ".ico", ".woff2"):
            continue
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
            if ours.search(line):
                found.append(f"{name}:{number}")
    assert found == []


def test_the_changelog_tells_of_this_release() -> None:
    said = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(r"^## ", said, re.MULTILINE)


@pytest.mark.parametrize("path", files_of_tests(), ids=place)
def test_tests_neither_sleep_a_thread_nor_fake_the_database(path: Path) -> None:
    used = {name for _, name in names(path)}
    assert "time.sleep" not in used, "wait for what must happen, not for a time"
    assert not [name for name in used if name.startswith(("unittest.mock", "mock."))]
    fakes = [
        node.name
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef)
        and re.search(r"(Fake|Mock|Stub)\w*(Database|Tx|Pool|Connection)", node.name)
    ]
    assert fakes == [], "stores and verbs are tested on a real PostgreSQL"
