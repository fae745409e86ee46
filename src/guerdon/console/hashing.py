"""Passwords and their Argon2 hashes, a few at a time."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 1000
_AT_ONCE = 2


class Hashing:
    """Makes and checks hashes. Argon2 takes 64 MiB and tens of milliseconds: two at a time leave
    room for the rest."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        # Costs what every other costs to check, and is the hash of nothing.
        cost = self._hasher
        costs = f"m={cost.memory_cost},t={cost.time_cost},p={cost.parallelism}"
        self._nobody = f"$argon2id$v=19${costs}${'A' * 22}${'A' * 43}"
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def hash_of(self, password: str) -> str:
        """What is stored of a password."""
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def is_right(self, stored: str | None, password: str) -> bool:
        """Whether it is the password of a hash; ``None`` takes as long, and none is right."""
        async with self._turns:
            return await asyncio.to_thread(self._matches, stored, password)

    def _matches(self, stored: str | None, password: str) -> bool:
        try:
            return self._hasher.verify(stored or self._nobody, password) and stored is not None
        except (VerificationError, InvalidHashError):
            return False
