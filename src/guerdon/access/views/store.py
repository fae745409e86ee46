"""Saved views: a name for a list's query, an operator's own or the whole team's."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from guerdon import ids
from guerdon.access.operators import Operator
from guerdon.db.pool import ReadTx, Row, Tx
from guerdon.db.sql import Queries
from guerdon.errors import InvalidRequest, NotFound

_Q = Queries("guerdon.access.views")
# As many tabs as people can still find something in: of the team, and of each person.
MOST = 20
LONGEST_NAME, LONGEST_QUERY = 60, 4000


@dataclass(frozen=True, slots=True)
class SavedView:
    """A saved view. ``owner_id`` is ``None`` where it is the team's."""

    view_id: UUID
    owner_id: UUID | None
    name: str
    query: str
    changed_by: str
    changed_at: datetime

    @property
    def shared(self) -> bool:
        return self.owner_id is None


async def seen_by(tx: ReadTx, operator: Operator) -> list[SavedView]:
    """The team's views, then the operator's own."""
    where = {"namespace": operator.namespace, "operator_id": operator.operator_id}
    return [_read(row) for row in await tx.all(_Q["views_of"], where)]


async def add(tx: Tx, operator: Operator, name: str, query: str, *, shared: bool) -> UUID:
    """Saves a query under a name that is not taken, while there is room."""
    if not 0 < len(name) <= LONGEST_NAME:
        raise _wrong(f"must have 1 to {LONGEST_NAME} characters")
    await tx.first(_Q["lock_namespace"], {"namespace": operator.namespace})
    alike = [view for view in await seen_by(tx, operator) if view.shared == shared]
    if len(alike) >= MOST:
        whose = "The team has" if shared else "You have"
        raise InvalidRequest(f"{whose} {MOST} saved views, and no more: delete one first.")
    view_id = ids.random_id()
    given = {**_where(operator, view_id, shared=shared), "name": name, "query": _bounded(query)}
    if not await tx.run(_Q["add_view"], {**given, "actor": operator.actor, "at": tx.at}):
        raise _wrong("is taken: choose another, or open that view and save there")
    return view_id


async def change(
    tx: Tx, operator: Operator, view_id: UUID, query: str, *, shared: bool
) -> SavedView:
    """Another query under the same name."""
    given = {"query": _bounded(query), "actor": operator.actor, "at": tx.at}
    where = _where(operator, view_id, shared=shared)
    return _found(await tx.first(_Q["change_view"], {**where, **given}))


async def remove(tx: Tx, operator: Operator, view_id: UUID, *, shared: bool) -> SavedView:
    """Takes it away; answers what it was."""
    where = _where(operator, view_id, shared=shared)
    return _found(await tx.first(_Q["remove_view"], where))


def _where(operator: Operator, view_id: UUID, *, shared: bool) -> dict[str, object]:
    owner_id = None if shared else operator.operator_id
    return {"view_id": view_id, "namespace": operator.namespace, "owner_id": owner_id}


def _found(row: Row | None) -> SavedView:
    if row is None:
        raise NotFound("There is no such view any more.")
    return _read(row)


def _read(row: Row) -> SavedView:
    return SavedView(row.view_id, row.owner_id, row.name, row.query, row.changed_by, row.changed_at)


def _bounded(query: str) -> str:
    if len(query) > LONGEST_QUERY:
        raise InvalidRequest("This list has too many filters to be saved. Take some away.")
    return query


def _wrong(detail: str) -> InvalidRequest:
    return InvalidRequest(f"The name {detail}.", errors=[{"pointer": "/name", "detail": detail}])
