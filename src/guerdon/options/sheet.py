"""The options of a programme as a sheet that people keep in a file: out of options, and in again.

A sheet has the fields of the API and leaves out what is at its default. Providers go by their
names, which a test and a live programme share, where their IDs differ.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from guerdon.errors import InvalidRequest
from guerdon.fields import Fields
from guerdon.options import definition, model
from guerdon.options.model import Option
from guerdon.strict_yaml import Inline, Spelt

_MOST_OPTIONS = 10_000
# What a definition needs to be read; what it holds beyond that is at its default.
_LEAST: dict[str, dict[str, object]] = {
    "physical": {"price": 1},
    "digital": {"price": 1},
    "currency": {"minTokens": 1, "maxTokens": 1, "rates": [{"currency": "EUR", "rate": "1"}]},
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """An option as a sheet wants it: ``body`` in the words of the API, without name and type.

    A name that is missing or wrong is ``None``, and among what is wrong with the sheet.
    """

    pointer: str
    name: UUID | None
    type: str
    body: dict[str, Any]


def written(options: Sequence[Option], providers: Mapping[UUID, str]) -> dict[str, Any]:
    """Options as a sheet; ``providers`` are names by ID."""
    return {"options": [row(option, providers[option.provider_id]) for option in options]}


def row(option: Option, provider: str) -> dict[str, Any]:
    """One option of a sheet: what everybody asks comes first, texts in other languages last."""
    shown: dict[str, Any] = {"name": str(option.name), "type": option.type, "title": option.title}
    shown |= {"provider": provider, **model.terms(option)}
    usual, rest = _usual(option.type), model.definition(option)
    translations = rest.pop("translations")
    for field, value in (*rest.items(), ("translations", translations)):
        if field in shown or (field != "providerId" and value != usual[field]):
            shown[field] = _lean(field, value)
    return shown


def _usual(kind: str) -> dict[str, Any]:
    """An option's definition with nothing but defaults."""
    nothing = {"type": kind, "title": "-", "providerId": str(UUID(int=0)), **_LEAST[kind]}
    return model.definition(definition.new("-", UUID(int=0), datetime.min, nothing))


def _lean(field: str, value: Any) -> Any:
    """Without what is at its default, and small things on one line."""
    if field == "window":
        return {k: v for k, v in value.items() if v not in (None, [1, 2, 3, 4, 5, 6, 7])}
    if field == "limits":
        limits = {name: limit for name, limit in value.items() if limit is not None}
        period = limits.get("perMemberPeriod")
        return limits if period is None else {**limits, "perMemberPeriod": Inline(period)}
    if field == "rates":
        return [Inline(rate) for rate in value]
    if field == "audience":
        return [[Inline(condition) for condition in group] for group in value]
    return value


def read(document: Any, providers: Mapping[str, UUID]) -> tuple[list[Wanted], list[dict[str, str]]]:
    """What a sheet wants, and what is wrong with its form, by JSON pointer.

    ``providers`` are IDs by name. What is wrong inside an option's fields is found when it is made.
    """
    fields = Fields(document)
    if isinstance(document, Mapping) and not fields.has("options"):
        fields.wrong("options", "is missing: a list of options")
    found: list[Wanted] = []
    seen: set[UUID] = set()
    for number, row in enumerate(fields.objects("options", most=_MOST_OPTIONS)):
        name = row.uuid("name", default=None)
        if name is None and not row.has("name"):
            row.wrong("name", "is missing: give a UUID, so that applying twice makes one option")
        elif name is not None and name in seen:
            row.wrong("name", "is there twice")
        kind = row.choice("type", model.TYPES)
        body = {"providerId": str(_provider(row, providers))}
        body |= {field: _as_json(field, value) for field, value in row.rest().items()}
        seen |= {name} if name is not None else set()
        found.append(Wanted(f"/options/{number}", name, kind, body))
    fields.close()
    return found, fields.errors


def _provider(row: Fields, providers: Mapping[str, UUID]) -> UUID:
    row.forbid(("providerId",), "is not for files: name it as provider, so that it fits everywhere")
    said = row.text("provider", longest=1000)
    if said in providers or not said:
        return providers.get(said, UUID(int=0))
    there = ", ".join(repr(name) for name in sorted(providers)) or "none"
    row.wrong("provider", f"is no provider of this programme; there are: {there}")
    return UUID(int=0)


def _as_json(field: str, value: Any) -> Any:
    """A number with a fraction is kept as it is spelt where money hangs on it, and is one of
    JSON's in an audience."""
    if isinstance(value, Mapping):
        return {name: _as_json(name, one) for name, one in value.items()}
    if isinstance(value, list):
        return [_as_json(field, one) for one in value]
    if field == "rate" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, Spelt):
        return float(value) if field == "value" else str(value)
    return value


def repointed(wanted: Wanted, wrong: InvalidRequest) -> list[dict[str, str]]:
    """What is wrong with an option, at its place in the sheet."""
    errors: Any = wrong.facts.get("errors", [])
    return [
        {
            "pointer": wanted.pointer + error["pointer"].replace("/providerId", "/provider"),
            "detail": error["detail"],
        }
        for error in errors
    ]
