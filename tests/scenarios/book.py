"""What a scenario has set up so far, and how it calls.

A call made twice, with the same Idempotency-Key or the same webhook-id, must be answered alike
and count once.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import psycopg
from tests.conftest import Answer, Api
from tests.scenarios.provider import Provider

from guerdon import ids
from guerdon.db.pool import Database

SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400}


@dataclass
class Redemption:
    """A label of the scenario, and what stands behind it."""

    transaction_id: str
    option: str
    provider: str
    programme: "Programme"
    replies: int = 0


@dataclass
class Programme:
    """One namespace: its key, and the IDs behind the scenario's names."""

    namespace: str
    api: Api
    providers: dict[str, dict[str, Any]] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    provider_of: dict[str, str] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)


class Book:
    """``twice``: every call is made a second time. ``timeout``: of providers, in seconds."""

    def __init__(
        self,
        api: Api,
        database: Database,
        superuser: str,
        provider: Provider,
        *,
        twice: bool,
        timeout: int,
    ) -> None:
        self.database = database
        self.superuser = superuser
        self.provider = provider
        self.twice = twice
        self.timeout = timeout
        self.programmes = {"1": Programme("1", api)}
        self.here = self.programmes["1"]
        self.redemptions: dict[str, Redemption] = {}
        self.first_answers: list[tuple[Api, str, Any, str, Answer]] = []

    async def keyed(self, path: str, body: Any) -> Answer:
        """A POST with an Idempotency-Key."""
        key = str(ids.random_id())
        api = self.here.api
        first = await api.call("POST", path, body, key=key)
        if self.twice:
            again = await api.call("POST", path, body, key=key)
            self.alike(first, again)
            if first.status < 300:
                self.first_answers.append((api, path, body, key, first))
        return first

    @staticmethod
    def alike(first: Answer, again: Answer) -> None:
        assert again.status == first.status
        if first.status >= 300:
            assert again.body["code"] == first.body["code"]
            return
        assert again.body == first.body
        assert again.headers["Idempotent-Replayed"] == "true"

    async def call(self, method: str, path: str, body: Any, *, again: tuple[int, ...]) -> Answer:
        """A call without a key; made again it must be answered with one of ``again``."""
        first = await self.here.api.call(method, path, body)
        if self.twice:
            second = await self.here.api.call(method, path, body)
            expected = again if first.status < 300 else (first.status,)
            assert second.status in expected, second.body
        return first

    @staticmethod
    def expect(answer: Answer, expected: list[str]) -> bool:
        """Whether the call was accepted, as ``expected`` says; ``refused CODE`` is a refusal."""
        if expected[:1] == ["refused"]:
            assert answer.status >= 400, answer.body
            assert answer.body["code"] == expected[1], answer.body
            return False
        assert answer.status < 300, answer.body
        return True

    async def until(self, redemption: Redemption, expected: list[str], *, attempts: int) -> None:
        """Looks until the transaction has that status and as many finished attempts."""
        seen: dict[str, Any] = {}
        try:
            async with asyncio.timeout(20):
                while True:
                    seen = await self.seen(redemption)
                    arrived = len(seen["attempts"]) >= attempts
                    if arrived and seen["status"] == expected[0]:
                        break
        except TimeoutError:
            assert [seen["status"], len(seen["attempts"])] == [expected[0], attempts]
        assert seen["conflict"] == ("!conflict" in expected)

    async def seen(self, redemption: Redemption) -> dict[str, Any]:
        path = f"/v1/transactions/{redemption.transaction_id}"
        found = await redemption.programme.api.call("GET", path)
        assert found.status == 200, found.body
        shown: dict[str, Any] = found.body
        return shown

    def move(self, statement: str, *values: object) -> None:
        """Moves times, as somebody who may."""
        with psycopg.connect(self.superuser, autocommit=True) as connection:
            connection.execute(statement.encode(), values)
