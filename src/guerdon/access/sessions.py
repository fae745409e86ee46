"""Sessions of operators: a random cookie, of which only the hash is stored.

A session ends eight hours after signing in, after two hours of disuse, by signing out, and at once
when its operator is disabled or gets a new password.
"""

import base64
import hashlib
from uuid import UUID

from guerdon import ids
from guerdon.access.operators import Operator
from guerdon.db.pool import ReadTx, Row, Tx
from guerdon.db.sql import Queries

_Q = Queries("guerdon.access")
LONGEST_SECONDS = 8 * 3600
IDLE_SECONDS = 2 * 3600


def new_cookie() -> str:
    """A fresh cookie: 32 random bytes."""
    return base64.urlsafe_b64encode(ids.secret_bytes(32)).decode().rstrip("=")


def hash_of(cookie: str) -> bytes:
    """What is stored of a cookie."""
    return hashlib.sha256(cookie.encode()).digest()


async def candidates(tx: ReadTx, email: str) -> list[Row]:
    """(operator_id, namespace, email, role, password_hash) of those with this email."""
    return await tx.all(_Q["operators_by_email"], {"email": email})


async def owners(tx: ReadTx, email: str) -> list[Row]:
    """(operator_id, namespace, email, role) of those with this email, with or without a password.

    The database folds case as Unicode does, where the Kelvin sign is a k: what is proved of one
    mailbox must not open another, so only ASCII letters may differ in case."""
    rows = await tx.all(_Q["operators_of_email"], {"email": email})
    return [row for row in rows if row.email.encode().lower() == email.encode().lower()]


async def begin(tx: Tx, operator_id: UUID, address: str | None, *, by_password: bool = True) -> str:
    """A new session; answers its cookie. Sessions that have ended are swept away meanwhile."""
    cookie = new_cookie()
    await tx.run(_Q["prune_sessions"])
    await tx.run(
        _Q["add_session"],
        {
            "session_hash": hash_of(cookie),
            "operator_id": operator_id,
            "seconds": LONGEST_SECONDS,
            "address": address,
            "by_password": by_password,
        },
    )
    return cookie


async def recognise(tx: ReadTx, cookie: str) -> tuple[Operator, bool] | None:
    """Whose session this is, and whether its use should be noted; ``None`` if it has ended."""
    row = await tx.first(
        _Q["session_operator"], {"session_hash": hash_of(cookie), "idle": IDLE_SECONDS}
    )
    if row is None:
        return None
    operator = Operator(
        row.operator_id,
        row.namespace,
        row.email,
        row.role,
        password_given=row.password_given,
        test=row.test,
    )
    return operator, row.stale


async def note_use(tx: Tx, cookie: str) -> None:
    """The session is not idle."""
    await tx.run(_Q["see_session"], {"session_hash": hash_of(cookie)})


async def end(tx: Tx, cookie: str) -> None:
    """Signs out."""
    await tx.run(_Q["end_session"], {"session_hash": hash_of(cookie)})


async def end_all(tx: Tx, namespace: str, email: str) -> None:
    """Signs an operator out everywhere."""
    await tx.run(_Q["end_sessions_of"], {"namespace": namespace, "email": email})


async def end_others(tx: Tx, operator_id: UUID, cookie: str) -> int:
    """Signs an operator out everywhere but here; answers in how many places."""
    parameters = {"operator_id": operator_id, "session_hash": hash_of(cookie)}
    return await tx.run(_Q["end_other_sessions"], parameters)


async def places(tx: ReadTx, operator_id: UUID, cookie: str) -> list[Row]:
    """(created_at, seen_at, address, here) of an operator's sessions, the latest used first."""
    return await tx.all(
        _Q["sessions_of"],
        {"operator_id": operator_id, "session_hash": hash_of(cookie), "idle": IDLE_SECONDS},
    )
