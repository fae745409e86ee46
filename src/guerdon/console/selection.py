"""Which transactions a list shows: what its view and its filters ask for, looked up."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from guerdon import ids
from guerdon.console import finding, narrowing
from guerdon.console.asked import SLOW_SECONDS, Asked
from guerdon.console.visit import Visit
from guerdon.db.pool import ReadTx
from guerdon.transactions.desk import store as desk
from guerdon.transactions.lists.pages import Wanted


async def wanted(tx: ReadTx, slots: int, visit: Visit, asked: Asked, view: str) -> Wanted:
    """The list that a view and the filters ask for."""
    found = of_view(visit, view)
    options = asked.values("option")
    if options:
        every = [] if options[0][:1] != "-" else await finding.catalogue(tx, visit.namespace)
        named = narrowing.chosen(options, [str(option.name) for option in every])
        found = replace(found, option_names=tuple(UUID(one) for one in named or ()))
    users = asked.values("user")
    named_users = [user for user in users if not user.startswith("-")]
    if named_users:
        members = await finding.members_of(tx, slots, visit.namespace, named_users)
        found = replace(found, member_ids=members)
    if len(named_users) < len(users):
        refused = [user[1:] for user in users if user.startswith("-")]
        members = await finding.members_of(tx, slots, visit.namespace, refused)
        found = replace(found, refused_member_ids=members)
    people = asked.values("assignee")
    if people:
        actors = [visit.operator.actor if one == "me" else f"operator:{one}" for one in people]
        theirs = await desk.assigned_to(tx, visit.namespace, actors)
        found = replace(found, ids=tuple(theirs))
    return narrowing.narrowed(found, asked, visit.zone, visit.now)


def of_view(visit: Visit, view: str) -> Wanted:
    """The list of a tab."""
    found = Wanted(visit.namespace)
    match view:
        case "needs-decision":
            both = ("postponed", "recoverable-failure")
            return replace(found, statuses=both, unasked=True)
        case "failed-today":
            start = narrowing.since(visit.zone.midnight(visit.now))
            return replace(found, statuses=("failure",), above=start)
        case "slow-provider":
            below = ids.first_id_at(visit.now - timedelta(seconds=SLOW_SECONDS))
            return replace(found, statuses=("pending",), below=below)
        case "contradictions":
            return replace(found, contradicted=True)
    return found
