"""Live redemptions, one every few seconds, so that there is something to watch."""

import asyncio
import random
from collections.abc import Set

import aiohttp
import structlog

from guerdon import ids
from guerdon.demo.programme import MEMBERS, OPTIONS, Client, odd_options

_EVERY_SECONDS = 2.0
_TOP_UP = 1500
_log = structlog.get_logger("guerdon.trickle")


async def trickle(client: Client, visiting: Set[str]) -> None:
    """Redeems until cancelled; who runs out of tokens is given some. Members that somebody chose
    to be (``visiting``) are left alone."""
    # Chance decides only what is redeemed next, nothing that matters.
    chance = random.Random(20)  # noqa: S311
    odd = odd_options()
    while True:
        await asyncio.sleep(_EVERY_SECONDS)
        member = chance.choice(MEMBERS)
        option = chance.choice(odd if chance.random() < 0.15 else OPTIONS)
        if member[0] in visiting:
            continue
        body: dict[str, object] = {"optionName": option["name"], "userId": member[0]}
        if option["type"] == "currency":
            body |= {"tokenAmount": chance.randrange(100, 400, 10), "currency": "EUR"}
        try:
            status, answer = await client.call(
                "POST", "/v1/redemptions", body, key=str(ids.random_id())
            )
            if status == 409 and answer["code"] == "insufficient-tokens":
                where = f"/v1/members/{member[0].replace(' ', '%20')}/grants"
                grant = {"amount": _TOP_UP, "reason": "Purchase"}
                await client.call("POST", where, grant, key=str(ids.random_id()))
        except aiohttp.ClientError as trouble:
            _log.warning("the demo's own redemption failed", error=str(trouble))
