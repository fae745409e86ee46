"""The form of an option: its fields in sections, and the way between what is typed and JSON.

A field is named by the JSON pointer of what it sets, so that what the definition says is wrong
finds its place. What is typed is handed on as it is where it does not read: the definition says
what is the matter with it, and nothing that was typed is lost.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from guerdon.options.model import Condition

Kind = Literal["line", "lines", "whole", "tick", "choice", "days"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field. ``only`` names the types of option that have it; empty: all. ``language``: the
    tag of the language that it is written in."""

    name: str
    label: str
    kind: Kind = "line"
    hint: str = ""
    only: tuple[str, ...] = ()
    required: bool = False
    language: str = ""


_PRICED, _CURRENCY = ("physical", "digital"), ("currency",)

SECTIONS: Sequence[tuple[str, Sequence[Field]]] = (
    (
        "What members see",
        (
            Field("title", "Title", required=True),
            Field("description", "Description", "lines"),
            Field("details", "Details", "lines", "Terms and small print."),
            Field(
                "language",
                "Language of these texts",
                hint="Such as en or pt-BR: screen readers read them in it. Empty: not said.",
            ),
            Field("image", "Image", hint="An https address, or a path of the host site."),
            Field("group", "Group", hint="Options of a group stand together."),
            Field("order", "Order", "whole", "The lowest comes first."),
            Field("enabled", "Can be redeemed", "tick"),
        ),
    ),
    (
        "Price and limits",
        (
            Field("price", "Price in tokens", "whole", only=_PRICED, required=True),
            Field("minTokens", "At least, in tokens", "whole", only=_CURRENCY, required=True),
            Field("maxTokens", "At most, in tokens", "whole", only=_CURRENCY, required=True),
            Field(
                "rates",
                "Rates",
                "lines",
                "One a line: EUR 0.0125 is how much one token is worth. Rounded down to cents.",
                _CURRENCY,
                required=True,
            ),
            Field(
                "limits/total", "In all", "whole", "How often it can be redeemed; empty: always."
            ),
            Field("limits/perMember", "By one member", "whole"),
            Field("limits/perMemberPeriod/count", "By one member in a period", "whole"),
            Field("limits/perMemberPeriod/days", "The period in days", "whole"),
        ),
    ),
    (
        "When",
        (
            Field("window/from", "From", hint="Such as 2026-11-22T09:30:00Z; empty: at once."),
            Field("window/to", "Until", hint="Such as 2026-12-24T18:00:00+01:00; empty: for good."),
            Field("window/weekdays", "On", "days"),
            Field(
                "window/hours", "Between", hint="Such as 09:00-12:00, 13:00-17:00; empty: all day."
            ),
            Field("window/timeZone", "In the time zone", hint="Such as Europe/Dublin."),
        ),
    ),
    (
        "Who may redeem",
        (
            Field(
                "audience",
                "Audience",
                "lines",
                "Lines are OR, “and” joins conditions: tier in gold, platinum and age >= 18. "
                "Also = != > < <= not in, contains, exists, missing. Empty: everyone.",
            ),
            Field("showWhenBlocked", "Shown to others, blocked", "tick"),
            Field("blockedMessage", "What they read", "lines"),
            Field("showWhenUsedUp", "Shown when used up", "tick"),
            Field("usedUpMessage", "What is read then", "lines"),
        ),
    ),
    (
        "Delivery",
        (
            Field("providerId", "Provider", "choice", required=True),
            Field("collectEmail", "Asks for an email", "tick"),
            Field("collectAddress", "Asks for an address", "tick"),
            Field("sendEmail", "The provider is sent the email", "tick"),
            Field("sendAddress", "The provider is sent the address", "tick"),
            Field(
                "postponedDeadlineHours",
                "Hours that “later” may last",
                "whole",
                "Then it becomes a recoverable failure, never a refund by itself. Empty: no end.",
            ),
            Field("confirmationDeadlineHours", "Hours to wait for a callback", "whole"),
            Field("onCompletionRedirect", "Where the member is sent afterwards"),
        ),
    ),
)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WORDS = {
    "eq": "=",
    "ne": "!=",
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
    "in": "in",
    "notIn": "not in",
    "contains": "contains",
    "exists": "exists",
    "missing": "missing",
}
_OPERATORS = {word: op for op, word in _WORDS.items()}
_CONDITION = re.compile(
    r"(?P<attribute>\S+)\s+(?P<word>>=|<=|!=|=|>|<|not in|in|contains|exists|missing)(?P<rest>.*)"
)
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,9})?")
_SIMPLE = re.compile(r"[^\s\"',]+")


def fields_of(kind: str) -> list[tuple[str, list[Field]]]:
    """The sections of a type of option."""
    return [
        (name, [field for field in fields if not field.only or kind in field.only])
        for name, fields in SECTIONS
    ]


def labels(kind: str) -> dict[str, str]:
    """What each field is called, by its name."""
    return {field.name: field.label for _, fields in fields_of(kind) for field in fields}


def written(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A definition as the form shows it: texts, ticks, and days as a set."""
    shown: dict[str, Any] = {}
    for _, fields in SECTIONS:
        for field in fields:
            value: Any = definition
            for part in field.name.split("/"):
                value = value.get(part) if isinstance(value, Mapping) else None
            shown[field.name] = _as_text(field, value)
    return shown


def _as_text(field: Field, value: Any) -> Any:
    if field.name == "window/weekdays":
        return set(value or range(1, 8))
    if value is None:
        return "" if field.kind != "tick" else False
    if field.name == "rates":
        return "\n".join(f"{rate['currency']} {rate['rate']}" for rate in value)
    if field.name == "window/hours":
        return ", ".join("-".join(span) for span in value)
    if field.name == "audience":
        return audience_text(value)
    return value if field.kind == "tick" else str(value)


def typed(kind: str, form: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """A form as it was typed, to be shown again."""
    shown: dict[str, Any] = {}
    for _, fields in fields_of(kind):
        for field in fields:
            values = form.get(field.name, [])
            if field.kind == "days":
                shown[field.name] = {int(day) for day in values if day.isdigit()}
            elif field.kind == "tick":
                shown[field.name] = bool(values)
            else:
                shown[field.name] = values[0].strip() if values else ""
    return shown


def body_of(kind: str, shown: Mapping[str, Any]) -> dict[str, Any]:
    """What is typed as JSON; a field that is empty is ``null``."""
    body: dict[str, Any] = {}
    for _, fields in fields_of(kind):
        for field in fields:
            _put(body, field.name, _as_json(field, shown[field.name]))
    period = body["limits"]["perMemberPeriod"]
    if period["count"] is None and period["days"] is None:
        body["limits"]["perMemberPeriod"] = None
    window = body["window"]
    set_at_all = any(window[name] for name in ("from", "to", "hours", "timeZone"))
    if not set_at_all and window["weekdays"] == list(range(1, 8)):
        body["window"] = None
    return body


def _put(body: dict[str, Any], name: str, value: Any) -> None:
    *path, last = name.split("/")
    for part in path:
        body = body.setdefault(part, {})
    body[last] = value


def _as_json(field: Field, value: Any) -> Any:
    if field.kind == "days":
        return sorted(value)
    if field.kind == "tick":
        return bool(value)
    if not value:
        return [] if field.name == "audience" else None
    if field.kind == "whole":
        digits = value.replace(",", "")
        return int(digits) if re.fullmatch(r"-?\d{1,18}", digits) else value
    if field.name == "rates":
        return [
            dict(zip(("currency", "rate"), [*line.split(), "", ""][:2], strict=True))
            for line in value.splitlines()
            if line.strip()
        ]
    if field.name == "window/hours":
        return [[end.strip() for end in span.split("-")] for span in value.split(",")]
    if field.name == "audience":
        return audience_of(value)
    return value


def audience_text(groups: Sequence[Sequence[Mapping[str, Any]]]) -> str:
    """An audience as lines; one that the lines cannot say stays JSON."""
    lines = []
    for group in groups:
        said = [_condition_text(one) for one in group]
        if None in said:
            return json.dumps(groups, ensure_ascii=False)
        lines.append(" and ".join(part for part in said if part is not None))
    text = "\n".join(lines)
    return text if audience_of(text) == list(groups) else json.dumps(groups, ensure_ascii=False)


def condition_text(condition: Condition) -> str:
    """One condition as a line says it."""
    value = list(condition.value) if isinstance(condition.value, tuple) else condition.value
    said = {"attribute": condition.attribute, "op": condition.op}
    return (
        _condition_text(said | ({} if value is None else {"value": value})) or condition.attribute
    )


def _condition_text(condition: Mapping[str, Any]) -> str | None:
    word = _WORDS[condition["op"]]
    if "value" not in condition:
        return f"{condition['attribute']} {word}"
    values = condition["value"] if isinstance(condition["value"], list) else [condition["value"]]
    return f"{condition['attribute']} {word} {', '.join(_scalar_text(one) for one in values)}"


def _scalar_text(value: Any) -> str:
    if isinstance(value, str):
        plain = _SIMPLE.fullmatch(value) and value not in ("true", "false", "and")
        return value if plain and not _NUMBER.fullmatch(value) else json.dumps(value)
    return json.dumps(value)


def audience_of(text: str) -> Any:
    """Lines as an audience. What is no condition is handed on, to be refused with its place."""
    if text.startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return [
        [_condition_of(part) for part in re.split(r"\s+and\s+", line.strip())]
        for line in text.splitlines()
        if line.strip()
    ]


def _condition_of(text: str) -> Any:
    found = _CONDITION.fullmatch(text.strip())
    if found is None:
        return text
    op, rest = _OPERATORS[found["word"]], found["rest"].strip()
    condition: dict[str, Any] = {"attribute": found["attribute"], "op": op}
    if op in ("exists", "missing"):
        return condition | ({"value": rest} if rest else {})
    values = [
        _scalar_of(one) for one in re.findall(r'"(?:[^"\\]|\\.)*"|[^,]+', rest) if one.strip()
    ]
    several = op in ("in", "notIn")
    return condition | {"value": values if several else (values[0] if values else None)}


def _scalar_of(text: str) -> Any:
    given = text.strip()
    if given.startswith('"') or given in ("true", "false") or _NUMBER.fullmatch(given):
        try:
            return json.loads(given)
        except ValueError:
            return given
    return given


def placed(errors: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """What is wrong, by the name of the field that it is about; the rest under no name.

    What is wrong in a translation is the translations' own to place.
    """
    names = [field.name for _, fields in SECTIONS for field in fields]
    found: dict[str, str] = {}
    for error in errors:
        pointer = error["pointer"].removeprefix("/")
        if pointer.startswith("translations/"):
            continue
        about = [name for name in names if pointer == name or pointer.startswith(name + "/")]
        begun = [name for name in names if pointer and name.startswith(pointer + "/")]
        name = max(about, key=len) if about else (begun[0] if begun else "")
        found.setdefault(name, error["detail"])
    return found
