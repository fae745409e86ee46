"""The second step at sign-in, in the database: its secrets, its codes, and who is half inside."""

from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Literal
from uuid import UUID

from guerdon.access import sessions
from guerdon.access.second_steps import codes
from guerdon.db.pool import ReadTx, Row, Tx
from guerdon.db.sql import Queries
from guerdon.sealing import Sealer

_Q = Queries("guerdon.access.second_steps")
HALF_SECONDS = 600
Way = Literal["password", "openid"]


@dataclass(frozen=True, slots=True)
class SecondStep:
    """What an operator's account page shows of it; ``secret`` only until it is confirmed."""

    on: bool
    secret: str | None
    codes_left: int


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of a code. ``wait`` seconds, and the next one is looked at."""

    right: bool
    recovery: bool = False
    wait: int = 0


def _context(operator_id: UUID) -> str:
    return f"second step {operator_id}"


async def begin(tx: Tx, sealer: Sealer, operator_id: UUID) -> bool:
    """Makes a secret that waits for its first code; answers ``False`` where one is in use."""
    sealed = sealer.seal(codes.new_secret().encode(), _context(operator_id))
    parameters = {"operator_id": operator_id, "secret_sealed": sealed}
    return await tx.run(_Q["begin_second_step"], parameters) > 0


async def of(tx: ReadTx, sealer: Sealer, operator_id: UUID) -> SecondStep:
    """How it stands with an operator."""
    row = await tx.first(_Q["second_step"], {"operator_id": operator_id})
    if row is None:
        return SecondStep(False, None, 0)
    if row.confirmed_at is not None:
        return SecondStep(True, None, sum(used is None for used in row.codes_used))
    return SecondStep(False, sealer.open(row.secret_sealed, _context(operator_id)).decode(), 0)


async def is_on(tx: ReadTx, operator_id: UUID) -> bool:
    """Whether an operator is asked for a code."""
    row = await tx.first(_Q["second_step"], {"operator_id": operator_id})
    return row is not None and row.confirmed_at is not None


async def check(
    tx: Tx, sealer: Sealer, operator_id: UUID, typed: str, *, recovery: bool = True
) -> Checked:
    """Whether a code is right. One that is can never be right again.

    Wrong codes in a row make the next one wait. Recovery codes do not: they cannot be guessed, and
    somebody's guesses must not keep the owner out."""
    where = {"operator_id": operator_id}
    await tx.first(_Q["lock_second_step"], where)
    row = await tx.first(_Q["second_step"], where)
    if row is None:
        return Checked(False)
    code = codes.plain(typed)
    if recovery and not codes.is_one_time(code):
        taken = await tx.run(_Q["take_recovery_code"], {**where, "code_hash": codes.hash_of(code)})
        if not taken:
            await tx.run(_Q["note_failure"], where)
        return Checked(taken > 0, recovery=True)
    if row.failed_at is not None:
        free_at = row.failed_at + timedelta(seconds=codes.wait_after(row.failures))
        if free_at > tx.at:
            return Checked(False, wait=ceil((free_at - tx.at).total_seconds()))
    secret = sealer.open(row.secret_sealed, _context(operator_id)).decode()
    counter = codes.counter_of(secret, code, tx.at.timestamp(), row.last_counter)
    if counter is None:
        await tx.run(_Q["note_failure"], where)
        return Checked(False)
    await tx.run(_Q["take_counter"], {**where, "counter": counter})
    return Checked(True)


async def confirm(tx: Tx, operator_id: UUID) -> list[str]:
    """Turns it on, after a code was right; answers fresh recovery codes."""
    fresh = codes.new_recovery_codes()
    await tx.run(_Q["confirm_second_step"], {"operator_id": operator_id})
    hashes = [codes.hash_of(code) for code in fresh]
    await tx.run(_Q["add_recovery_codes"], {"operator_id": operator_id, "hashes": hashes})
    return fresh


async def end(tx: Tx, operator_id: UUID) -> bool:
    """Turns it off; answers whether there was one."""
    return await tx.run(_Q["end_second_step"], {"operator_id": operator_id}) > 0


async def seal_anew(tx: Tx, sealer: Sealer) -> int:
    """Seals every secret under the current key; answers how many were not."""
    moved = 0
    for row in await tx.all(_Q["sealed_secrets"]):
        fresh = sealer.sealed_anew(row.secret_sealed, _context(row.operator_id))
        if fresh is not None:
            parameters = {"operator_id": row.operator_id, "secret_sealed": fresh}
            moved += await tx.run(_Q["reseal_secret"], parameters)
    return moved


async def halfway(
    tx: Tx,
    way: Way,
    following: str,
    *,
    operator_id: UUID | None = None,
    email: str | None = None,
) -> str:
    """Somebody passed the first step: as this operator, or as the owner of an email that several
    operators have. Answers a cookie, good for ten minutes and for nothing but going on."""
    cookie = sessions.new_cookie()
    await tx.run(_Q["prune_halves"])
    await tx.run(
        _Q["add_half"],
        {
            "half_hash": sessions.hash_of(cookie),
            "operator_id": operator_id,
            "email": email,
            "way": way,
            "following": following,
            "seconds": HALF_SECONDS,
        },
    )
    return cookie


async def half(tx: ReadTx, cookie: str) -> Row | None:
    """(operator_id, proved, way, following, namespace, email, role); ``None`` if it is over."""
    return await tx.first(_Q["half"], {"half_hash": sessions.hash_of(cookie)})


async def end_half(tx: Tx, cookie: str) -> None:
    """Uses it up, if it is one."""
    if cookie:
        await tx.run(_Q["end_half"], {"half_hash": sessions.hash_of(cookie)})
