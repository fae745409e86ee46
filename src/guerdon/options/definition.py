"""Reads the definition of an option that comes in, and says all that is wrong with it at once."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from guerdon.amount import MAX_TOKENS
from guerdon.errors import InvalidRequest
from guerdon.fields import Fields, merge_patch, unwritable
from guerdon.options import model
from guerdon.options.model import TEXTS, Condition, Limits, Option, Period, Rate, Scalar, Window

OPERATORS = (
    "eq",
    "ne",
    "gt",
    "gte",
    "lt",
    "lte",
    "in",
    "notIn",
    "contains",
    "exists",
    "missing",
)
_REFUSED = "This option cannot be saved."
_TAG_WANTED = 'must be a language tag, spelt like "de", "pt-BR" or "zh-Hant"'
_SHOWN_ONLY = ("version", "archived", "timesUsed", "timesLeft")
LARGEST_ORDER = 2**31 - 1
_LONGEST_DAYS = 3660
_LONGEST_HOURS = 87_600
_MOST_LANGUAGES = 20
_LONGEST_TRANSLATIONS = 100_000

# Spelt as a JSON number, because that is what the provider is sent; at most 28 digits, so that
# the product with an amount of tokens is exact.
_RATE = re.compile(r"(0|[1-9][0-9]{0,13})(\.[0-9]{1,14})?")
# BCP 47 as far as texts need it: a language, its script and its region, each spelt in its usual
# case, so that one language has one name.
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_TIME = re.compile(r"(?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9])|24:00")
_MOMENT = re.compile(
    r"(19|2\d)\d\d-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_HTTPS = re.compile(r"https://[^\s/?#@\\]+([/?#]\S*)?", re.IGNORECASE)
_SITE_PATH = re.compile(r"/([^\s/\\]\S*)?")


def new(namespace: str, fallback_name: UUID, created_at: datetime, body: object) -> Option:
    """The first version of an option, or ``InvalidRequest`` with a pointer to each bad field.

    ``name`` may be given, so that links of another system go on working.
    """
    fields = Fields(body)
    name = fields.uuid("name", default=fallback_name)
    kind = fields.choice("type", model.TYPES)
    return _read(fields, namespace, name, kind, version=1, archived=False, created_at=created_at)


def patched(option: Option, patch: object) -> Option:
    """The next version: the present one under a JSON Merge Patch. ``name`` and ``type`` stay."""
    if not isinstance(patch, Mapping):
        raise InvalidRequest(_REFUSED, errors=[{"pointer": "", "detail": "must be an object"}])
    errors = [
        {"pointer": f"/{field}", "detail": "never changes"}
        for field, value in (("name", str(option.name)), ("type", option.type))
        if field in patch and patch[field] != value
    ]
    changes = {key: value for key, value in patch.items() if key not in ("name", "type")}
    return _next(option, Fields(merge_patch(model.definition(option), changes), errors=errors))


def replaced(option: Option, whole: object) -> Option:
    """The next version, made of ``whole`` alone: what it does not name is at its default."""
    return _next(option, Fields(whole))


def _next(option: Option, fields: Fields) -> Option:
    return _read(
        fields,
        option.namespace,
        option.name,
        option.type,
        version=option.version + 1,
        archived=option.archived,
        created_at=option.created_at,
    )


def stored(
    namespace: str,
    name: UUID,
    kind: str,
    version: int,
    archived: bool,
    created_at: datetime,
    text: object,
) -> Option:
    """A version as it was stored. One that no longer reads is ``InvalidRequest``, a defect."""
    return _read(
        Fields(text),
        namespace,
        name,
        kind,
        version=version,
        archived=archived,
        created_at=created_at,
    )


def _read(
    fields: Fields,
    namespace: str,
    name: UUID,
    kind: str,
    *,
    version: int,
    archived: bool,
    created_at: datetime,
) -> Option:
    price, lowest, highest, rates = _terms(fields, kind)
    language = _language(fields)
    fields.forbid(_SHOWN_ONLY, "is not set but comes about")
    option = Option(
        namespace=namespace,
        name=name,
        type=kind,
        version=version,
        archived=archived,
        created_at=created_at,
        title=fields.text("title", shortest=1, longest=TEXTS["title"]),
        description=fields.text(
            "description", longest=TEXTS["description"], default="", lines=True
        ),
        image=_link(fields, "image"),
        details=fields.text("details", longest=TEXTS["details"], default="", lines=True),
        language=language,
        translations=_translations(fields, language),
        group=fields.text("group", longest=100, default=None),
        order=fields.integer("order", lowest=-LARGEST_ORDER, highest=LARGEST_ORDER, default=0),
        enabled=fields.flag("enabled", default=True),
        provider_id=fields.uuid("providerId"),
        price=price,
        min_tokens=lowest,
        max_tokens=highest,
        rates=rates,
        collect_email=fields.flag("collectEmail", default=False),
        collect_address=fields.flag("collectAddress", default=False),
        send_email=fields.flag("sendEmail", default=True),
        send_address=fields.flag("sendAddress", default=True),
        limits=_limits(fields.nested("limits")),
        window=_window(fields.nested("window")),
        audience=_audience(fields),
        show_when_blocked=fields.flag("showWhenBlocked", default=True),
        blocked_message=_sentence(fields, "blockedMessage"),
        show_when_used_up=fields.flag("showWhenUsedUp", default=True),
        used_up_message=_sentence(fields, "usedUpMessage"),
        postponed_deadline_hours=fields.integer(
            "postponedDeadlineHours", lowest=1, highest=_LONGEST_HOURS, default=None
        ),
        confirmation_deadline_hours=fields.integer(
            "confirmationDeadlineHours", lowest=1, highest=_LONGEST_HOURS, default=24
        ),
        on_completion_redirect=_link(fields, "onCompletionRedirect"),
    )
    fields.done(_REFUSED)
    return option


def _sentence(fields: Fields, name: str) -> str | None:
    return fields.text(name, longest=TEXTS[name], default=None, lines=True)


def _language(fields: Fields) -> str | None:
    tag = fields.text("language", longest=35, default=None)
    if tag is not None and _LANGUAGE.fullmatch(tag) is None:
        fields.wrong("language", _TAG_WANTED)
    return tag


def _translations(fields: Fields, language: str | None) -> dict[str, dict[str, str]]:
    """Texts by language, in the order of the tags; a language without any is not there."""
    found: dict[str, dict[str, str]] = {}
    for tag, row in fields.entries("translations", most=_MOST_LANGUAGES):
        if _LANGUAGE.fullmatch(tag) is None:
            row.refuse(_TAG_WANTED)
        elif tag == language:
            row.refuse("is the language of the option's own texts")
        texts = {
            name: row.text(name, shortest=1, longest=longest, default=None, lines=name != "title")
            for name, longest in TEXTS.items()
        }
        said = {name: text for name, text in texts.items() if text is not None}
        if said:
            found[tag] = said
    if (
        sum(len(text) for texts in found.values() for text in texts.values())
        > _LONGEST_TRANSLATIONS
    ):
        fields.wrong("translations", f"may have {_LONGEST_TRANSLATIONS} characters in all")
    return dict(sorted(found.items()))


def _terms(fields: Fields, kind: str) -> tuple[int | None, int | None, int | None, dict[str, Rate]]:
    """What it costs: a price, or for a currency option a range of tokens and the rates."""
    if kind != "currency":
        fields.forbid(("minTokens", "maxTokens", "rates"), "is only for currency options")
        return fields.integer("price", lowest=1, highest=MAX_TOKENS), None, None, {}
    fields.forbid(("price",), "is not for currency options: they have minTokens and maxTokens")
    lowest = fields.integer("minTokens", lowest=1, highest=MAX_TOKENS)
    highest = fields.integer("maxTokens", lowest=1, highest=MAX_TOKENS)
    if highest < lowest:
        fields.wrong("maxTokens", "must be at least minTokens")
    rates: dict[str, Rate] = {}
    rows = fields.objects("rates", most=200)
    for row in rows:
        currency = row.text("currency", longest=3)
        spelling = row.text("rate", longest=30)
        if _CURRENCY.fullmatch(currency) is None:
            row.wrong("currency", "must be three capital letters (ISO 4217)")
        elif currency in rates:
            row.wrong("currency", "is there twice")
        if _RATE.fullmatch(spelling) is None or not Decimal(spelling):
            row.wrong("rate", 'must be a number above 0 in a string, such as "0.0125"')
        else:
            rates[currency] = Rate(Decimal(spelling), spelling)
    if not rows:
        fields.wrong("rates", "must name at least one currency")
    return None, lowest, highest, rates


def _limits(fields: Fields | None) -> Limits:
    if fields is None:
        return Limits()
    most = 2**31 - 1
    period = fields.nested("perMemberPeriod")
    return Limits(
        total=fields.integer("total", lowest=0, highest=MAX_TOKENS, default=None),
        per_member=fields.integer("perMember", lowest=1, highest=most, default=None),
        per_member_period=(
            None
            if period is None
            else Period(
                count=period.integer("count", lowest=1, highest=most),
                days=period.integer("days", lowest=1, highest=_LONGEST_DAYS),
            )
        ),
    )


def _window(fields: Fields | None) -> Window | None:
    if fields is None:
        return None
    opens, closes = _moment(fields, "from"), _moment(fields, "to")
    if opens is not None and closes is not None and closes <= opens:
        fields.wrong("to", "must be after from")
    return Window(opens, closes, _weekdays(fields), _hours(fields), _time_zone(fields))


def _moment(fields: Fields, name: str) -> datetime | None:
    text = fields.text(name, longest=40, default=None)
    if text is None:
        return None
    if _MOMENT.fullmatch(text):
        try:
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # said below: the pattern fits, the calendar does not
    fields.wrong(name, "must be an RFC 3339 time with its offset, such as 2026-11-22T09:30:00Z")
    return None


def _weekdays(fields: Fields) -> tuple[int, ...]:
    if fields.raw("weekdays") is None:
        return (1, 2, 3, 4, 5, 6, 7)
    days: set[int] = set()
    rows = fields.rows("weekdays", most=7)
    for _, day in rows:
        if isinstance(day, bool) or not isinstance(day, int) or not 1 <= day <= 7:
            fields.wrong("weekdays", "must be numbers from 1 (Monday) to 7 (Sunday)")
            break
        days.add(day)
    if not rows:
        fields.wrong("weekdays", "must have at least one day")
    return tuple(sorted(days))


def _hours(fields: Fields) -> tuple[tuple[int, int], ...]:
    spans: list[tuple[int, int]] = []
    for pointer, row in fields.rows("hours", most=24):
        pair = [_minute(time) for time in row] if isinstance(row, list) else []
        match pair:
            case [int(start), int(end)] if start != end and start < 24 * 60:
                spans.append((start, end))
            case _:
                detail = 'must be two different times of day, such as ["09:00", "17:00"]'
                fields.errors.append({"pointer": pointer, "detail": detail})
    return tuple(spans)


def _minute(time: object) -> int | None:
    found = _TIME.fullmatch(time) if isinstance(time, str) else None
    if found is None:
        return None
    if found["hour"] is None:
        return 24 * 60
    return int(found["hour"]) * 60 + int(found["minute"])


def _time_zone(fields: Fields) -> str:
    name = fields.text("timeZone", shortest=1, longest=64, default="UTC")
    try:
        ZoneInfo(name)
    except (ValueError, ZoneInfoNotFoundError, OSError):  # OSError: the name of a folder of zones
        fields.wrong("timeZone", "must be the name of a time zone, such as Europe/Berlin")
        return "UTC"
    return name


def _audience(fields: Fields) -> tuple[tuple[Condition, ...], ...]:
    groups: list[tuple[Condition, ...]] = []
    for pointer, group in fields.rows("audience", most=50):
        if not isinstance(group, list) or not 1 <= len(group) <= 50:
            fields.errors.append({"pointer": pointer, "detail": "must be a list of conditions"})
            continue
        rows = [fields.row(f"{pointer}/{n}", one) for n, one in enumerate(group)]
        groups.append(tuple(_condition(row) for row in rows))
    return tuple(groups)


def _condition(row: Fields) -> Condition:
    attribute = row.text("attribute", shortest=1, longest=100)
    op = row.choice("op", OPERATORS)
    value = row.raw("value")
    if op in ("exists", "missing"):
        row.forbid(("value",), f"has no meaning with {op}")
        return Condition(attribute, op, None)
    if op in ("in", "notIn"):
        if not isinstance(value, list) or not 1 <= len(value) <= 500:
            row.wrong("value", "must be a list of 1 to 500 strings, numbers, true or false")
            return Condition(attribute, op, ())
        return Condition(attribute, op, tuple(_scalar(row, one) for one in value))
    one = _scalar(row, value)
    if op in ("gt", "gte", "lt", "lte") and isinstance(one, bool):
        row.wrong("value", "must be a number or a string, to be compared by size")
    return Condition(attribute, op, one)


def _scalar(row: Fields, value: object) -> Scalar:
    if isinstance(value, str):
        if len(value) > 1000 or unwritable(value, lines=True):
            row.wrong("value", "must have at most 1000 characters, all of which can be stored")
        return value
    if isinstance(value, bool | int | float):
        return value
    row.wrong("value", "must be a string, a number, true or false")
    return ""


def _link(fields: Fields, name: str) -> str | None:
    """An https address, or a path of the site itself: nothing a browser would run or load bare."""
    link = fields.text(name, longest=2000, default=None)
    if link is None or _HTTPS.fullmatch(link) or _SITE_PATH.fullmatch(link):
        return link
    fields.wrong(name, "must be an https address, or a path on the site that begins with one /")
    return None
