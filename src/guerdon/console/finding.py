"""The one search box: what is typed becomes filters of the address, which people see and can undo.

Bare text is an ID's beginning, an email, a userId or its beginning, or an option's title, tried in
that order; every look-up is by an index and bounded.
"""

import re
from uuid import UUID

from guerdon.console import asked as addresses
from guerdon.console.asked import Asked
from guerdon.db.pool import ReadTx
from guerdon.ids import bucket_of
from guerdon.members import store as members
from guerdon.members.lists import pages as member_lists
from guerdon.options import store as options
from guerdon.options.model import Option

_TERM = re.compile(
    r"(?P<not>-?)(?P<field>status|option|type|user|assignee|created|age|price|id):"
    r"(?:\"(?P<quoted>[^\"]*)\"|(?P<bare>\S+))"
)
_MOST_USERS = 10
_MOST_OPTIONS = 1000


async def filters_for(
    tx: ReadTx, slots: int, namespace: str, asked: Asked, text: str
) -> dict[str, str]:
    """The parameters of the list with what was typed turned into filters."""
    parameters = asked.link(view="all")
    added: list[tuple[str, str]] = []
    for term in _TERM.finditer(text):
        name = "q" if term["field"] == "id" else term["field"]
        value = term["bare"] if term["quoted"] is None else term["quoted"]
        if name == "option":
            added += [("option", str(one)) for one in await _titled(tx, namespace, value)] or [
                ("option", value)
            ]
        else:
            added.append((name, term["not"] + value))
    bare = " ".join(_TERM.sub(" ", text).split())
    if bare:
        added += await _classified(tx, slots, namespace, bare)
    for name, value in added:
        have = parameters.get(name, "")
        several = name in ("status", "option", "type", "user", "assignee")
        values = [*have.split(","), value] if have and several else [value]
        parameters[name] = ",".join(dict.fromkeys(values))
    return parameters


async def _classified(tx: ReadTx, slots: int, namespace: str, text: str) -> list[tuple[str, str]]:
    if addresses.id_span(text) is not None:
        return [("q", text)]
    if "@" in text:
        rows = await member_lists.by_email(tx, namespace, text, _MOST_USERS)
        if rows:
            return [("user", row.user_id) for row in rows]
    if await find_member(tx, slots, namespace, text) is not None:
        return [("user", text)]
    begun = await member_lists.by_prefix(tx, slots, namespace, text, _MOST_USERS)
    if begun:
        return [("user", row.user_id) for row in begun]
    return [("option", str(name)) for name in await _titled(tx, namespace, text)] or [
        ("user", text)
    ]


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


async def _titled(tx: ReadTx, namespace: str, text: str) -> list[UUID]:
    wanted = text.casefold()
    return [
        option.name
        for option in await catalogue(tx, namespace)
        if wanted in option.title.casefold() or str(option.name) == wanted
    ]
