"""Options: what can be redeemed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from guerdon_client import calls
from guerdon_client.calls import Call
from guerdon_client.endpoints import Driver, Resource, endpoint, iteration
from guerdon_client.reading import Page, one, page_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Units of a currency for one token, exactly."""

    currency: str
    rate: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """At most ``count`` redemptions in any ``days`` times 24 hours."""

    count: int
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How often an option may be used: in all, by one member, by one member in a period."""

    total: int | None = None
    per_member: int | None = None
    per_member_period: Period | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One statement about a member's attribute; ``exists`` and ``missing`` have no value."""

    attribute: str
    op: str
    value: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """What can be redeemed, as it stands. Prices are tokens.

    ``price`` is set for physical and digital options; ``min_tokens``, ``max_tokens`` and ``rates``
    for currency options. ``audience`` is OR between groups and AND inside one; none is everyone.
    ``translations`` are texts by language and field; the option's own are in ``language``.
    ``window`` and ``translations`` are JSON as docs/api.md tells it.
    """

    name: str
    type: Literal["physical", "digital", "currency"]
    title: str
    description: str
    image: str | None
    details: str
    group: str | None
    order: int
    enabled: bool
    provider_id: str
    price: int | None = None
    min_tokens: int | None = None
    max_tokens: int | None = None
    rates: tuple[Rate, ...] = ()
    collect_email: bool
    collect_address: bool
    send_email: bool
    send_address: bool
    limits: Limits
    window: Mapping[str, Any] | None
    audience: tuple[tuple[Condition, ...], ...]
    show_when_blocked: bool
    blocked_message: str | None
    show_when_used_up: bool
    used_up_message: str | None
    postponed_deadline_hours: int | None
    confirmation_deadline_hours: int
    on_completion_redirect: str | None
    version: int
    archived: bool
    times_used: int
    times_left: int | None
    language: str | None = None
    translations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class Options(Resource[Driver]):
    """The catalogue of the key's namespace (scope ``read`` or ``options``)."""

    @endpoint
    def get(self, name: str) -> Call[Option]:
        """One option by its name, a UUID. Raises ``OptionNotFound``."""
        return calls.getting(calls.path("v1", "options", name), one(Option))

    @endpoint
    def page(
        self, *, archived: bool = False, limit: int | None = None, cursor: str | None = None
    ) -> Call[Page[Option]]:
        """One page, in the order in which they are shown. ``limit`` is 1 to 200, by default 50."""
        shown = "true" if archived else None
        query = (("archived", shown), ("limit", limit), ("cursor", cursor))
        return calls.getting("/v1/options", page_of(Option), query)

    iterate = iteration(
        page.call,
        "iterate",
        "All options, in the order in which they are shown, ``limit`` of them a page.",
    )
