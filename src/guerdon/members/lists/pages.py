"""Members looked up by people: by the beginning of a userId, by email, page by page."""

from guerdon.db.pool import ReadTx, Row
from guerdon.db.sql import Queries

_Q = Queries("guerdon.members.lists")
# Sorts after every text that begins so: the highest character there is.
_HIGHEST = "\U0010ffff"


async def by_prefix(tx: ReadTx, slots: int, namespace: str, prefix: str, limit: int) -> list[Row]:
    """(member_id, slot, user_id) of members whose userId begins with ``prefix``."""
    return await tx.all(
        _Q["by_prefix"],
        {
            "slots": list(range(slots)),
            "namespace": namespace,
            "prefix": prefix,
            "end": prefix + _HIGHEST,
            "limit": limit,
        },
    )


async def by_email(tx: ReadTx, namespace: str, email: str, limit: int) -> list[Row]:
    """(member_id, slot, user_id, frozen, created_at) of members with this email, in any case."""
    return await tx.all(_Q["by_email"], {"namespace": namespace, "email": email, "limit": limit})


async def after(
    tx: ReadTx, slots: int, namespace: str, *, prefix: str, after_id: str, limit: int
) -> list[Row]:
    """(member_id, slot, user_id, frozen, created_at) by userId, beyond ``after_id``."""
    return await tx.all(
        _Q["after"],
        {
            "slots": list(range(slots)),
            "namespace": namespace,
            "after": after_id,
            "prefix": prefix,
            "end": prefix + _HIGHEST,
            "limit": limit,
        },
    )
