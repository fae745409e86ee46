"""A sheet of options made true: what would change, and changing it, all of it or nothing.

What is not in the sheet stays, unless the missing are to be archived; a name and a type never
change, and nothing comes back from the archive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from guerdon import clock
from guerdon.db.pool import ReadTx, Tx
from guerdon.errors import ConformanceRequired, InvalidRequest
from guerdon.options import changes, definition, model, sheet, store
from guerdon.options.changes import Change
from guerdon.options.model import Option
from guerdon.options.sheet import Wanted
from guerdon.providers import store as providers
from guerdon.redemption import curation
from guerdon.redemption.curation import Curator

_PORTION = 500
_SAID_ABOVE = ("name", "type", "title")


@dataclass(frozen=True, slots=True)
class Step:
    """One option that would change: as it is (``None``: not there), as it would be, and how."""

    action: Literal["create", "change", "archive"]
    before: Option | None
    after: Option
    changes: list[Change]
    body: dict[str, Any]


async def everything(tx: ReadTx, namespace: str, *, archived: bool | None = False) -> list[Option]:
    """Every option of a namespace, in the order they are shown."""
    found: list[Option] = []
    after: tuple[int, UUID] | None = None
    while True:
        portion = await store.page(tx, namespace, archived=archived, limit=_PORTION, after=after)
        found += portion
        if len(portion) < _PORTION:
            return found
        after = portion[-1].order, portion[-1].name


async def plan(tx: ReadTx, namespace: str, document: Any, *, archive_missing: bool) -> list[Step]:
    """What would change. ``InvalidRequest`` names everything that is wrong with the sheet."""
    named = await providers.names(tx, namespace)
    wanted, errors = sheet.read(document, {name: provider for provider, name in named.items()})
    standing = {option.name: option for option in await everything(tx, namespace, archived=None)}
    steps: list[Step] = []
    for one in wanted:
        before = None if one.name is None else standing.get(one.name)
        try:
            step = _step(namespace, one, before, named)
        except InvalidRequest as wrong:
            errors += sheet.repointed(one, wrong)
        else:
            steps += [step] if step is not None else []
    if errors:
        raise InvalidRequest("This file cannot be applied.", errors=errors)
    if archive_missing:
        kept = {one.name for one in wanted}
        steps += [
            Step("archive", option, model.archived(option), [], {})
            for option in standing.values()
            if option.name not in kept and not option.archived
        ]
    return steps


def _step(
    namespace: str, wanted: Wanted, before: Option | None, named: dict[UUID, str]
) -> Step | None:
    if before is None:
        name = wanted.name or UUID(int=0)
        body = {**wanted.body, "name": str(name), "type": wanted.type}
        after = definition.new(namespace, name, clock.now(), body)
        shown = sheet.row(after, named.get(after.provider_id, ""))
        said = {field: value for field, value in shown.items() if field not in _SAID_ABOVE}
        return Step("create", None, after, changes.between({}, said), body)
    if before.type != wanted.type:
        raise _refused("/type", f"never changes, and is {before.type} here")
    if before.archived:
        raise _refused("", "is archived here, which cannot be undone: take it out")
    after = definition.replaced(before, wanted.body)
    found = _told(model.definition(before), after, named)
    if not found:
        return None
    return Step("change", before, after, found, wanted.body)


def _refused(pointer: str, detail: str) -> InvalidRequest:
    return InvalidRequest(
        "This option cannot be saved.", errors=[{"pointer": pointer, "detail": detail}]
    )


def _told(before: dict[str, Any], after: Option, named: dict[UUID, str]) -> list[Change]:
    """The differences, with the names of providers."""

    def said(value: Any) -> Any:
        return value if value is None else named.get(UUID(value), value)

    return [
        Change("provider", said(change.before), said(change.after))
        if change.field == "providerId"
        else change
        for change in changes.between(before, model.definition(after))
    ]


async def carry_out(tx: Tx, slots: int, who: Curator, steps: Sequence[Step]) -> None:
    """Does what was planned, in this one ``Tx``.

    Raises ``PreconditionFailed`` where somebody changed an option since it was planned, and
    ``ConformanceRequired``, which names the option.
    """
    for step in steps:
        try:
            await _carry_out(tx, slots, who, step)
        except ConformanceRequired as wrong:
            detail = f"Option {step.after.title!r}: {wrong.detail}"
            raise ConformanceRequired(detail, **wrong.facts) from wrong


async def _carry_out(tx: Tx, slots: int, who: Curator, step: Step) -> None:
    if step.before is None:
        await curation.create(tx, slots, who, step.body)
        return
    name, version = step.before.name, step.before.version
    if step.action == "archive":
        await curation.archive(tx, who, name, if_match=version)
    else:
        await curation.replace(tx, who, name, step.body, if_match=version)
