"""A test programme's sandbox as web doors call it. A wipe goes through the slots in many a ``Tx``;
what is left adds up after each of them."""

import psycopg

from guerdon.access.embedding import By
from guerdon.errors import Unavailable
from guerdon.redemption import sandbox
from guerdon.redemption.sandbox import Moved, Wiped
from guerdon.web.parts import Parts

_BITE = 2000
# Who redeems meanwhile holds members back for moments; who always does is not waited for.
_MOST_STALLS = 100


async def advance(parts: Parts, namespace: str, seconds: int, by: By) -> Moved:
    """Lets time go on; ``LiveNamespace`` where there is no sandbox."""
    async with parts.database.tx() as tx:
        return await sandbox.advance(tx, namespace, seconds, by)


async def wipe(parts: Parts, namespace: str, by: By) -> Wiped:
    """Removes every member that is there when it begins, with all that hangs on them.

    ``LiveNamespace`` where there is no sandbox; ``Unavailable`` where somebody is so busy there
    that it did not come to its end: what is gone is gone, and it may be called again.
    """
    async with parts.database.tx() as tx:
        began = await sandbox.begin_wipe(tx, namespace)
    wiped = Wiped()
    for slot in range(parts.slots):
        wiped += await _wipe_slot(parts, namespace, slot)
    async with parts.database.tx() as tx:
        await sandbox.end_wipe(tx, namespace, began, wiped, by)
    return wiped


async def _wipe_slot(parts: Parts, namespace: str, slot: int) -> Wiped:
    wiped, stalls = Wiped(), 0
    while stalls < _MOST_STALLS:
        try:
            async with parts.database.tx() as tx:
                gone = await sandbox.wipe(tx, namespace, slot, _BITE)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            stalls += 1
            continue
        wiped += gone
        if gone.members < _BITE and not gone.passed_over:
            return wiped
        stalls += gone.members == 0
    raise Unavailable(
        "Somebody redeems there all the time: stop that, and wipe again.", retryAfter=1
    )
