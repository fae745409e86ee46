"""An option: what can be redeemed, as one version of it stands, and how the API shows it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from guerdon import clock

TYPES = ("physical", "digital", "currency")

# What members read of an option, and how many characters it may have. These are translated.
TEXTS = {
    "title": 200,
    "description": 2000,
    "details": 20_000,
    "blockedMessage": 500,
    "usedUpMessage": 500,
}

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Rate:
    """Units of a currency for one token: the exact number, and how it was spelt."""

    value: Decimal
    spelling: str


@dataclass(frozen=True, slots=True)
class Period:
    """At most ``count`` redemptions in any ``days`` times 24 hours."""

    count: int
    days: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How often an option may be used: in all, by one member, by one member in a period."""

    total: int | None = None
    per_member: int | None = None
    per_member_period: Period | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """When an option is open. ``hours`` are minutes of the day in ``time_zone``.

    A span of hours begins on one of ``weekdays`` (ISO, 1 is Monday); one that ends before it
    starts runs over midnight. No spans: all day.
    """

    opens: datetime | None
    closes: datetime | None
    weekdays: tuple[int, ...]
    hours: tuple[tuple[int, int], ...]
    time_zone: str


@dataclass(frozen=True, slots=True)
class Condition:
    """One statement about a member's attribute; ``exists`` and ``missing`` have no value."""

    attribute: str
    op: str
    value: Scalar | tuple[Scalar, ...] | None


@dataclass(frozen=True, slots=True)
class Option:
    """One version of an option. Prices are tokens; ``rates`` are by currency.

    ``price`` is set for physical and digital options; ``min_tokens``, ``max_tokens`` and ``rates``
    for currency options. ``audience`` is OR between groups and AND inside one; none is everyone.
    ``language`` is that of the option's own texts, where somebody said it; ``translations`` are
    some of :data:`TEXTS` by language tag.
    """

    namespace: str
    name: UUID
    type: str
    version: int
    archived: bool
    created_at: datetime
    title: str
    description: str
    image: str | None
    details: str
    language: str | None
    translations: Mapping[str, Mapping[str, str]]
    group: str | None
    order: int
    enabled: bool
    provider_id: UUID
    price: int | None
    min_tokens: int | None
    max_tokens: int | None
    rates: Mapping[str, Rate]
    collect_email: bool
    collect_address: bool
    send_email: bool
    send_address: bool
    limits: Limits
    window: Window | None
    audience: tuple[tuple[Condition, ...], ...]
    show_when_blocked: bool
    blocked_message: str | None
    show_when_used_up: bool
    used_up_message: str | None
    postponed_deadline_hours: int | None
    confirmation_deadline_hours: int
    on_completion_redirect: str | None


@dataclass(frozen=True, slots=True)
class Usage:
    """How often an option was used (open and succeeded), and what is left of its total."""

    used: int
    left: int | None


def archived(option: Option) -> Option:
    """The next version, out of the catalogue."""
    return replace(option, version=option.version + 1, archived=True)


def definition(option: Option) -> dict[str, object]:
    """What a version is made of, in the words of the API: stored, and the target of a patch."""
    return {
        "title": option.title,
        "description": option.description,
        "image": option.image,
        "details": option.details,
        "language": option.language,
        "translations": {tag: dict(texts) for tag, texts in option.translations.items()},
        "group": option.group,
        "order": option.order,
        "enabled": option.enabled,
        "providerId": str(option.provider_id),
        **terms(option),
        "collectEmail": option.collect_email,
        "collectAddress": option.collect_address,
        "sendEmail": option.send_email,
        "sendAddress": option.send_address,
        "limits": _limits(option.limits),
        "window": None if option.window is None else _window(option.window),
        "audience": [[_condition(one) for one in group] for group in option.audience],
        "showWhenBlocked": option.show_when_blocked,
        "blockedMessage": option.blocked_message,
        "showWhenUsedUp": option.show_when_used_up,
        "usedUpMessage": option.used_up_message,
        "postponedDeadlineHours": option.postponed_deadline_hours,
        "confirmationDeadlineHours": option.confirmation_deadline_hours,
        "onCompletionRedirect": option.on_completion_redirect,
    }


def to_wire(option: Option, usage: Usage) -> dict[str, object]:
    """An option as the API shows it."""
    return {
        "name": str(option.name),
        "type": option.type,
        **definition(option),
        "version": option.version,
        "archived": option.archived,
        "timesUsed": usage.used,
        "timesLeft": usage.left,
    }


def terms(option: Option) -> dict[str, object]:
    """What it costs, in the words of the API."""
    if option.type != "currency":
        return {"price": option.price}
    return {
        "minTokens": option.min_tokens,
        "maxTokens": option.max_tokens,
        "rates": [
            {"currency": currency, "rate": rate.spelling} for currency, rate in option.rates.items()
        ],
    }


def _limits(limits: Limits) -> dict[str, object]:
    period = limits.per_member_period
    return {
        "total": limits.total,
        "perMember": limits.per_member,
        "perMemberPeriod": (
            None if period is None else {"count": period.count, "days": period.days}
        ),
    }


def _window(window: Window) -> dict[str, object]:
    return {
        "from": None if window.opens is None else clock.rfc3339(window.opens),
        "to": None if window.closes is None else clock.rfc3339(window.closes),
        "weekdays": list(window.weekdays),
        "hours": [[_time(start), _time(end)] for start, end in window.hours] or None,
        "timeZone": window.time_zone,
    }


def _time(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _condition(condition: Condition) -> dict[str, object]:
    wire: dict[str, object] = {"attribute": condition.attribute, "op": condition.op}
    if condition.op not in ("exists", "missing"):
        value = condition.value
        wire["value"] = list(value) if isinstance(value, tuple) else value
    return wire
