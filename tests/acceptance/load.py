"""Members who redeem, and send again with the same key until they are told what became of it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from tests.acceptance.provider import (
    GIVES,
    GIVES_AND_HANGS_UP,
    REFUSES,
    Asked,
    Provider,
    Reply,
)
from tests.acceptance.site import Site, until

CLIENTS = 12
MEMBERS = 8
# People are not that fast either; and what is owed stays within what is soon delivered.
_PAUSE_SECONDS = 0.1


def moody(asked: Asked, before: int) -> Reply:
    """Of ten requests one is refused and two get no answer; asked again, it gives."""
    mood = int(asked.transaction_id[-2:], 16) % 10
    if before or mood > 2:
        return GIVES
    return REFUSES if mood == 0 else GIVES_AND_HANGS_UP


@dataclass(slots=True)
class Load:
    """What the clients know. ``acknowledged`` is what a 202 said of each key."""

    site: Site
    provider: Provider
    idempotent: Provider
    options: list[str]
    acknowledged: dict[str, tuple[dict[str, str], str]] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    broken: int = 0
    _stopping: bool = False

    async def more(self, count: int) -> None:
        """Returns once so many more redemptions were acknowledged."""
        wanted = len(self.acknowledged) + count
        await until(lambda: len(self.acknowledged) >= wanted, f"{count} more redemptions")

    async def more_delivered(self, count: int) -> None:
        """Returns once so many more messages have arrived."""
        asked = self.provider.asked
        wanted = len(asked) + count
        await until(lambda: len(asked) >= wanted, f"{count} more messages")

    async def _client(self, number: int) -> None:
        turn = 0
        while not self._stopping:
            turn += 1
            body = {
                "userId": f"member-{(number + turn) % MEMBERS}",
                "optionName": self.options[turn % len(self.options)],
            }
            await self._insist(f"{number}-{turn}", body)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _insist(self, key: str, body: dict[str, str]) -> None:
        """Sends it until it is acknowledged."""
        while True:
            identifier = await self._send(key, body)
            if identifier is not None:
                self.acknowledged[key] = (body, identifier)
                return
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _send(self, key: str, body: dict[str, str]) -> str | None:
        try:
            made = await self.site.api().call("POST", "/v1/redemptions", body, key=key)
        except aiohttp.ClientError:
            self.broken += 1
            return None
        self.statuses[made.status] += 1
        return str(made.body["id"]) if made.status == 202 else None

    async def check(self) -> None:
        """What must hold after any crash, once everything is at rest."""
        await self.site.come_to_rest()
        statuses, movements = self.site.statuses(), self.site.movements()
        told = [identifier for _, identifier in self.acknowledged.values()]
        assert len(told) == len(set(told)), "two keys got one transaction"
        assert set(told) == set(statuses), "each key has its one transaction, and nothing else is"
        assert set(self.statuses) <= {202, 429, 503}, self.statuses
        for provider in (self.provider, self.idempotent):
            self._check_provider(provider, statuses, movements)
        asked = Counter(one.transaction_id for one in self.provider.asked)
        assert all(times == 1 for times in asked.values()), "sent again after an unknown"
        assert "pending" not in statuses.values()
        await self._check_replays()
        await self.site.verify()

    def _check_provider(
        self, provider: Provider, statuses: dict[str, str], movements: dict[str, list[str]]
    ) -> None:
        bodies: dict[str, set[bytes]] = {}
        for asked in provider.asked:
            bodies.setdefault(asked.transaction_id, set()).add(asked.body)
        assert set(bodies) <= set(statuses), "sent, but not committed"
        assert all(len(one) == 1 for one in bodies.values()), "other bytes the second time"
        for identifier in provider.given:
            assert movements[identifier] != ["hold", "release"], "given, and the tokens are back"
        for identifier in bodies:
            if statuses[identifier] == "success":
                assert identifier in provider.given, "captured, but never given"

    async def _check_replays(self) -> None:
        """The same key answers with the same transaction."""
        for key, (body, identifier) in list(self.acknowledged.items())[::10]:
            assert await self._send(key, body) == identifier


@asynccontextmanager
async def load_on(site: Site) -> AsyncIterator[Load]:
    """Furnishes a site that serves and puts it under load; at the end of the block the load ends,
    and everything is checked."""
    providers = []
    for idempotent in (False, True):
        provider = Provider(moody)
        provider.start()
        made = await site.make_provider(provider, idempotent=idempotent, timeoutSeconds=2)
        providers.append((provider, await site.make_option(made["id"])))
    for number in range(MEMBERS):
        await site.make_member(f"member-{number}")
    load = Load(site, providers[0][0], providers[1][0], [option for _, option in providers])
    clients = [asyncio.create_task(load._client(number)) for number in range(CLIENTS)]
    try:
        yield load
        load._stopping = True
        await asyncio.gather(*clients)
    finally:
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
    await load.check()
