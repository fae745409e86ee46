"""What a list's address asks for: the address is the state, so everything is in its query.

    /redeem/transactions?view=all&status=postponed,-success&option=<name>&type=digital&user=ada
        &assignee=me&q=019de3f0&created=24h | 2026-11-01..2026-11-22&age=>1h&price=>=500
        &result=timeout,5xx&actor=operator&payload=V-1881&sort=created&after=<id>&open=<id>,<id>
        &limit=100&cols=id,status&tz=Europe/Dublin

Several values of a field are OR, several fields are AND. ``-`` before a value negates it, ``*``
after a userId stands for all that begin so; a backslash takes the meaning of a sign away. The text
of ``payload`` stands for itself. A value that does not read is kept, marked and left out of the
search; a parameter nobody knows is left out with a notice.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from guerdon.console import columns
from guerdon.console.columns import Column
from guerdon.console.moments import Zone
from guerdon.transactions.lists.pages import LAST_ID
from guerdon.transactions.states import Status

VIEWS = ("needs-decision", "all", "failed-today", "slow-provider", "contradictions")
FILTERS = (
    "status",
    "option",
    "type",
    "user",
    "assignee",
    "q",
    "created",
    "age",
    "price",
    "result",
    "actor",
    "payload",
)
# What a saved view keeps beside the view; what else the address holds; what only passes through it.
_KEPT = ("sort", "limit", "cols", *FILTERS)
_PLACE = {"after", "before", "open"}
_STATE = ("view", "saved", "tz", *_PLACE, *_KEPT)
_PASSING = ("find", "done", "choosing", "chosen", "col", "move", "edit", "typed", "guess")
SINGLE = ("q", "created", "age", "price", "payload")
NEGATED = ("status", "option", "type", "user", "actor")
# Who can end a transaction, as addresses and as histories name them.
ACTORS = {"operator": "operator", "provider": "provider", "system": "system", "integrator": "key"}
LIMITS = ("50", "100", "200")
TYPES = ("physical", "digital", "currency")
# What a search of payloads is refused without; a day on which clocks go back has one hour more.
NEEDS_SPAN = "needs a span of at most 31 days"
_LONGEST_SPAN = timedelta(days=31, hours=1)
SPANS = ("24h", "7d", "31d")
SLOW_SECONDS = 30
_LENGTH = re.compile(r"(?P<number>\d{1,5})(?P<unit>[mhdw])")
_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_VALUE = re.compile(r"(?:\\.|[^,\\])+\\?")
_RESULT = re.compile(r"[1-5]xx|[1-5]\d\d|[a-z][a-z0-9-]{2,39}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
PRICE = re.compile(r"(?P<sign>>=|<=|>|<|=|)(?P<number>\d{1,16})")
AGE = re.compile(r"(?P<sign>[<>]?)(?P<length>\d{1,5}[mhdw])")


@dataclass(frozen=True, slots=True)
class Token:
    """One filter of the address; ``wrong`` says what is the matter with its value."""

    field: str
    value: str
    shown: str
    wrong: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """The address, read. ``view`` is ``None`` where it names none."""

    view: str | None
    tokens: tuple[Token, ...]
    oldest_first: bool | None
    after: UUID | None
    before: UUID | None
    opened: tuple[UUID, ...]
    limit: int
    unknown: tuple[str, ...]
    columns: tuple[Column, ...]
    saved: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)

    def values(self, name: str) -> list[str]:
        """The good values of a field."""
        return [one.value for one in self.tokens if one.field == name and one.wrong is None]

    @property
    def text(self) -> str | None:
        """The text that is looked for in payloads."""
        return next(iter(self.values("payload")), None)

    @property
    def needs_span(self) -> bool:
        return any(token.wrong == NEEDS_SPAN for token in self.tokens)

    @property
    def wrong(self) -> bool:
        return any(token.wrong is not None for token in self.tokens)

    def kept(self, view: str) -> dict[str, str]:
        """What a saved view of this list is: its view, filters and order, in one spelling."""
        given = {name: self.parameters.get(name) for name in _KEPT}
        return {"view": view} | {name: value for name, value in given.items() if value}

    def link(self, **changes: str | None) -> dict[str, str]:
        """The parameters of this list with some changed; ``None`` takes one away. Another list
        begins at its own first page."""
        if not _PLACE & changes.keys():
            changes = dict.fromkeys(_PLACE) | changes
        return self.here(**changes)

    def here(self, **changes: str | None) -> dict[str, str]:
        """The parameters of this very page with some changed; ``None`` takes one away."""
        kept = {k: v for k, v in self.parameters.items() if k in _STATE}
        return {k: v for k, v in (kept | changes).items() if v is not None}

    def without(self, token: Token) -> dict[str, str]:
        """The parameters without one token."""
        rest = [t.value for t in self.tokens if t.field == token.field and t != token]
        return self.link(**{token.field: ",".join(rest) or None})

    def with_more(self, name: str, value: str) -> dict[str, str]:
        """The parameters with one more value of a field."""
        have = [t.value for t in self.tokens if t.field == name]
        values = [value] if name in SINGLE else [*have, value]
        return self.link(**{name: ",".join(dict.fromkeys(values)), "view": "all"})


def read(parameters: Mapping[str, str], zone: Zone, now: datetime) -> Asked:
    """Reads the query of an address."""
    tokens: list[Token] = []
    for name in FILTERS:
        text = parameters.get(name, "")
        parts = [text] if name in SINGLE else _VALUE.findall(text)
        values = dict.fromkeys(part.strip() for part in parts)
        tokens += [_token(name, value, zone, now) for value in values if value]
    if not _within_a_span(tokens, zone, now):
        tokens = [
            replace(one, wrong=one.wrong or NEEDS_SPAN) if one.field == "payload" else one
            for one in tokens
        ]
    given = {name: value for name, value in parameters.items() if value}
    for name, (reads, detail) in _SETTINGS.items():
        if name in given and not reads(given[name]):
            tokens.append(Token(name, given.pop(name), parameters[name], detail))
    if given.get("tz", zone.choice) != zone.choice:
        tokens.append(Token("tz", given["tz"], given["tz"], "is no time zone known here"))
    return Asked(
        view=given.get("view"),
        tokens=tuple(tokens),
        oldest_first={"created": True, "-created": False}.get(given.get("sort", "")),
        after=_uuid(given.get("after", "")),
        before=_uuid(given.get("before", "")),
        opened=tuple(one for one in map(_uuid, given.get("open", "").split(",")) if one),
        limit=int(given.get("limit", LIMITS[0])),
        columns=columns.chosen(given["cols"].split(",") if "cols" in given else ()),
        unknown=tuple(name for name in parameters if name not in (*_STATE, *_PASSING)),
        saved=parameters.get("saved"),
        parameters=dict(parameters),
    )


def _within_a_span(tokens: Sequence[Token], zone: Zone, now: datetime) -> bool:
    """Whether a date range bounds the list well enough for payloads to be searched."""
    spans = [created(one.value, zone, now) for one in tokens if one.field == "created"]
    return any(span and (span[1] or now) - span[0] <= _LONGEST_SPAN for span in spans)


def _are_uuids(value: str) -> bool:
    return all(_uuid(one) is not None for one in value.split(","))


# What the address holds beside filters: whether a value reads, and what is the matter if not.
_SETTINGS: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "view": (VIEWS.__contains__, f"is none of {', '.join(VIEWS)}"),
    "sort": (("created", "-created").__contains__, "is neither created nor -created"),
    "limit": (LIMITS.__contains__, f"is none of {', '.join(LIMITS)}"),
    "after": (_are_uuids, "is no ID to go on from"),
    "before": (_are_uuids, "is no ID to go on from"),
    "open": (_are_uuids, "is no list of IDs"),
    "cols": (columns.known, f"is no list of columns: {', '.join(columns.COLUMNS)}"),
}


def _token(name: str, value: str, zone: Zone, now: datetime) -> Token:
    check = _CHECKS.get(name)
    refused = value.startswith("-") and name != "payload"
    said = value[1:] if refused and name not in SINGLE else value
    wrong = check(said, zone, now) if check is not None else None
    if refused and wrong is None and (name not in NEGATED or (name == "actor" and "@" in said)):
        wrong = "cannot be turned round with a minus"
    shown = said if name == "payload" else plain(said)
    if name == "created" and _LENGTH.fullmatch(value):
        shown = f"last {value}"
    return Token(name, value, f"not {shown}" if refused and wrong is None else shown, wrong)


def escaped(text: str) -> str:
    """A text as a value of the address that means just this text."""
    inner = text.replace("\\", "\\\\").replace(",", "\\,")
    if inner.endswith("*"):
        inner = inner[:-1] + "\\*"
    return "\\" + inner if inner.startswith("-") else inner


def plain(value: str) -> str:
    """The text that a value of the address means."""
    return re.sub(r"\\(.)", r"\1", value)


def begins(value: str) -> str | None:
    """The beginning that a value stands for, where it ends with an asterisk."""
    return plain(value[:-1]) if re.search(r"(?<!\\)(\\\\)*\*$", value) else None


def _status_wrong(value: str, _zone: Zone, _now: datetime) -> str | None:
    return None if value in set(Status) else f"is none of {', '.join(Status)}"


def _option_wrong(value: str, _zone: Zone, _now: datetime) -> str | None:
    return None if _uuid(value) is not None else "is no option of this programme"


def _result_wrong(value: str, _zone: Zone, _now: datetime) -> str | None:
    return None if _RESULT.fullmatch(value) else "is no result such as timeout, 5xx or 404"


def _actor_wrong(value: str, _zone: Zone, _now: datetime) -> str | None:
    known = value in ACTORS or "@" in value
    return None if known else f"is none of {', '.join(ACTORS)}, nor an operator's email"


def _type_wrong(value: str, _zone: Zone, _now: datetime) -> str | None:
    return None if value in TYPES else f"is none of {', '.join(TYPES)}"


def _created_wrong(value: str, zone: Zone, now: datetime) -> str | None:
    if created(value, zone, now) is None:
        return "is no span such as 24h, 7d, today or 2026-11-01..2026-11-22"
    return None


def _assignee_wrong(value: str, _zone: Zone, _now: datetime) -> str | None:
    return None if value == "me" or "@" in value else "is neither me nor an operator's email"


def _price_wrong(value: str, _zone: Zone, _now: datetime) -> str | None:
    return None if PRICE.fullmatch(value) else "is no price such as 500, >=500 or <100"


def _age_wrong(value: str, _zone: Zone, _now: datetime) -> str | None:
    return None if AGE.fullmatch(value) else "is no age such as >1h or <30m"


def _q_wrong(value: str, _zone: Zone, _now: datetime) -> str | None:
    return (
        None if id_span(value) is not None else "is not the beginning of an ID (6 digits or more)"
    )


def _payload_wrong(value: str, _zone: Zone, _now: datetime) -> str | None:
    if "@" in value:
        return "has an @: an email is found by email:, exactly, and never in payloads"
    return None if 3 <= len(value) <= 100 else "must have 3 to 100 characters"


_CHECKS: Mapping[str, Callable[[str, Zone, datetime], str | None]] = {
    "status": _status_wrong,
    "option": _option_wrong,
    "result": _result_wrong,
    "actor": _actor_wrong,
    "type": _type_wrong,
    "created": _created_wrong,
    "assignee": _assignee_wrong,
    "price": _price_wrong,
    "age": _age_wrong,
    "q": _q_wrong,
    "payload": _payload_wrong,
}


def seconds(length: str) -> int:
    """How long ``30m`` is."""
    found = _LENGTH.fullmatch(length)
    return 0 if found is None else int(found["number"]) * _UNITS[found["unit"]]


def created(value: str, zone: Zone, now: datetime) -> tuple[datetime, datetime | None] | None:
    """From when, and to when (exclusive), or ``None`` if it is no span."""
    if value == "today":
        return zone.midnight(now), None
    if _LENGTH.fullmatch(value):
        return now - timedelta(seconds=seconds(value)), None
    first, dots, last = value.partition("..")
    if not dots:
        last = first
    start, end = _moment(first, zone), _moment(last, zone)
    if start is None or end is None:
        return None
    if _DAY.fullmatch(last):
        end += timedelta(days=1)
    return (start, end) if start < end else None


def _moment(text: str, zone: Zone) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    there = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone.info)
    return there.astimezone(UTC)


def id_span(text: str) -> tuple[UUID, UUID] | None:
    """The exclusive ends of the IDs that begin so; 6 hexadecimal digits are the least."""
    digits = text.replace("-", "").lower()
    if not 6 <= len(digits) <= 32 or any(digit not in "0123456789abcdef" for digit in digits):
        return None
    first, last = int(digits.ljust(32, "0"), 16), int(digits.ljust(32, "f"), 16)
    return UUID(int=max(first - 1, 0)), UUID(int=min(last + 1, LAST_ID.int))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
