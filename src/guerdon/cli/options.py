"""``guerdon options export|diff|apply``: the catalogue in a file, and a file in the catalogue."""

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from guerdon import strict_yaml
from guerdon.access import store as access
from guerdon.cli.database import DEFAULT_DATA, Data, Place, Url, migrated, place
from guerdon.config import ConfigurationError
from guerdon.db import installation
from guerdon.db.pool import ReadTx
from guerdon.errors import GuerdonError, InvalidRequest
from guerdon.options import sheet
from guerdon.options.changes import Change
from guerdon.providers import store as providers
from guerdon.redemption import promotion
from guerdon.redemption.curation import Curator
from guerdon.redemption.promotion import Step
from guerdon.strict_yaml import Document

_console = Console(stderr=True)
_LARGEST_FILE = 16 * 1024 * 1024
_LONGEST_SHOWN = 120
_HEAD = """\
# Redeem options as code. `guerdon options diff` says what this would change, `apply` changes it.
# The fields are those of the API; a provider goes by its name; what is left out is at its default.
"""
_MARKS = {"create": ("+", "green"), "change": ("~", "yellow"), "archive": ("-", "red")}

options = App(name="options", help="Options as code: export them to a file, diff it, apply it.")

File = Annotated[
    Path,
    Parameter(help="The file, in YAML; - is standard input or output.", allow_leading_hyphen=True),
]
Namespace = Annotated[str, Parameter(help="The programme.")]
ArchiveMissing = Annotated[
    bool,
    Parameter(negative=(), help="Archive options that are not in the file. It cannot be undone."),
]


class _DryRun(Exception):
    """Everything was tried, and nothing is to stay."""


@options.command
def export(
    file: File,
    *,
    namespace: Namespace,
    data: Data = DEFAULT_DATA,
    database_url: Url = None,
) -> None:
    """Write the options of a programme to a file, in YAML that stays the same.

    Every option that is not archived is there, in the order in which members see them; fields at
    their defaults are left out. Providers are named, so that the file fits another programme whose
    providers have the same names: export from the test programme, review, apply to the live one,
    and the options keep their names (IDs), which links and providers count on.
    """
    with place(data, database_url) as where:
        text, count = asyncio.run(_export(where, namespace))
    if str(file) == "-":
        sys.stdout.write(text)
        return
    try:
        file.write_text(text, "utf-8")
    except OSError as trouble:
        raise ConfigurationError(f"{file} cannot be written: {trouble.strerror}.") from trouble
    _console.print(escape(f"{_counted(count)} in {file}."), highlight=False)


async def _export(where: Place, namespace: str) -> tuple[str, int]:
    ready, _ = await migrated(where)
    async with ready.opened(4) as database, database.read() as tx:
        await _slots_with(tx, namespace)
        found = await promotion.everything(tx, namespace)
        named = await providers.names(tx, namespace)
    return _HEAD + strict_yaml.write(sheet.written(found, named)), len(found)


@options.command
def diff(
    file: File,
    *,
    namespace: Namespace,
    archive_missing: ArchiveMissing = False,
    data: Data = DEFAULT_DATA,
    database_url: Url = None,
) -> None:
    """Say what applying a file would change, field by field, and change nothing.

    Exits 0 if nothing would change, 1 if something would, and 2 if the file is wrong or could not
    be compared: made for a check in CI that asks whether the file and the programme agree.
    """
    with _two_if_wrong():
        document = _read(file)
        with place(data, database_url) as where:
            steps = asyncio.run(_plan(where, namespace, file, document, archive_missing))
        _print(steps)
    sys.exit(1 if steps else 0)


async def _plan(
    where: Place, namespace: str, file: Path, document: Document, archive_missing: bool
) -> list[Step]:
    ready, _ = await migrated(where)
    async with ready.opened(4) as database, database.read() as tx:
        await _slots_with(tx, namespace)
        return await _planned(tx, namespace, file, document, archive_missing)


@options.command
def apply(
    file: File,
    *,
    namespace: Namespace,
    archive_missing: ArchiveMissing = False,
    dry_run: Annotated[
        bool, Parameter(negative=(), help="Do everything, and then undo it: nothing stays.")
    ] = False,
    data: Data = DEFAULT_DATA,
    database_url: Url = None,
) -> None:
    """Make the options of a programme what a file says, all of it or nothing.

    New options are made, changed ones get their next version, and each leaves a line in the audit
    log; open transactions keep the version they were made with. An option that is not in the file
    stays as it is, unless --archive-missing. A field that is not in the file goes to its default. A
    name and a type never change. Applying again does nothing. Exits 2 if the file is wrong: every
    fault is named with its line, its option and its field, and nothing is changed.
    """
    with _two_if_wrong():
        document = _read(file)
        with place(data, database_url) as where:
            steps = asyncio.run(
                _apply(where, namespace, file, document, archive_missing, dry_run=dry_run)
            )
        _print(steps)
        if dry_run and steps:
            _console.print("A dry run: nothing was changed.")


async def _apply(
    where: Place,
    namespace: str,
    file: Path,
    document: Document,
    archive_missing: bool,
    *,
    dry_run: bool,
) -> list[Step]:
    ready, _ = await migrated(where)
    steps: list[Step] = []
    async with ready.opened(4) as database:
        try:
            async with database.tx() as tx:
                slots = await _slots_with(tx, namespace)
                steps = await _planned(tx, namespace, file, document, archive_missing)
                who = Curator(namespace, "command", None, {"file": file.name})
                await promotion.carry_out(tx, slots, who, steps)
                if dry_run:
                    raise _DryRun
        except _DryRun:
            pass
    return steps


async def _planned(
    tx: ReadTx, namespace: str, file: Path, document: Document, archive_missing: bool
) -> list[Step]:
    try:
        return await promotion.plan(tx, namespace, document.value, archive_missing=archive_missing)
    except InvalidRequest as wrong:
        raise ConfigurationError("\n".join(_faults(file, document, wrong))) from wrong


async def _slots_with(tx: ReadTx, namespace: str) -> int:
    """The number of slots; a namespace that is not there is refused, because it is a slip."""
    if await access.namespace(tx, namespace) is None:
        raise ConfigurationError(
            f"There is no namespace {namespace!r}. It exists from its first key or operator."
        )
    return await installation.slots(tx)


# The file ---------------------------------------------------------------------------------------


def _read(file: Path) -> Document:
    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as trouble:
        raise ConfigurationError(f"{file} cannot be read: {trouble.strerror}.") from trouble
    except UnicodeDecodeError as trouble:
        raise ConfigurationError(f"{file} is not UTF-8, at byte {trouble.start}.") from trouble
    if len(raw) > _LARGEST_FILE:
        raise ConfigurationError(f"{file} is larger than {_LARGEST_FILE:,} bytes.")
    try:
        return strict_yaml.parse(text)
    except InvalidRequest as wrong:
        at = f"{file}:{wrong.facts['line']}:{wrong.facts['column']}"
        raise ConfigurationError(f"{at}: {wrong.facts['said']}.") from wrong


def _faults(file: Path, document: Document, wrong: InvalidRequest) -> Iterator[str]:
    """Each fault with its place, its option and its field."""
    errors: Any = wrong.facts.get("errors", [])
    yield f"{file} cannot be applied:"
    for error in sorted(errors, key=lambda one: document.place(one["pointer"])):
        line, column = document.place(error["pointer"])
        about = ", ".join(part for part in _named(document, error["pointer"]) if part)
        yield f"  {file}:{line}:{column}: {about + ' ' if about else ''}{error['detail']}"


def _named(document: Document, pointer: str) -> tuple[str, str]:
    """The option and the field that a pointer is about, as people call them."""
    parts = pointer.split("/")[1:]
    if len(parts) < 2 or parts[0] != "options":
        return "", "/".join(parts)
    option = document.value["options"][int(parts[1])]
    fields = option if isinstance(option, dict) else {}
    called = fields.get("title") or fields.get("name") or f"number {int(parts[1]) + 1}"
    return f"option {called!r}", "/".join(parts[2:])


@contextmanager
def _two_if_wrong() -> Iterator[None]:
    """Exits 2 with the reason, so that 1 can mean that something would change."""
    try:
        yield
    except GuerdonError as error:
        _console.print(
            f"[bold red]guerdon:[/] {escape(error.detail)}", highlight=False, soft_wrap=True
        )
        sys.exit(2)


# What is said of it -----------------------------------------------------------------------------


def _print(steps: Sequence[Step]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for step in steps:
        mark, colour = _MARKS[step.action]
        version = "" if step.before is None else f"version {step.before.version} → "
        said = {"create": f"new, {step.after.type}", "archive": "archived"}.get(
            step.action, f"{version}{step.after.version}"
        )
        head = Text(f"{mark} {step.after.title}", style=f"bold {colour}")
        console.print(head.append(f"  {step.after.name}  {said}", style="not bold"))
        for change in step.changes:
            console.print(_line(change))
    counts = [
        f"{sum(step.action == action for step in steps)} {word}"
        for action, word in (("create", "new"), ("change", "changed"), ("archive", "archived"))
    ]
    console.print(", ".join(counts) + "." if steps else "Nothing to change.")


def _line(change: Change) -> Text:
    line = Text(f"    {change.field}: ")
    if change.before is not None:
        line.append(_said(change.before), style="red")
        line.append(" → ")
    return line.append("nothing" if change.after is None else _said(change.after), style="green")


def _said(value: Any) -> str:
    """A value on one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ⏎ ".join(text.splitlines())
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def _counted(count: int) -> str:
    return "1 option" if count == 1 else f"{count} options"
