"""Members in the database. Sets in, sets out."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from guerdon.db.pool import ReadTx, Tx
from guerdon.db.sql import Queries
from guerdon.members.model import Member

_Q = Queries("guerdon.members")


async def find(
    tx: ReadTx, slot: int, keys: Collection[tuple[str, str]]
) -> dict[tuple[str, str], Member]:
    """Members of one slot by (namespace, userId); the erased are not found."""
    rows = await tx.all(
        _Q["find"],
        {
            "slot": slot,
            "namespaces": [namespace for namespace, _ in keys],
            "user_ids": [user_id for _, user_id in keys],
        },
    )
    return {(row.namespace, row.user_id): Member(*row) for row in rows}


async def add(tx: Tx, slot: int, at: datetime, members: Sequence[Member]) -> set[UUID]:
    """Adds members; answers the IDs of those that were not there."""
    rows = await tx.all(
        _Q["add"],
        {
            "slot": slot,
            "at": at,
            "member_ids": [member.member_id for member in members],
            "namespaces": [member.namespace for member in members],
            "user_ids": [member.user_id for member in members],
            "frozen": [member.frozen for member in members],
        },
    )
    return {row.member_id for row in rows}


async def save_profiles(tx: Tx, slot: int, at: datetime, members: Sequence[Member]) -> None:
    """Writes email, address and attributes as they are now."""
    await tx.run(
        _Q["save_profiles"],
        {
            "slot": slot,
            "at": at,
            "member_ids": [member.member_id for member in members],
            "emails": [member.email for member in members],
            "addresses": [member.address for member in members],
            "attributes": [msgspec.json.encode(m.attributes).decode() for m in members],
        },
    )


async def freeze(tx: Tx, slot: int, members: Sequence[Member]) -> None:
    """Writes whether members are frozen."""
    await tx.run(
        _Q["freeze"],
        {
            "slot": slot,
            "member_ids": [member.member_id for member in members],
            "frozen": [member.frozen for member in members],
        },
    )


async def erase(tx: Tx, member: Member, user_hash: bytes, at: datetime) -> None:
    """Removes what is personal, renames the member and leaves a tombstone."""
    where = {"slot": member.slot, "member_id": member.member_id, "at": at}
    await tx.run(_Q["erase_profile"], where)
    await tx.run(_Q["erase"], where)
    await tx.run(
        _Q["add_tombstone"], where | {"namespace": member.namespace, "user_hash": user_hash}
    )


async def was_erased(tx: ReadTx, slot: int, namespace: str, user_hash: bytes) -> bool:
    """Whether a userId, known by its keyed hash, was erased."""
    where = {"slot": slot, "namespace": namespace, "user_hash": user_hash}
    return await tx.first(_Q["tombstone"], where) is not None


async def user_ids(tx: ReadTx, members: Collection[tuple[int, UUID]]) -> dict[UUID, str]:
    """The userIds of members given as (slot, member ID), for the rows of a list."""
    rows = await tx.all(
        _Q["user_ids"],
        {
            "slots": [slot for slot, _ in members],
            "member_ids": [member_id for _, member_id in members],
        },
    )
    return {row.member_id: row.user_id for row in rows}
