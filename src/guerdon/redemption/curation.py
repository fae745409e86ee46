"""What people do to the catalogue: make an option, change it, take it out.

Each leaves a line in the audit trail, whichever way they came: the API, the console, or a file.
"""

from dataclasses import dataclass, field
from uuid import UUID

from guerdon import ids
from guerdon.access import store as access
from guerdon.db.pool import Tx
from guerdon.options import definition, store
from guerdon.options.model import Option
from guerdon.redemption import opening


@dataclass(frozen=True, slots=True)
class Curator:
    """Who does it, in which namespace, and from where; ``noted`` goes into the audit line."""

    namespace: str
    actor: str
    address: str | None
    noted: dict[str, object] = field(default_factory=dict)


async def create(tx: Tx, slots: int, who: Curator, body: object) -> Option:
    """Stores the first version of an option.

    Raises ``InvalidRequest``, which names each field at fault, and ``ConformanceRequired``.
    """
    option = definition.new(who.namespace, ids.random_id(), tx.at, body)
    await opening.vet(tx, option)
    await store.create(tx, slots, option, who.actor)
    return await _noted(tx, who, "option.created", option)


async def change(
    tx: Tx, who: Curator, name: UUID, patch: object, *, if_match: int | None
) -> Option:
    """Makes the next version by a JSON Merge Patch.

    Raises ``OptionNotFound``, ``PreconditionFailed``, ``InvalidRequest``, ``ConformanceRequired``.
    """
    option = await store.change(tx, who.namespace, name, patch, if_match=if_match, author=who.actor)
    await opening.vet(tx, option)
    return await _noted(tx, who, "option.changed", option)


async def replace(
    tx: Tx,
    who: Curator,
    name: UUID,
    whole: object,
    *,
    if_match: int | None,
    action: str = "option.changed",
) -> Option:
    """Makes the next version of a whole definition. ``action`` is what the trail calls it.

    Raises ``OptionNotFound``, ``PreconditionFailed``, ``InvalidRequest``, ``ConformanceRequired``.
    """
    option = await store.replace(
        tx, who.namespace, name, whole, if_match=if_match, author=who.actor
    )
    await opening.vet(tx, option)
    return await _noted(tx, who, action, option)


async def archive(tx: Tx, who: Curator, name: UUID, *, if_match: int | None) -> Option:
    """Takes an option out of the catalogue; open transactions continue.

    Raises ``OptionNotFound``, ``PreconditionFailed``.
    """
    option = await store.archive(tx, who.namespace, name, if_match=if_match, author=who.actor)
    return await _noted(tx, who, "option.archived", option)


async def _noted(tx: Tx, who: Curator, action: str, option: Option) -> Option:
    await access.audit(
        tx,
        namespace=who.namespace,
        actor=who.actor,
        action=action,
        target=str(option.name),
        detail={"version": option.version, **who.noted},
        address=who.address,
    )
    return option
