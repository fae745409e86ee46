"""What the demo's people must look at again: a person decides, then the provider says otherwise.

Nothing is put in by hand. The provider answers "later", an operator does not wait for it, and its
callback comes too late: it is refused, and opens a case.
"""

import asyncio

from guerdon.demo.programme import MEMBERS, OPTIONS, Client, odd_options

_LOOKS_EVERY_SECONDS = 0.2
# How the provider behaves, who redeems, and what is decided before it calls back.
_DECIDED = (
    ("later", MEMBERS[1][0], "cancel", "Stopped at the warehouse, they said on the phone"),
    ("later-refuses", MEMBERS[3][0], "confirm", "The member says it arrived"),
)


async def contradict(client: Client) -> None:
    """Decides too early, once for a data directory: the same keys find the same redemptions."""
    for behaviour, member, decision, reason in _DECIDED:
        option = next(one for one in (*OPTIONS, *odd_options()) if one["behaviour"] == behaviour)
        body = {"optionName": option["name"], "userId": member}
        status, made = await client.call(
            "POST", "/v1/redemptions", body, key=f"contradiction-{behaviour}"
        )
        if status >= 400:  # an older demo's member has no tokens left, or its provider is paused
            continue
        where = f"/v1/transactions/{made['id']}"
        while made["status"] == "pending":
            await asyncio.sleep(_LOOKS_EVERY_SECONDS)
            _, made = await client.call("GET", where)
        if made["status"] == "postponed":
            await client.call("POST", f"{where}/{decision}", {"reason": reason})
