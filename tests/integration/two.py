"""Two processes at work on one database, and a way to let them go at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from tests.integration.programme import Programme, request, waiting_for_locks

from guerdon.app import Running
from guerdon.errors import GuerdonError
from guerdon.redemption.news import Concluded, Told
from guerdon.redemption.request import Accepted
from guerdon.transactions.states import News

ACCOUNT_OF = (
    "SELECT 1 FROM account JOIN member USING (slot, member_id) WHERE user_id = %s"
    " FOR UPDATE OF account"
)
TRANSACTION = "SELECT 1 FROM transaction WHERE transaction_id = %s FOR UPDATE"


async def outcomes(calls: list[Awaitable[Any]]) -> list[Any]:
    """Results and refusals; anything that is not a refusal is raised."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, GuerdonError):
            raise result
    return results


@dataclass
class Two:
    """Two processes at work on one database, as far as the database can tell."""

    programme: Programme
    houses: list[Running]
    superuser: str

    def redeem(self, number: int, user_id: str, **asked: Any) -> Awaitable[Accepted]:
        """Through the ``number``-th process, round and round."""
        option = asked.pop("option", self.programme.option)
        work = request("1", option.name, user_id, **asked)
        return self.houses[number % 2].parts.intake.redeem(work)

    def hear(self, number: int, told: Told) -> Awaitable[Concluded]:
        return self.houses[number % 2].parts.settlement.hear(told)

    def operator(self, transaction_id: UUID, news: News, who: str) -> Told:
        return Told(transaction_id, news, "operator", who, namespace="1")

    @asynccontextmanager
    async def held_back(self, lock: str, *values: object, sessions: int = 2) -> AsyncIterator[None]:
        """Rows are locked while what is inside starts, and let go when both processes wait."""
        async with await psycopg.AsyncConnection.connect(self.superuser) as holder:
            await holder.execute(lock.encode(), values)
            yield
            await waiting_for_locks(self.superuser, sessions)
            await holder.commit()

    async def postponed(self, user_id: str) -> UUID:
        """A redemption whose provider said: later."""
        made = await self.redeem(0, user_id)
        transaction_id = made.transaction.transaction_id
        async with asyncio.timeout(20):
            while (await self.programme.transaction(transaction_id)).status != "postponed":
                pass
        return transaction_id
