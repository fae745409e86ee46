"""Identifiers that know when and where: UUID version 8 (RFC 9562, section 5.8).

    48 bits  milliseconds since 1970 (so IDs sort by age; a range of time is a range of IDs)
     4 bits  version 8
    12 bits  bucket: a stable hash of namespace and userId
     2 bits  variant
    61 bits  random
     1 bit   0 (the ledger's closing posting of a transaction bears the transaction's ID plus 1)

``slot = bucket mod slots`` leads every key of member data; whoever holds an ID can route it.
This file and ``clock.py`` are where randomness and time come in.
"""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

BUCKETS = 4096
FIRST_ID, LAST_ID = UUID(int=0), UUID(int=(1 << 128) - 1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_MILLISECONDS = (1 << 48) - 1


def bucket_of(namespace: str, user_id: str) -> int:
    """The bucket (0-4095) of a member; never changes, whatever the number of slots."""
    digest = hashlib.blake2b(
        namespace.encode() + b"\x00" + user_id.encode(), digest_size=2, person=b"guerdon-bucket"
    ).digest()
    return int.from_bytes(digest) & 0xFFF


def new_id(bucket: int, moment: datetime) -> UUID:
    """A fresh ID for something that happened at ``moment`` to a member of ``bucket``."""
    milliseconds = (moment - _EPOCH) // timedelta(milliseconds=1)
    chance = int.from_bytes(secrets.token_bytes(8)) >> 3
    return UUID(int=milliseconds << 80 | 0x8 << 76 | bucket << 64 | 0b10 << 62 | chance << 1)


def random_id() -> UUID:
    """A version 4 UUID, for what belongs to no member (options, providers, keys, processes)."""
    return UUID(bytes=secrets.token_bytes(16), version=4)


def secret_bytes(length: int) -> bytes:
    """``length`` bytes from the system's cryptographic source."""
    return secrets.token_bytes(length)


def bucket_in(identifier: UUID) -> int:
    """The bucket carried in an ID made by :func:`new_id` (of another UUID: some number)."""
    return identifier.int >> 64 & 0xFFF


def moment_in(identifier: UUID) -> datetime:
    """When an ID made by :func:`new_id` was made, to the millisecond."""
    return _EPOCH + timedelta(milliseconds=identifier.int >> 80)


def first_id_at(moment: datetime) -> UUID:
    """The smallest ID of ``moment``'s millisecond: the inclusive lower end of a range of time."""
    milliseconds = (moment - _EPOCH) // timedelta(milliseconds=1)
    return UUID(int=min(max(milliseconds, 0), _MAX_MILLISECONDS) << 80)
