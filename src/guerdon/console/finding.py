"""The one search box: what is typed becomes filters of the address, to be seen and changed.

Bare text is an ID's beginning, an email, a userId or its beginning, or an option's title, tried in
that order; every look-up is by an index and bounded. What was guessed is said, beside what else it
could have been.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from guerdon.console import asked as addresses
from guerdon.console.asked import Asked, Token
from guerdon.db.pool import ReadTx
from guerdon.ids import bucket_of
from guerdon.members import store as members
from guerdon.members.lists import pages as member_lists
from guerdon.options import store as options
from guerdon.options.model import Option

# How people write the fields; an ID's beginning is ``q`` in the address.
FIELDS = ("id", "email", *(name for name in addresses.FILTERS if name != "q"))
_TERM = re.compile(
    rf"(?<!\S)(?P<not>-?)(?P<field>{'|'.join(FIELDS)}):"
    r"(?:\"(?P<quoted>[^\"]*)\"(?P<star>\*?)|(?P<bare>\S+))"
)
_GUESS = re.compile(r"(?P<kind>id|email|user|option)\.(?P<count>\d{1,4})")
_MOST_MEMBERS = 10
_MOST_OF_A_BEGINNING = 200
_MOST_OPTIONS = 1000
_Filter = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Guess:
    """What bare text was taken as, and the parameters under which it is taken as something else."""

    text: str
    kind: str
    others: dict[str, dict[str, str]]


async def filters_for(
    tx: ReadTx, slots: int, namespace: str, asked: Asked, text: str
) -> dict[str, str]:
    """The parameters of the list with what was typed turned into filters."""
    added: list[_Filter] = []
    for term in _TERM.finditer(text):
        added += await _meant(tx, namespace, term)
    bare = " ".join(_TERM.sub(" ", text).split())
    guess: dict[str, str] = {}
    if bare:
        kind, found = await _classified(tx, slots, namespace, bare)
        added += found
        guess = {"typed": bare, "guess": f"{kind}.{len(found)}"}
    # Whoever names a status, or just anything, means every view.
    anywhere = bool(bare) or any(name in ("status", "q", "payload") for name, _ in added)
    parameters = asked.link(view="all") if anywhere else asked.link()
    for name, value in added:
        have = parameters.get(name, "")
        values = [value] if name in addresses.SINGLE or not have else [have, value]
        parameters[name] = ",".join(dict.fromkeys(values))
    return parameters | guess


async def _meant(tx: ReadTx, namespace: str, term: re.Match[str]) -> list[_Filter]:
    """The filters of one ``field:value``."""
    name, minus, quoted = term["field"], term["not"], term["quoted"]
    value = term["bare"] if quoted is None else quoted
    match name:
        case "id":
            return [("q", minus + value)]
        case "email":
            rows = await member_lists.by_email(tx, namespace, value, _MOST_MEMBERS)
            found = [row.user_id for row in rows] or [value]
            return [("user", minus + addresses.escaped(one)) for one in found]
        case "user":
            star = value.endswith("*") if quoted is None else bool(term["star"])
            exact = value[:-1] if star and quoted is None else value
            return [("user", minus + addresses.escaped(exact) + ("*" if star else ""))]
        case "option":
            titled = await _titled(tx, namespace, value)
            return [("option", minus + str(one)) for one in titled] or [("option", minus + value)]
    return [(name, minus + value)]


async def _classified(
    tx: ReadTx, slots: int, namespace: str, text: str
) -> tuple[str, list[_Filter]]:
    """What bare text is taken as, and its filters."""
    if addresses.id_span(text) is not None:
        return "id", [("q", text)]
    if "@" in text:
        rows = await member_lists.by_email(tx, namespace, text, _MOST_MEMBERS)
        if rows:
            return "email", [("user", addresses.escaped(row.user_id)) for row in rows]
    if await find_member(tx, slots, namespace, text) is not None:
        return "user", [("user", addresses.escaped(text))]
    if await member_lists.by_prefix(tx, slots, namespace, text, 1):
        return "user", [("user", addresses.escaped(text) + "*")]
    titled = await _titled(tx, namespace, text)
    if titled:
        return "option", [("option", str(name)) for name in titled]
    return "user", [("user", addresses.escaped(text))]


def guessed(asked: Asked) -> Guess | None:
    """What the search box took for something just now."""
    text = asked.parameters.get("typed", "")
    found = _GUESS.fullmatch(asked.parameters.get("guess", ""))
    if not text or found is None:
        return None
    field = {"id": "q", "email": "user"}.get(found["kind"], found["kind"])
    values = [token.value for token in asked.tokens if token.field == field]
    kept = values[: max(0, len(values) - int(found["count"]))]
    before = asked.link(**{field: ",".join(kept) or None})
    quoted = text.replace('"', "")
    others = {
        kind: before | {"find": f'{kind}:"{quoted}"'}
        for kind in ("id", "email", "user", "option")
        if kind != found["kind"]
        and (kind != "id" or addresses.id_span(text) is not None)
        and (kind != "email" or "@" in text)
    }
    return Guess(text, found["kind"], others)


def written(token: Token) -> str:
    """A token as people type it."""
    if token.field == "payload" and re.search(r"\s", token.value):
        bare = token.value.replace('"', "")
        return f'payload:"{bare}"'
    if token.field in addresses.SINGLE:
        return f"{'id' if token.field == 'q' else token.field}:{token.value}"
    minus = "-" if token.value.startswith("-") and token.shown.startswith("not ") else ""
    star = "*" if addresses.begins(token.value) is not None else ""
    text = token.shown.removeprefix("not ") if minus else token.shown
    text = text[:-1] if star else text
    quoted = f'"{text}"' if re.search(r"[\s\"]|\*$", text) else text
    return f"{minus}{token.field}:{quoted}{star}"


async def members_of(
    tx: ReadTx, slots: int, namespace: str, values: Sequence[str]
) -> tuple[UUID, ...]:
    """The members of userIds and of beginnings of them, each of those bounded."""
    found: list[UUID] = []
    for value in values:
        begin = addresses.begins(value)
        if begin is not None:
            rows = await member_lists.by_prefix(tx, slots, namespace, begin, _MOST_OF_A_BEGINNING)
            found += [row.member_id for row in rows]
            continue
        member = await find_member(tx, slots, namespace, addresses.plain(value))
        found += [] if member is None else [member]
    return tuple(found)


async def find_member(tx: ReadTx, slots: int, namespace: str, user_id: str) -> UUID | None:
    """The member of a userId."""
    slot = bucket_of(namespace, user_id) % slots
    found = await members.find(tx, slot, [(namespace, user_id)])
    return found[namespace, user_id].member_id if found else None


async def catalogue(tx: ReadTx, namespace: str) -> list[Option]:
    """Every option of a namespace, archived ones too, in the order they are shown."""
    found: list[Option] = []
    after: tuple[int, UUID] | None = None
    while len(found) < _MOST_OPTIONS:
        part = await options.page(tx, namespace, archived=None, limit=200, after=after)
        found += part
        if len(part) < 200:
            break
        after = (part[-1].order, part[-1].name)
    return found


def titles(options: Sequence[Option]) -> dict[str, str]:
    """The titles of options by their names."""
    return {str(option.name): option.title for option in options}


async def _titled(tx: ReadTx, namespace: str, text: str) -> list[UUID]:
    wanted = text.casefold()
    return [
        option.name
        for option in await catalogue(tx, namespace)
        if wanted in option.title.casefold() or str(option.name) == wanted
    ]
