"""Options: what can be redeemed, as people define it and as redemptions use it."""

import re
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from guerdon import strict_json
from guerdon.amount import MAX_TOKENS
from guerdon.errors import InvalidRequest

OptionType = Literal["physical", "digital", "currency"]
Tokens = Annotated[int, msgspec.Meta(ge=1, le=MAX_TOKENS)]
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_TOKENS)]
Text = Annotated[str, msgspec.Meta(max_length=10_000)]
Title = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Link = Annotated[str, msgspec.Meta(max_length=2000)]
Hours = Annotated[int, msgspec.Meta(ge=1, le=24 * 3650)]

_RATE = re.compile(r"(0|[1-9][0-9]{0,11})(\.[0-9]{1,12})?")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_ZONES = frozenset(available_timezones())


class _Strict(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Refuses fields it does not know."""


class RateEntry(_Strict):
    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3,8}$")]
    rate: str


class PerMemberPeriod(_Strict):
    count: Annotated[int, msgspec.Meta(ge=1, le=MAX_TOKENS)]
    days: Annotated[int, msgspec.Meta(ge=1, le=3650)]


class Limits(_Strict):
    total: Count | None = None
    per_member: Annotated[int, msgspec.Meta(ge=1, le=MAX_TOKENS)] | None = None
    per_member_period: PerMemberPeriod | None = None


class Window(_Strict):
    """When an option is offered; ``from`` inclusive, ``to`` exclusive."""

    from_: datetime | None = msgspec.field(default=None, name="from")
    to: datetime | None = None
    weekdays: Annotated[
        list[Annotated[int, msgspec.Meta(ge=1, le=7)]], msgspec.Meta(min_length=1, max_length=7)
    ] = msgspec.field(default_factory=lambda: [1, 2, 3, 4, 5, 6, 7])
    hours: Annotated[list[tuple[str, str]], msgspec.Meta(max_length=24)] | None = None
    time_zone: str = "UTC"


class Condition(_Strict):
    attribute: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    op: Literal[
        "eq", "ne", "gt", "gte", "lt", "lte", "in", "notIn", "contains", "exists", "missing"
    ]
    value: Any = None


class Definition(_Strict):
    """What people define. ``type`` and the provider belong to it, the name does not."""

    type: OptionType
    title: Title
    provider_id: UUID
    description: Text = ""
    image: Link | None = None
    details: Text = ""
    group: Annotated[str, msgspec.Meta(max_length=200)] = ""
    order: Annotated[int, msgspec.Meta(ge=-1_000_000, le=1_000_000)] = 0
    enabled: bool = True
    price: Tokens | None = None
    min_tokens: Tokens | None = None
    max_tokens: Tokens | None = None
    rates: Annotated[list[RateEntry], msgspec.Meta(max_length=50)] | None = None
    collect_email: bool = False
    collect_address: bool = False
    send_email: bool = True
    send_address: bool = True
    limits: Limits | None = None
    window: Window | None = None
    audience: (
        Annotated[
            list[Annotated[list[Condition], msgspec.Meta(min_length=1, max_length=50)]],
            msgspec.Meta(max_length=50),
        ]
        | None
    ) = None
    show_when_blocked: bool = False
    blocked_message: Text = ""
    show_when_used_up: bool = True
    used_up_message: Text = ""
    postponed_deadline_hours: Hours | None = None
    confirmation_deadline_hours: Hours = 24
    on_completion_redirect: Link | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """Units of currency a token: the exact value, and how people spelt it."""

    value: Decimal
    spelling: str


@dataclass(frozen=True, slots=True)
class Option:
    """One immutable version of an option, ready for use."""

    namespace: str
    name: UUID
    version: int
    archived: bool
    definition: Definition
    rates: dict[str, Rate]
    hours: tuple[tuple[time, time], ...]
    zone: ZoneInfo

    @property
    def type(self) -> OptionType:
        return self.definition.type

    @property
    def title(self) -> str:
        return self.definition.title

    @property
    def provider_id(self) -> UUID:
        return self.definition.provider_id

    @property
    def price(self) -> int | None:
        return self.definition.price

    @property
    def min_tokens(self) -> int | None:
        return self.definition.min_tokens

    @property
    def max_tokens(self) -> int | None:
        return self.definition.max_tokens

    @property
    def collect_email(self) -> bool:
        return self.definition.collect_email

    @property
    def collect_address(self) -> bool:
        return self.definition.collect_address

    @property
    def send_email(self) -> bool:
        return self.definition.send_email

    @property
    def send_address(self) -> bool:
        return self.definition.send_address

    @property
    def postponed_deadline_hours(self) -> int | None:
        return self.definition.postponed_deadline_hours

    @property
    def confirmation_deadline_hours(self) -> int:
        return self.definition.confirmation_deadline_hours


def checked(body: object) -> Definition:
    """A definition from a parsed body, or ``InvalidRequest`` with a pointer to each fault."""
    definition = strict_json.fit(body, Definition)
    wrong = [*_price_faults(definition), *_window_faults(definition), *_link_faults(definition)]
    if wrong:
        raise InvalidRequest(
            "The option cannot be saved like this.",
            errors=[{"pointer": pointer, "detail": detail} for pointer, detail in wrong],
        )
    return definition


def _price_faults(definition: Definition) -> list[tuple[str, str]]:
    conversion = {
        "/minTokens": definition.min_tokens,
        "/maxTokens": definition.max_tokens,
        "/rates": definition.rates or None,
    }
    if definition.type != "currency":
        wrong = [
            (pointer, "only a currency option has it")
            for pointer, value in conversion.items()
            if value is not None
        ]
        return wrong if definition.price is not None else [*wrong, ("/price", "is required")]
    wrong = [(p, "is required for a currency option") for p, v in conversion.items() if v is None]
    if definition.price is not None:
        wrong.append(("/price", "a currency option has rates instead"))
    low, high = definition.min_tokens, definition.max_tokens
    if low is not None and high is not None and low > high:
        wrong.append(("/minTokens", "must not be above maxTokens"))
    seen: set[str] = set()
    for number, entry in enumerate(definition.rates or []):
        if not _RATE.fullmatch(entry.rate) or Decimal(entry.rate) == 0:
            wrong.append((f"/rates/{number}/rate", 'must be a positive decimal such as "0.0125"'))
        if entry.currency in seen:
            wrong.append((f"/rates/{number}/currency", "stands in the list already"))
        seen.add(entry.currency)
    return wrong


def _window_faults(definition: Definition) -> list[tuple[str, str]]:
    window, wrong = definition.window, []
    if window is None:
        return []
    if window.time_zone not in _ZONES:
        wrong.append(("/window/timeZone", 'must be a name such as "Europe/Dublin"'))
    for field, moment in (("from", window.from_), ("to", window.to)):
        if moment is not None and moment.tzinfo is None:
            wrong.append((f"/window/{field}", "must have an offset, such as Z"))
    for number, pair in enumerate(window.hours or []):
        if not all(_CLOCK.fullmatch(part) for part in pair):
            wrong.append((f"/window/hours/{number}", 'must be two times such as "09:00"'))
    return wrong


def _link_faults(definition: Definition) -> list[tuple[str, str]]:
    wrong = []
    image, redirect = definition.image, definition.on_completion_redirect
    if image and not (image.startswith("https://") or re.match(r"/[^/\\]", image)):
        wrong.append(("/image", "must start with https:// or be a path on this server"))
    if redirect and not redirect.startswith("https://"):
        wrong.append(("/onCompletionRedirect", "must start with https://"))
    return wrong


def ready(
    namespace: str, name: UUID, version: int, archived: bool, definition: Definition
) -> Option:
    """A definition as redemptions use it."""
    window = definition.window or Window()
    return Option(
        namespace,
        name,
        version,
        archived,
        definition,
        {entry.currency: Rate(Decimal(entry.rate), entry.rate) for entry in definition.rates or []},
        tuple((time.fromisoformat(a), time.fromisoformat(b)) for a, b in window.hours or []),
        ZoneInfo(window.time_zone),
    )
