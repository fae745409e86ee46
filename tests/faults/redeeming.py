"""Redemptions through the API against providers of :mod:`tests.faults.provider`, and their end."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.conftest import ALL_SCOPES, LOOPBACK, Answer, Api, make_key, served
from tests.faults.provider import FaultProvider, reply, serving

from guerdon import app, clock, ids
from guerdon.db.pool import Database, Row
from guerdon.db.sql import Statement
from guerdon.providers import signing
from guerdon.sealing import Sealer

PATIENCE_SECONDS = 60
GRANTED = 1000
PRICE = 200


def statement(text: str) -> Statement:
    """SQL of a test's own."""
    return Statement("", "", text.encode())


@dataclass(slots=True)
class Redeeming:
    """Member ``alice`` has 1000 tokens; options cost 200."""

    api: Api
    database: Database
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    async def open(cls, api: Api, database: Database) -> "Redeeming":
        redeeming = cls(api, database)
        await redeeming.member("alice", GRANTED)
        return redeeming

    async def said(self, awaited: Awaitable[Answer], status: int) -> Any:
        """The body of an answer that must have this status."""
        answer = await awaited
        assert answer.status == status, answer.body
        return answer.body

    async def member(self, user_id: str, tokens: int) -> None:
        member = {"email": f"{user_id}@example.com", "address": "1 Main Street"}
        await self.said(self.api.call("PUT", f"/v1/members/{user_id}", member), 201)
        grant = {"amount": tokens, "reason": "for the test"}
        path = f"/v1/members/{user_id}/grants"
        await self.said(self.api.call("POST", path, grant, key=str(ids.random_id())), 201)

    async def provider(self, faults: FaultProvider, **settings: object) -> str:
        """A provider's ID. ``settings`` in the spelling of the API."""
        url = {"webhookUrl": faults.url, "name": f"Cinema {faults.port}"}
        made = await self.said(self.api.call("POST", "/v1/providers", url | settings), 201)
        self.secrets[made["id"]] = made
        return str(made["id"])

    async def option(self, provider_id: str, **fields: object) -> str:
        """An option's name."""
        option = {"type": "digital", "title": "Free Tickets", "price": PRICE}
        made = await self.said(
            self.api.call("POST", "/v1/options", option | {"providerId": provider_id} | fields), 201
        )
        return str(made["name"])

    async def offer(self, faults: FaultProvider, **settings: object) -> str:
        """An option of a new provider with these settings."""
        return await self.option(await self.provider(faults, **settings))

    async def ask(self, option: str, user_id: str = "alice") -> Answer:
        """Asks to redeem; whatever is answered."""
        body = {"optionName": option, "userId": user_id}
        return await self.api.call("POST", "/v1/redemptions", body, key=str(ids.random_id()))

    async def redeem(self, option: str, user_id: str = "alice") -> str:
        """Redeems; the transaction's ID."""
        return str((await self.said(self.ask(option, user_id), 202))["id"])

    async def transaction(self, transaction_id: str) -> dict[str, Any]:
        """With its events and attempts."""
        call = self.api.call("GET", f"/v1/transactions/{transaction_id}")
        found: dict[str, Any] = await self.said(call, 200)
        return found

    async def until(
        self, transaction_id: str, status: str, attempts: int | None = None
    ) -> dict[str, Any]:
        """The transaction, once it has this status and so many finished attempts."""
        seen: dict[str, Any] = {}

        async def there() -> bool:
            seen.update(await self.transaction(transaction_id))
            enough = attempts is None or len(seen["attempts"]) == attempts
            return bool(seen["status"] == status and enough)

        await eventually(there, seen)
        return seen

    async def tokens(self, user_id: str = "alice") -> tuple[int, int]:
        """Balance and what of it is available."""
        member = await self.said(self.api.call("GET", f"/v1/members/{user_id}"), 200)
        return member["balance"], member["available"]

    async def paused(self, provider_id: str) -> str:
        """Why a machine paused the provider, once it has."""
        shown: dict[str, Any] = {}

        async def there() -> bool:
            path = f"/v1/providers/{provider_id}"
            shown.update(await self.said(self.api.call("GET", path), 200))
            return shown["pausedBecause"] is not None

        await eventually(there, shown)
        return str(shown["pausedBecause"])

    async def call_back(
        self, provider_id: str, transaction_id: str, status: str, **more: object
    ) -> Answer:
        """The provider's signed news."""
        raw = json.dumps({"transactionId": transaction_id, "status": status} | more).encode()
        secret = self.secrets[provider_id]["callbackSecret"]
        headers = signing.sign([secret], str(ids.random_id()), clock.unix_seconds(), raw)
        path = f"/v1/providers/{provider_id}/callbacks"
        return await self.api.call("POST", path, data=raw, headers=headers)

    async def change(self, text: str, *args: object) -> int:
        """Changes rows behind Guerdon's back, as time or another process would."""
        parameters = {f"p{number}": value for number, value in enumerate(args)}
        async with self.database.tx() as tx:
            return await tx.run(statement(text), parameters)

    async def row(self, text: str) -> Row:
        """The first row of a query."""
        async with self.database.read() as tx:
            found = await tx.first(statement(text))
        assert found is not None
        return found

    async def owed(self) -> int:
        """How many messages are still owed to providers."""
        return int((await self.row("SELECT count(*) AS owed FROM message")).owed)

    async def sends_nothing(self, ours: FaultProvider) -> None:
        """What is due has been looked at and was not sent to ``ours``: another provider's messages
        became due with it and were sent, round after round."""
        before = len(ours.received)
        async with serving() as another:
            another.answers(reply(425), reply(425), reply(425), reply(200))
            option = await self.offer(another)
            user_id = str(ids.random_id())
            await self.member(user_id, PRICE)
            transaction_id = await self.redeem(option, user_id)
            for attempts in (1, 2, 3):
                await self.until(transaction_id, "pending", attempts)
                await self.time_passes(transaction_id)
            await self.until(transaction_id, "success", 4)
        assert len(ours.received) == before

    async def due_at(self, transaction_id: str) -> datetime:
        """When the next attempt of a waiting message is due."""
        rule = f"FROM message WHERE transaction_id = '{transaction_id}' AND state = 'queued'"
        due: datetime = (await self.row(f"SELECT due_at {rule}")).due_at
        return due

    async def time_passes(self, transaction_id: str) -> None:
        """Until the next attempt of a waiting message is due."""
        moved = await self.change(
            "UPDATE message SET due_at = clock_timestamp() WHERE state = 'queued'"
            " AND transaction_id = %(p0)s",
            transaction_id,
        )
        assert moved == 1


@asynccontextmanager
async def at_work(database: Database, sealer: Sealer, **how: bool) -> AsyncIterator[Redeeming]:
    """A Guerdon of the test's own, which ends where the test says; as if it were a process."""
    key = await make_key(database, "1", ALL_SCOPES)
    async with (
        app.running(database, sealer, LOOPBACK, **how) as running,
        served(running, key) as api,
    ):
        yield Redeeming(api, database)


async def eventually(there: Callable[[], Awaitable[bool]], seen: object = None) -> None:
    """Waits until something is so; ``seen`` is shown where it never is."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            # The rows it waits for are written by others: there is nothing to be told by.
            while not await there():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    except TimeoutError as never:
        raise AssertionError(f"It never came to be: {seen}") from never
