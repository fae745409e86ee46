"""Options, their versions and their shares in the database. Sets in, sets out."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import psycopg

from guerdon.db.pool import ReadTx, Row, Tx
from guerdon.db.sql import Queries
from guerdon.errors import InvalidRequest, OptionNotFound, PreconditionFailed
from guerdon.options import definition, model
from guerdon.options.model import Option, Usage

_Q = Queries("guerdon.options")

OptionKey = tuple[str, UUID]

# A version never changes, so it is read once. The moment the option was made tells apart options
# of one name in different databases; `archived` is not part of a version.
_VersionKey = tuple[str, UUID, int, datetime, bool]
_KEPT_VERSIONS = 10_000
_kept: dict[_VersionKey, Option] = {}


async def current(tx: ReadTx, keys: Collection[OptionKey]) -> dict[OptionKey, Option]:
    """Options by (namespace, name) as they stand; archived ones too, unknown ones not."""
    return await _load(tx, await tx.all(_Q["current"], _keys(keys)))


async def at_versions(
    tx: ReadTx, keys: Collection[tuple[str, UUID, int]]
) -> dict[tuple[str, UUID, int], Option]:
    """Options by (namespace, name, version) as they were: what a transaction was made with."""
    rows = await tx.all(_Q["current"], _keys({key[:2] for key in keys}))
    standing = {(row.namespace, row.option_name): row for row in rows}
    wanted = [standing[key[:2]]._replace(version=key[2]) for key in keys if key[:2] in standing]
    found: dict[tuple[str, UUID, int], Option] = {}
    for row in wanted:
        loaded = await _load(tx, [row])
        found |= {(*key, option.version): option for key, option in loaded.items()}
    return found


async def _load(tx: ReadTx, rows: Iterable[Row]) -> dict[OptionKey, Option]:
    found: dict[OptionKey, Option] = {}
    unread: list[Row] = []
    for row in rows:
        known = _kept.get(_version_key(row))
        if known is None:
            unread.append(row)
        else:
            found[row.namespace, row.option_name] = known
    if unread:
        texts = await tx.all(
            _Q["definitions"],
            {
                "namespaces": [row.namespace for row in unread],
                "names": [row.option_name for row in unread],
                "versions": [row.version for row in unread],
            },
        )
        by_key = {(text.namespace, text.option_name, text.version): text for text in texts}
        for row in unread:
            text = by_key[row.namespace, row.option_name, row.version].definition
            found[row.namespace, row.option_name] = _keep(row, text)
    return found


def _keep(row: Row, text: object) -> Option:
    if len(_kept) >= _KEPT_VERSIONS:
        _kept.pop(next(iter(_kept)))
    option = definition.stored(
        row.namespace, row.option_name, row.type, row.version, row.archived, row.created_at, text
    )
    _kept[_version_key(row)] = option
    return option


def _version_key(row: Row) -> _VersionKey:
    return (row.namespace, row.option_name, row.version, row.created_at, row.archived)


async def lock_shares(
    tx: Tx, slot: int, keys: Collection[OptionKey]
) -> dict[OptionKey, int | None]:
    """What one slot may still take of total limits, locked in the order of the keys.

    ``None`` is no total limit. 0 is not the end: see :func:`refill`.
    """
    rows = await tx.all(_Q["lock_shares"], {"slot": slot, **_keys(keys)})
    return {(row.namespace, row.option_name): row.spare for row in rows}


async def take(tx: Tx, slot: int, deltas: Mapping[OptionKey, int]) -> None:
    """Counts uses in one slot; a negative number gives uses back."""
    await tx.execute(
        _Q["take"], {"slot": slot, "deltas": list(deltas.values()), **_keys(deltas.keys())}
    )


async def refill(tx: Tx, namespace: str, name: UUID, slot: int) -> int:
    """Moves units of a total limit to one slot's share; answers how many it now has.

    Needs a ``Tx`` of its own: it locks every share of the option. What nobody has (units that came
    back, or a total that was raised) is dealt out first; else the largest share gives half.
    """
    row = await tx.first(_Q["lock_option"], {"namespace": namespace, "name": name})
    if row is None:
        return 0
    option = (await _load(tx, [row]))[namespace, name]
    shares = await tx.all(_Q["all_shares"], {"namespace": namespace, "name": name})
    total = option.limits.total
    spares = {share.slot: share.spare or 0 for share in shares}
    if total is None or slot not in spares:
        return 0
    free = total - sum(share.used for share in shares) - sum(spares.values())
    if free > 0:
        _deal(spares, free, first=slot)
    if spares[slot] == 0:
        richest = max(spares, key=lambda other: spares[other])
        moved = (spares[richest] + 1) // 2
        spares[richest] -= moved
        spares[slot] += moved
    await _save_spares(tx, option, spares)
    return spares[slot]


async def create(tx: Tx, slots: int, option: Option, author: str) -> None:
    """Stores the first version. ``InvalidRequest``: the name is taken, or no such provider."""
    try:
        made = await tx.run(_Q["add_option"], {**_columns(option), "at": option.created_at})
    except psycopg.errors.ForeignKeyViolation as unknown:
        raise _unknown_provider() from unknown
    if not made:
        raise InvalidRequest(
            "This option cannot be saved.",
            errors=[{"pointer": "/name", "detail": "is the name of another option"}],
        )
    await _add_version(tx, option, author, option.created_at)
    spares: dict[int, int | None] = dict.fromkeys(range(slots))
    if option.limits.total is not None:
        spares = {**_dealt(slots, option.limits.total)}
    await tx.run(
        _Q["add_shares"],
        {
            "namespace": option.namespace,
            "name": option.name,
            "slots": list(spares),
            "spares": list(spares.values()),
        },
    )


async def change(
    tx: Tx, namespace: str, name: UUID, patch: object, *, if_match: int | None, author: str
) -> Option:
    """Makes the next version by a JSON Merge Patch and answers it.

    Raises ``OptionNotFound``, ``PreconditionFailed`` (another version stands), ``InvalidRequest``.
    """
    option = await lock(tx, namespace, name, if_match=if_match)
    return await _follow(tx, option, definition.patched(option, patch), author)


async def replace(
    tx: Tx, namespace: str, name: UUID, whole: object, *, if_match: int | None, author: str
) -> Option:
    """Makes the next version of a whole definition and answers it; nothing of the last stays.

    Raises ``OptionNotFound``, ``PreconditionFailed`` (another version stands), ``InvalidRequest``.
    """
    option = await lock(tx, namespace, name, if_match=if_match)
    return await _follow(tx, option, definition.replaced(option, whole), author)


async def _follow(tx: Tx, option: Option, changed: Option, author: str) -> Option:
    await _save(tx, changed, author)
    if changed.limits.total != option.limits.total:
        await _set_total(tx, changed)
    return changed


async def archive(
    tx: Tx, namespace: str, name: UUID, *, if_match: int | None, author: str
) -> Option:
    """Takes the option out of the catalogue; archived already, it stays as it is."""
    option = await lock(tx, namespace, name, if_match=if_match)
    if option.archived:
        return option
    archived = model.archived(option)
    await _save(tx, archived, author)
    return archived


async def lock(tx: Tx, namespace: str, name: UUID, *, if_match: int | None) -> Option:
    """One option under lock. Raises ``OptionNotFound``, ``PreconditionFailed``."""
    row = await tx.first(_Q["lock_option"], {"namespace": namespace, "name": name})
    if row is None:
        raise OptionNotFound(f"There is no option {name}.")
    if if_match is not None and if_match != row.version:
        raise PreconditionFailed(
            "Somebody changed this option in the meantime.", version=row.version
        )
    return (await _load(tx, [row]))[namespace, name]


async def get(tx: ReadTx, namespace: str, name: UUID) -> Option:
    """One option as it stands, or ``OptionNotFound``."""
    found = await current(tx, [(namespace, name)])
    if not found:
        raise OptionNotFound(f"There is no option {name}.")
    return found[namespace, name]


async def page(
    tx: ReadTx,
    namespace: str,
    *,
    archived: bool | None,
    limit: int,
    after: tuple[int, UUID] | None,
) -> list[Option]:
    """Up to ``limit`` options in the order they are shown, after (order, name).

    ``archived`` ``None`` lists both kinds.
    """
    order, name = after if after is not None else (None, None)
    rows = await tx.all(
        _Q["page"],
        {
            "namespace": namespace,
            "archived": archived,
            "limit": limit,
            "after_order": order,
            "after_name": name,
        },
    )
    found = await _load(tx, rows)
    return [found[row.namespace, row.option_name] for row in rows]


async def usage(tx: ReadTx, options: Sequence[Option]) -> dict[OptionKey, Usage]:
    """How often options of one namespace were used, and what is left of their totals."""
    if not options:
        return {}
    rows = await tx.all(
        _Q["usage"],
        {"namespace": options[0].namespace, "names": [option.name for option in options]},
    )
    used = {row.option_name: row.used for row in rows}
    counted: dict[OptionKey, Usage] = {}
    for option in options:
        count, total = used.get(option.name, 0), option.limits.total
        left = None if total is None else max(0, total - count)
        counted[option.namespace, option.name] = Usage(count, left)
    return counted


async def versions(
    tx: ReadTx, namespace: str, name: UUID, *, below: int | None, limit: int
) -> list[Row]:
    """Versions, newest first, below a number: rows of (version, definition, author, created_at)."""
    return await tx.all(
        _Q["versions"], {"namespace": namespace, "name": name, "below": below, "limit": limit}
    )


async def last_changes(tx: ReadTx, namespace: str, names: Sequence[UUID]) -> dict[UUID, Row]:
    """(author, created_at) of the versions that stand, by option."""
    rows = await tx.all(_Q["last_changes"], {"namespace": namespace, "names": list(names)})
    return {row.option_name: row for row in rows}


async def providers_of(tx: ReadTx, name: UUID) -> list[tuple[str, UUID]]:
    """(namespace, provider ID) of every option of this name, in whatever namespace."""
    rows = await tx.all(_Q["of_name"], {"name": name})
    return [(row.namespace, row.provider_id) for row in rows]


async def _save(tx: Tx, option: Option, author: str) -> None:
    await _add_version(tx, option, author, tx.at)
    try:
        await tx.run(_Q["save_option"], {**_columns(option), "at": tx.at})
    except psycopg.errors.ForeignKeyViolation as unknown:
        raise _unknown_provider() from unknown


def _unknown_provider() -> InvalidRequest:
    return InvalidRequest(
        "This option cannot be saved.",
        errors=[{"pointer": "/providerId", "detail": "is no provider of this namespace"}],
    )


async def _add_version(tx: Tx, option: Option, author: str, at: datetime) -> None:
    text = msgspec.json.encode(model.definition(option)).decode()
    await tx.run(
        _Q["add_version"], {**_columns(option), "definition": text, "author": author, "at": at}
    )


async def _set_total(tx: Tx, option: Option) -> None:
    """Deals out what is left of a new total; one below what is used leaves nothing."""
    shares = await tx.all(_Q["all_shares"], {"namespace": option.namespace, "name": option.name})
    total = option.limits.total
    if total is None:
        await _save_spares(tx, option, {share.slot: None for share in shares})
        return
    left = max(0, total - sum(share.used for share in shares))
    await _save_spares(tx, option, _dealt(len(shares), left))


async def _save_spares(tx: Tx, option: Option, spares: Mapping[int, int | None]) -> None:
    await tx.run(
        _Q["save_spares"],
        {
            "namespace": option.namespace,
            "name": option.name,
            "slots": list(spares),
            "spares": list(spares.values()),
        },
    )


def _dealt(slots: int, units: int) -> dict[int, int]:
    spares = dict.fromkeys(range(slots), 0)
    _deal(spares, units, first=0)
    return spares


def _deal(spares: dict[int, int], units: int, *, first: int) -> None:
    """Adds units evenly; what cannot be divided goes to ``first`` and those after it."""
    each, rest = divmod(units, len(spares))
    for number in range(len(spares)):
        slot = (first + number) % len(spares)
        spares[slot] += each + (number < rest)


def _columns(option: Option) -> dict[str, object]:
    return {
        "namespace": option.namespace,
        "name": option.name,
        "type": option.type,
        "provider_id": option.provider_id,
        "version": option.version,
        "sort_order": option.order,
        "archived": option.archived,
    }


def _keys(keys: Collection[OptionKey]) -> dict[str, object]:
    return {"namespaces": [key[0] for key in keys], "names": [key[1] for key in keys]}
