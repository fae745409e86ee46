"""``guerdon transactions export`` and ``guerdon members import``: lists, out and in."""

import asyncio
import csv
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, TextIO

from cyclopts import App, Parameter
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TextColumn

from guerdon.access import store as access
from guerdon.api import selection
from guerdon.cli.database import DEFAULT_DATA, Data, Place, Url, migrated, place
from guerdon.config import ConfigurationError
from guerdon.db import installation
from guerdon.db.pool import Database
from guerdon.errors import GuerdonError, InvalidRequest
from guerdon.redemption import enrolment
from guerdon.redemption.enrolment import LineDone

_console = Console(stderr=True)
_GROUP = 2000
_PORTION = 500
_COLUMNS = ("userId", "email", "address", "grant", "reference")

transactions = App(name="transactions", help="Transactions: export.")
members = App(name="members", help="Members: import.")
Namespace = Annotated[str | None, Parameter(help="The programme; needed where there are several.")]


@transactions.command
def export(
    *,
    namespace: Namespace = None,
    status: Annotated[
        list[str] | None, Parameter(help="May be given several times.", negative=())
    ] = None,
    option: Annotated[
        list[str] | None, Parameter(help="An option's name; several times.", negative=())
    ] = None,
    user_id: Annotated[
        list[str] | None, Parameter(help="A member; several times.", negative=())
    ] = None,
    created_from: Annotated[str | None, Parameter(help="Such as 2026-11-01T00:00:00Z.")] = None,
    created_to: Annotated[str | None, Parameter(help="Exclusive.")] = None,
    q: Annotated[str | None, Parameter(help="An ID's beginning, a userId, or a title.")] = None,
    data: Data = DEFAULT_DATA,
    database_url: Url = None,
) -> None:
    """Write transactions to standard output as CSV, newest first; with the API's own filters."""
    given = {
        "status": status or [],
        "option": option or [],
        "userId": user_id or [],
        "createdFrom": [created_from] if created_from else [],
        "createdTo": [created_to] if created_to else [],
        "q": [q] if q else [],
    }
    with place(data, database_url) as where:
        asyncio.run(_export(where, namespace, given))


async def _export(where: Place, asked: str | None, given: dict[str, list[str]]) -> None:
    ready, _ = await migrated(where)
    async with ready.opened(4) as database:
        namespace, slots = await _slots_of(database, asked)
        async with database.read() as tx:
            try:
                wanted = await selection.chosen(tx, slots, namespace, given)
            except InvalidRequest as refusal:
                raise ConfigurationError(_in_words(refusal)) from refusal
        with _counting("{task.completed:.0f} transactions written") as bar:
            task = bar.add_task("exporting", total=None)
            lines = -1  # the header is none
            async for text in selection.csv_lines(database, wanted):
                sys.stdout.write(text)
                lines += text.count("\r\n")
                bar.update(task, completed=max(0, lines))
            sys.stdout.flush()


@members.command(name="import")
def import_(
    file: Annotated[Path, Parameter(help="CSV; the first line names the columns.")],
    *,
    namespace: Namespace = None,
    data: Data = DEFAULT_DATA,
    database_url: Url = None,
) -> None:
    """Create, change and credit members from a CSV file. Exits 1 if a line was refused.

    Columns: userId, and as needed email, address, grant, reference and attributes.NAME; an empty
    cell leaves what is there. A grant needs a reference, and is given once for each: a file that
    was interrupted, or corrected, is imported again.
    """
    try:
        opened = file.open(encoding="utf-8-sig", newline="")
    except OSError as trouble:
        raise ConfigurationError(f"{file} cannot be read: {trouble.strerror}.") from trouble
    with opened as source, place(data, database_url) as where:
        count = asyncio.run(_import(where, namespace, file, source))
    _console.print(f"{count.created} created, {count.changed} changed, {count.refused} refused.")
    sys.exit(1 if count.refused else 0)


@dataclass(slots=True)
class _Count:
    created: int = 0
    changed: int = 0
    refused: int = 0


async def _import(where: Place, asked: str | None, file: Path, source: TextIO) -> _Count:
    size = os.fstat(source.fileno()).st_size
    rows = csv.DictReader(source, strict=True)
    _check_columns(file, rows.fieldnames)
    numbered = ((rows.line_num, row) for row in rows)
    ready, _ = await migrated(where)
    count = _Count()
    async with ready.opened(4) as database:
        namespace, slots = await _slots_of(database, asked)
        with Progress(console=_console, disable=not _console.is_terminal) as bar:
            task = bar.add_task("importing", total=max(1, size))
            while group := _group(file, numbered):
                lines = []
                for number, row in group:
                    try:
                        lines.append(enrolment.read_line(namespace, number, _value(row)))
                    except GuerdonError as refusal:
                        _tell(count, LineDone(number, row["userId"] or "", False, refusal))
                for slot, portion in enrolment.by_slot(lines, slots, _PORTION):
                    async with database.batch() as tx:
                        done = await enrolment.enrol_batch(tx, slot, portion)
                    for result in done:
                        _tell(count, result)
                bar.update(task, completed=source.buffer.tell())
    return count


async def _slots_of(database: Database, asked: str | None) -> tuple[str, int]:
    """The namespace that is meant, and the number of slots. One that is not there is refused,
    because it is a slip."""
    async with database.read() as tx:
        namespace = asked if asked is not None else await access.only_namespace(tx)
        if namespace is None:
            raise ConfigurationError("Say which namespace is meant: --namespace.")
        if await access.namespace(tx, namespace) is None:
            raise ConfigurationError(
                f"There is no namespace {namespace!r}. It exists from its first key or operator."
            )
        return namespace, await installation.slots(tx)


def _check_columns(file: Path, names: Sequence[str] | None) -> None:
    wrong = [n for n in names or () if n not in _COLUMNS and not n.startswith("attributes.")]
    if names is None or "userId" not in names or wrong:
        raise ConfigurationError(
            f"The first line of {file} must name columns out of {', '.join(_COLUMNS)} and "
            "attributes.NAME, userId among them"
            + (f"; not {', '.join(map(repr, wrong))}." if wrong else ".")
        )


def _group(
    file: Path, numbered: Iterator[tuple[int, dict[str, str]]]
) -> list[tuple[int, dict[str, str]]]:
    try:
        return list(islice(numbered, _GROUP))
    except (csv.Error, UnicodeDecodeError) as trouble:
        raise ConfigurationError(
            f"{file} is no CSV in UTF-8 from some line on: {trouble}. What came before is stored; "
            "correct the file and import it again."
        ) from trouble


def _value(row: dict[str, str]) -> dict[str, object]:
    """A line as the API's batch would bring it. Cells too many or too few are refused."""
    if None in row or None in row.values():
        raise InvalidRequest("This line has another number of cells than the first one.")
    value: dict[str, object] = {}
    attributes: dict[str, str] = {}
    for name, cell in row.items():
        if not cell:
            continue
        if name.startswith("attributes."):
            attributes[name.removeprefix("attributes.")] = cell
        elif name == "grant" and cell.isascii() and cell.isdigit() and len(cell) < 20:
            value[name] = int(cell)
        else:
            value[name] = cell
    return value | ({"attributes": attributes} if attributes else {})


def _tell(count: _Count, done: LineDone) -> None:
    if done.refusal is None:
        count.created += done.created
        count.changed += not done.created
        return
    count.refused += 1
    _console.print(escape(f"line {done.number}: {_in_words(done.refusal)}"), soft_wrap=True)


def _in_words(refusal: GuerdonError) -> str:
    errors = refusal.facts.get("errors")
    if not isinstance(errors, list):
        return refusal.detail
    return "; ".join(f"{e['pointer'].lstrip('?/')} {e['detail']}" for e in errors) + "."


@contextmanager
def _counting(said: str) -> Iterator[Progress]:
    """A count for people, where they watch and the answer itself goes elsewhere."""
    hidden = sys.stdout.isatty() or not _console.is_terminal
    with Progress(TextColumn(said), console=_console, disable=hidden) as bar:
        yield bar
