"""The people of a namespace, for admins to look after."""

import base64
from uuid import UUID

from guerdon import ids
from guerdon.access.operators import Role
from guerdon.access.second_steps import store as second_steps
from guerdon.db.pool import ReadTx, Row, Tx
from guerdon.db.sql import Queries
from guerdon.errors import InvalidRequest, NotFound

_Q = Queries("guerdon.access")


async def people(tx: ReadTx, namespace: str) -> list[Row]:
    """(operator_id, email, role, created_at, disabled_at, second_step, seen_at) of everybody."""
    return await tx.all(_Q["operators"], {"namespace": namespace})


async def set_role(
    tx: Tx, namespace: str, operator_id: UUID, role: Role, *, disabled: bool
) -> tuple[Row, str]:
    """Gives another role, lets out or lets in again; ends every session of theirs. Answers who,
    and the role they had. ``InvalidRequest`` where nobody would be left to let people in."""
    admins = await tx.all(_Q["admins"], {"namespace": namespace})
    row = await tx.first(_Q["operator"], {"operator_id": operator_id, "namespace": namespace})
    if row is None:
        raise NotFound("There is no such operator.")
    was: str = row.role
    if (role != "admin" or disabled) and [one.operator_id for one in admins] == [operator_id]:
        raise InvalidRequest("This is the last admin: make another one first.")
    where = {"operator_id": operator_id, "namespace": namespace}
    await tx.run(_Q["set_role"], {**where, "role": role, "disabled": disabled})
    await tx.run(_Q["end_sessions_of"], {"namespace": namespace, "email": row.email})
    return row, was


async def reset_second_step(tx: Tx, namespace: str, operator_id: UUID) -> Row | None:
    """Takes an operator's second step away and ends every session of theirs; answers who it was,
    ``None`` where they had none."""
    row = await tx.first(_Q["operator"], {"operator_id": operator_id, "namespace": namespace})
    if row is None:
        raise NotFound("There is no such operator.")
    if not await second_steps.end(tx, operator_id):
        return None
    await tx.run(_Q["end_sessions_of"], {"namespace": namespace, "email": row.email})
    return row


def new_password() -> str:
    """A password to be given to somebody: 80 bits, in groups that people can copy by hand."""
    text = base64.b32encode(ids.secret_bytes(10)).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


async def set_password(tx: Tx, operator_id: UUID, password_hash: str, *, given: bool) -> None:
    """Another password; ``given`` by somebody else."""
    where = {"operator_id": operator_id, "password_hash": password_hash, "password_given": given}
    await tx.run(_Q["set_password"], where)


async def sign_out(tx: Tx, namespace: str, operator_id: UUID) -> Row:
    """Ends every session of somebody; answers who it is, under lock."""
    row = await tx.first(_Q["operator"], {"operator_id": operator_id, "namespace": namespace})
    if row is None:
        raise NotFound("There is no such operator.")
    await tx.run(_Q["end_sessions_of"], {"namespace": namespace, "email": row.email})
    return row


async def revoke_key(tx: Tx, namespace: str, key_id: UUID) -> bool:
    """Revokes a key of this namespace; answers whether it was valid until now."""
    return await tx.run(_Q["revoke_key_of"], {"key_id": key_id, "namespace": namespace}) > 0
