"""Members and their profiles in the database. Sets in, sets out."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from guerdon import ids
from guerdon.db.pool import ReadTx, Row, Tx
from guerdon.db.sql import Queries
from guerdon.members.model import Member

_Q = Queries("guerdon.members")

MemberKey = tuple[str, str]


async def find(tx: ReadTx, slot: int, keys: Collection[MemberKey]) -> dict[MemberKey, Member]:
    """Members of one slot by (namespace, userId), without a lock; erased ones are not found."""
    rows = await tx.all(_Q["find_members"], _keys(slot, keys))
    return {(row.namespace, row.user_id): _read(row) for row in rows}


async def lock(tx: Tx, slot: int, keys: Collection[MemberKey]) -> dict[MemberKey, Member]:
    """The same, locked in one order until the ``Tx`` ends."""
    await tx.execute(_Q["lock_members"], _keys(slot, keys))
    return await find(tx, slot, keys)


async def create(tx: Tx, slot: int, at: datetime, keys: Collection[MemberKey]) -> list[Member]:
    """Makes members without a profile; those that another session made first are left out."""
    made = {ids.new_id(ids.bucket_of(*key), at): key for key in keys}
    rows = await tx.all(
        _Q["add_members"],
        {
            "slot": slot,
            "at": at,
            "member_ids": list(made),
            "namespaces": [namespace for namespace, _ in made.values()],
            "user_ids": [user_id for _, user_id in made.values()],
        },
    )
    return [
        Member(row.member_id, slot, *made[row.member_id], False, None, None, {}, at) for row in rows
    ]


async def save(tx: Tx, slot: int, at: datetime, members: Sequence[Member]) -> None:
    """Writes members under lock as they are now: their profiles, and who is frozen."""
    member_ids = [member.member_id for member in members]
    await tx.execute(
        _Q["save_profiles"],
        {
            "slot": slot,
            "at": at,
            "member_ids": member_ids,
            "emails": [member.email for member in members],
            "addresses": [member.address for member in members],
            "attributes": [msgspec.json.encode(member.attributes).decode() for member in members],
        },
    )
    frozen = [member.frozen for member in members]
    await tx.execute(_Q["save_frozen"], {"slot": slot, "member_ids": member_ids, "frozen": frozen})


async def erase(tx: Tx, member: Member, user_hash: bytes, at: datetime) -> None:
    """Removes what is personal about a locked member and remembers the userId by a keyed hash."""
    where = {"slot": member.slot, "member_id": member.member_id}
    await tx.run(_Q["remove_profile"], where)
    await tx.run(_Q["rename_erased"], {**where, "at": at})
    await tx.run(
        _Q["add_tombstone"],
        {
            "slot": member.slot,
            "namespace": member.namespace,
            "user_hash": user_hash,
            "at": at,
        },
    )


async def was_erased(tx: ReadTx, slot: int, namespace: str, user_hash: bytes) -> bool:
    """Whether a userId, given as its keyed hash, was erased once."""
    row = await tx.first(
        _Q["tombstone"], {"slot": slot, "namespace": namespace, "user_hash": user_hash}
    )
    return row is not None


async def user_ids(tx: ReadTx, owners: Collection[tuple[int, UUID]]) -> dict[UUID, str]:
    """The userIds of members given as (slot, member ID); erased ones are named as such."""
    rows = await tx.all(
        _Q["user_ids"],
        {"slots": [slot for slot, _ in owners], "member_ids": [member for _, member in owners]},
    )
    return {row.member_id: row.user_id for row in rows}


def _keys(slot: int, keys: Collection[MemberKey]) -> dict[str, object]:
    return {
        "slot": slot,
        "namespaces": [namespace for namespace, _ in keys],
        "user_ids": [user_id for _, user_id in keys],
    }


def _read(row: Row) -> Member:
    return Member(*row)
