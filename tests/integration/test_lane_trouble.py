"""A database in trouble is never told as a refusal that sounds like the member's fault."""

from typing import Any

import psycopg
import pytest
from tests.integration.programme import SLOTS

from guerdon.db.pool import Database
from guerdon.errors import Unavailable
from guerdon.redemption.lane import Lanes


class Troubled:
    """A verb whose database has trouble a number of times."""

    name = "troubled"
    sheds = True

    def __init__(self, trouble: type[psycopg.Error], times: int) -> None:
        self._trouble = trouble
        self._times = times

    async def drive(self, tx: Any, slot: int, works: Any) -> list[Any]:
        if self._times:
            self._times -= 1
            raise self._trouble("as if PostgreSQL had said so")
        return list(works)

    def committed(self, works: Any, results: Any) -> None:
        """Nothing follows."""

    def abandoned(self, works: Any) -> None:
        """Nothing was taken."""


@pytest.mark.parametrize(
    "trouble",
    [
        psycopg.errors.SerializationFailure,
        psycopg.errors.DeadlockDetected,
        psycopg.errors.LockNotAvailable,
        psycopg.errors.AdminShutdown,
        psycopg.errors.DiskFull,
    ],
)
async def test_trouble_of_the_database_is_never_told_as_a_refusal(
    database: Database, trouble: type[psycopg.Error]
) -> None:
    lanes = Lanes(database, SLOTS, lambda _verb, _size: None)
    lanes.start()
    assert await lanes.submit(Troubled(trouble, 2), 0, "work") == "work"
    with pytest.raises(Unavailable) as refused:
        await lanes.submit(Troubled(trouble, 3), 0, "work")
    assert refused.value.code == "unavailable"
    await lanes.close()
