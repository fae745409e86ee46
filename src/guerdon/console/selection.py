"""Which transactions a list shows: what its view and its filters ask for, looked up."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from guerdon import ids
from guerdon.console import asked as addresses
from guerdon.console import finding
from guerdon.console.asked import SLOW_SECONDS, Asked
from guerdon.console.visit import Visit
from guerdon.db.pool import ReadTx
from guerdon.transactions.desk import store as desk
from guerdon.transactions.lists.pages import Wanted


async def wanted(tx: ReadTx, slots: int, visit: Visit, asked: Asked, view: str) -> Wanted:
    """The list that a view and the filters ask for."""
    found = of_view(visit, view)
    named = asked.values("option")
    if named:
        found = replace(found, option_names=tuple(uuids(named)))
    users = asked.values("user")
    if users:
        members = [await finding.find_member(tx, slots, visit.namespace, user) for user in users]
        found = replace(found, member_ids=tuple(one for one in members if one is not None))
    people = asked.values("assignee")
    if people:
        actors = [visit.operator.actor if one == "me" else f"operator:{one}" for one in people]
        theirs = await desk.assigned_to(tx, visit.namespace, actors)
        found = replace(found, ids=tuple(theirs))
    return addresses.narrowed(found, asked, visit.zone, visit.now)


def of_view(visit: Visit, view: str) -> Wanted:
    """The list of a tab."""
    found = Wanted(visit.namespace)
    match view:
        case "needs-decision":
            both = ("postponed", "recoverable-failure")
            return replace(found, statuses=both, unasked=True)
        case "failed-today":
            start = addresses.since(visit.zone.midnight(visit.now))
            return replace(found, statuses=("failure",), above=start)
        case "slow-provider":
            below = ids.first_id_at(visit.now - timedelta(seconds=SLOW_SECONDS))
            return replace(found, statuses=("pending",), below=below)
        case "contradictions":
            return replace(found, contradicted=True)
    return found


def uuids(values: Sequence[str]) -> list[UUID]:
    """Those that are UUIDs; the others are marked as wrong where the tokens are shown."""
    found = []
    for value in values:
        try:
            found.append(UUID(value))
        except ValueError:  # marked as wrong
            continue
    return found
