"""Redeem > Options: the catalogue at a glance, in its order, each option with a switch."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from guerdon import ids
from guerdon.console.pages import Pages, policy
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.db.pool import ReadTx
from guerdon.db.pool import Row as StoredRow
from guerdon.errors import InvalidRequest
from guerdon.options import model, store
from guerdon.options.model import Option, Usage
from guerdon.providers import store as providers
from guerdon.redemption import curation
from guerdon.redemption.curation import Curator
from guerdon.transactions.lists import pages as lists
from guerdon.web.parts import Parts

_LISTED = 200
_LOOKED_AT, _ATTEMPTS_LOOKED_AT = 20_000, 2000
_DAYS = 30
_COUNTED = 1000
_ORIGIN = re.compile(r"(https://[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?)(?:[/?#]|$)")
_MOST_ORIGINS = 20
_OPEN = ("pending", "postponed", "recoverable-failure")
FILTERS = {"type": model.TYPES, "state": ("on", "off"), "health": ("good", "trouble")}


@dataclass(frozen=True, slots=True)
class Figures:
    """How an option fared in 30 days; ``days`` are redemptions a day, the oldest first."""

    days: Sequence[int]
    found: int
    good: int
    closed: int
    open: int

    @property
    def highest(self) -> int:
        """The most of a day, and at least one, to draw by."""
        return max(1, *self.days)


@dataclass(frozen=True, slots=True)
class Listed:
    """An option in the list. ``blocked``: why its provider takes nothing, if it does not."""

    option: Option
    usage: Usage
    figures: Figures | None
    p95: float | None
    changed: StoredRow
    provider: str
    blocked: str | None

    @property
    def origin(self) -> str | None:
        """Where its picture comes from; ``None`` where there is none, or the host site has it."""
        found = _ORIGIN.match(self.option.image or "")
        return None if found is None else found[1].lower()


class OptionList:
    """The handlers."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    def table(self) -> list[Page]:
        """Their place in the table."""
        one = "/redeem/options/{name}"
        return [
            Page("GET", "/redeem/options", self.page),
            Page("POST", one + "/switch", self.switch, "options"),
            Page("POST", one + "/move", self.move, "options"),
        ]

    async def page(self, visit: Visit) -> Response:
        """The list."""
        archived = visit.query("view") == "archived"
        chosen = {
            name: value for name, known in FILTERS.items() if (value := visit.query(name)) in known
        }
        async with self._parts.database.read() as tx:
            listed = await self._listed(tx, visit, archived=archived)
            has_providers = bool(listed) or bool(await providers.names(tx, visit.namespace))
        origins = sorted({one.origin for one in listed if one.origin is not None})[:_MOST_ORIGINS]
        values = {
            "title": "Options",
            "place": "/redeem/options",
            "archived": archived,
            "listed": [one for one in listed if _fits(one, chosen)],
            "any": bool(listed),
            "origins": origins,
            "has_providers": has_providers,
            "filters": FILTERS,
            "chosen": chosen,
            "movable": not archived and not chosen and visit.operator.may("options"),
            "done": visit.query("done"),
            "may": visit.operator.may("options"),
        }
        headers = {"Content-Security-Policy": policy(origins)}
        return await self._pages.screen(visit, "options.html", values, headers=headers)

    async def _listed(self, tx: ReadTx, visit: Visit, *, archived: bool) -> list[Listed]:
        namespace, start = visit.namespace, ids.first_id_at(visit.now - timedelta(days=_DAYS))
        found = await store.page(tx, namespace, archived=archived, limit=_LISTED, after=None)
        usage = await store.usage(tx, found)
        changed = await store.last_changes(tx, namespace, [option.name for option in found])
        days = await lists.option_days(tx, namespace, start, visit.now, _LOOKED_AT)
        speeds = await lists.option_speeds(tx, namespace, start, _ATTEMPTS_LOOKED_AT)
        standings = await providers.standing(tx, [namespace])
        named = await providers.names(tx, namespace)
        return [
            Listed(
                option,
                usage[namespace, option.name],
                _figures(days[option.name]) if option.name in days else None,
                speeds.get(option.name),
                changed[option.name],
                named[option.provider_id],
                standings[option.provider_id].blocked,
            )
            for option in found
        ]

    async def switch(self, visit: Visit) -> Response:
        """On or off. Off asks first where transactions are open."""
        name, wanted = visit.identifier("name"), visit.field("to") == "on"
        async with self._parts.database.read() as tx:
            option = await store.get(tx, visit.namespace, name)
            still_open = 0 if wanted else await self._open(tx, visit.namespace, name)
        if still_open and not visit.field("sure"):
            values = {
                "title": f"Switch {option.title} off?",
                "place": "/redeem/options",
                "option": option,
                "still_open": still_open,
            }
            return await self._pages.screen(visit, "option_switch.html", values)
        if option.enabled != wanted:
            async with self._parts.database.tx() as tx:
                await curation.change(
                    tx, _curator(visit), name, {"enabled": wanted}, if_match=option.version
                )
        return _back(visit, f"{'on' if wanted else 'off'}:{name}")

    async def move(self, visit: Visit) -> Response:
        """One place up or down, in one ``Tx``: each option whose order changes gets a version."""
        name, by = visit.identifier("name"), -1 if visit.field("way") == "up" else 1
        async with self._parts.database.tx() as tx:
            found = await store.page(tx, visit.namespace, archived=False, limit=_LISTED, after=None)
            for option, order in moved(found, name, by):
                await curation.change(
                    tx, _curator(visit), option.name, {"order": order}, if_match=option.version
                )
        return _back(visit, f"moved:{name}")

    @staticmethod
    async def _open(tx: ReadTx, namespace: str, name: UUID) -> int:
        wanted = lists.Wanted(namespace, statuses=_OPEN, option_names=(name,))
        return len(await lists.page(tx, wanted, _COUNTED))


def moved(listed: Sequence[Option], name: UUID, by: int) -> list[tuple[Option, int]]:
    """The options whose order changes so that one stands a place further, with their new order."""
    at = next((n for n, option in enumerate(listed) if option.name == name), None)
    if at is None:
        raise InvalidRequest("This option is not in the catalogue.")
    if not 0 <= at + by < len(listed):
        return []
    sequence = list(listed)
    one, other = sequence[at], sequence[at + by]
    sequence[at], sequence[at + by] = other, one
    orders = {option.name: option.order for option in listed}
    orders[one.name], orders[other.name] = other.order, one.order
    changed: list[tuple[Option, int]] = []
    last: tuple[int, UUID] | None = None
    for option in sequence:
        order = orders[option.name]
        # Options of one order stand by their names: those that would stand wrong move on.
        if last is not None and (order, option.name) <= last:
            order = last[0] + (option.name < last[1])
        last = order, option.name
        if order != option.order:
            changed.append((option, order))
    return changed


def _figures(rows: Sequence[StoredRow]) -> Figures:
    by_age = {row.age: row.found for row in rows}
    return Figures(
        [by_age.get(age, 0) for age in reversed(range(_DAYS))],
        sum(row.found for row in rows),
        sum(row.good for row in rows),
        sum(row.closed for row in rows),
        sum(row.open for row in rows),
    )


def _fits(listed: Listed, chosen: dict[str, str]) -> bool:
    has = {
        "type": listed.option.type,
        "state": "on" if listed.option.enabled else "off",
        "health": "good" if listed.blocked is None else "trouble",
    }
    return all(has[name] == value for name, value in chosen.items())


def _curator(visit: Visit) -> Curator:
    return Curator(visit.namespace, visit.operator.actor, visit.address)


def _back(visit: Visit, done: str) -> Response:
    return RedirectResponse(visit.url("/redeem/options", {"done": done}), status_code=303)
