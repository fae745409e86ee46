"""kill -9 of whoever delivers, at every named point of an attempt.

One process has one attempt at each point, to a provider that is idempotent and to one that is not,
when it is killed; nothing in the product helps to reach a point. Each point is then a test.

    before-connect   'sending' is committed, the connection does not come about
    handshaking      the connection stands, TLS does not: no request byte was written
    mid-write        a part of the request is with the provider, the rest in the sender's kernel
    after-last-byte  the provider has read all of it and given the reward, and says nothing
    answer-arrived   the whole answer is in the kernel, unread
    answer-read      the result is being stored: its commit waits for a lock that we hold
    result-committed the result is stored
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psycopg
import pytest
from tests.acceptance.provider import Provider
from tests.acceptance.site import Process, Site, empty_database, until

POINTS = [
    "before-connect",
    "handshaking",
    "mid-write",
    "after-last-byte",
    "answer-arrived",
    "answer-read",
    "result-committed",
]
# What the first attempt did: whether the request reached the provider (for mid-write, after the
# sender's death: the kernel sends what was written).
REACHED = {point: point not in ("before-connect", "handshaking") for point in POINTS}
_LONG_ADDRESS = "Ä" * 2000


@dataclass(slots=True)
class Attempt:
    """One redemption on its way to its point."""

    point: str
    idempotent: bool
    provider: Provider
    provider_id: str = ""
    transaction_id: str = ""

    async def begin(self, site: Site) -> None:
        """Furnishes a provider and an option of its own, and a member."""
        self.provider.start(small=self.point == "mid-write")
        url = self.provider.url
        if self.point == "handshaking":
            url = url.replace("http:", "https:")
        made = await site.make_provider(
            self.provider, url=url, idempotent=self.idempotent, timeoutSeconds=30
        )
        self.provider_id = made["id"]
        option = await site.make_option(self.provider_id)
        if self.point == "before-connect":
            await self.provider.refuse_to_accept()
        elif self.point in ("handshaking", "mid-write"):
            self.provider.reading.clear()
        else:
            self.provider.answering.clear()
        user_id = f"{self.point}-{self.idempotent}"
        await site.make_member(user_id, 10)
        self.transaction_id = await site.redeem(user_id, option, user_id, address=_LONG_ADDRESS)

    def there(self) -> bool:
        """Whether it has come as far as it can by itself."""
        if self.point == "before-connect":
            return self.provider.connecting() == 1
        if self.point == "handshaking":
            return self.provider.established() == 1
        if self.point == "mid-write":
            return self.provider.stuck_bytes() > 0
        return len(self.provider.asked) == 1

    async def mend(self, site: Site) -> None:
        """Opens every gate."""
        self.provider.accept_again()
        self.provider.reading.set()
        self.provider.answering.set()
        if self.point == "handshaking":
            path = f"/v1/providers/{self.provider_id}"
            url = {"webhookUrl": self.provider.url}
            assert (await site.api().call("PATCH", path, url)).status == 200


@dataclass(slots=True)
class Wreck:
    """What is left when everything has come to rest."""

    attempts: dict[tuple[str, bool], Attempt]
    statuses: dict[str, str]
    movements: dict[str, list[str]]


def _attempts_to_make() -> dict[tuple[str, bool], Attempt]:
    return {
        (point, idempotent): Attempt(point, idempotent, Provider())
        for point in POINTS
        for idempotent in (False, True)
    }


@pytest.fixture(scope="module", params=["deliver", "serve"])
async def wreck(
    request: pytest.FixtureRequest, server: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Wreck]:
    """Kills ``guerdon deliver``, or a ``guerdon serve`` that delivers; starts another."""
    with empty_database(server) as url:
        site = Site(Path(tmp_path_factory.mktemp("wreck")), url=url)
        try:
            yield await _wrecked(site, request.param)
        finally:
            await site.close()


async def _wrecked(site: Site, victim_is: str) -> Wreck:
    await site.make_key()
    if victim_is == "deliver":
        await site.serve("--no-delivery")
    victim = await _start(site, victim_is)
    attempts = _attempts_to_make()
    for attempt in attempts.values():
        await attempt.begin(site)
    await _kill_at_every_point(site, victim, attempts)
    await _start(site, victim_is)
    for attempt in attempts.values():
        await attempt.mend(site)
    await site.come_to_rest()
    await site.verify()
    return Wreck(attempts, site.statuses(), site.movements())


async def _start(site: Site, what: str) -> Process:
    return await (site.deliver() if what == "deliver" else site.serve())


async def _kill_at_every_point(
    site: Site, victim: Process, attempts: dict[tuple[str, bool], Attempt]
) -> None:
    for attempt in attempts.values():
        await until(attempt.there, f"{attempt.point}, idempotent {attempt.idempotent}")
    at = {
        point: [attempt for attempt in attempts.values() if attempt.point == point]
        for point in POINTS
    }
    with ExitStack() as stack:
        for attempt in at["result-committed"]:
            attempt.provider.answering.set()
        for attempt in at["result-committed"]:
            await until(
                lambda attempt=attempt: site.statuses()[attempt.transaction_id] == "success",
                "a stored result",
            )
        holder = stack.enter_context(site.connect())
        _lock(holder, [attempt.transaction_id for attempt in at["answer-read"]])
        for attempt in at["answer-read"]:
            attempt.provider.answering.set()
        waiting = {attempt.transaction_id for attempt in at["answer-read"]}
        assert len(waiting) == 2
        await until(lambda: waits_for(site, holder), "a result that waits for our lock")
        victim.pause()
        for attempt in at["answer-arrived"]:
            attempt.provider.answering.set()
        for attempt in at["answer-arrived"]:
            await until(lambda attempt=attempt: attempt.provider.answered, "the whole answer")
        victim.kill()


def _lock(holder: psycopg.Connection[object], transaction_ids: list[str]) -> None:
    holder.execute("BEGIN")
    holder.execute(
        "SELECT 1 FROM transaction WHERE transaction_id = ANY (%s::uuid[]) FOR UPDATE",
        (transaction_ids,),
    )


def waits_for(site: Site, holder: psycopg.Connection[object]) -> bool:
    """Whether a session waits for ``holder``."""
    return bool(
        site.query(
            "SELECT pid FROM pg_stat_activity WHERE %(pid)s = ANY (pg_blocking_pids(pid))",
            {"pid": holder.info.backend_pid},
        )
    )


@pytest.mark.parametrize("point", POINTS)
def test_what_nobody_can_know_is_not_sent_again(wreck: Wreck, point: str) -> None:
    attempt = wreck.attempts[point, False]
    done = point == "result-committed"
    assert wreck.statuses[attempt.transaction_id] == ("success" if done else "recoverable-failure")
    assert wreck.movements[attempt.transaction_id] == (["hold", "capture"] if done else ["hold"])
    assert len(attempt.provider.asked) == int(REACHED[point])
    assert attempt.provider.given[attempt.transaction_id] == int(REACHED[point])


@pytest.mark.parametrize("point", POINTS)
def test_an_idempotent_provider_gets_the_same_bytes_once_more(wreck: Wreck, point: str) -> None:
    attempt = wreck.attempts[point, True]
    assert wreck.statuses[attempt.transaction_id] == "success"
    assert wreck.movements[attempt.transaction_id] == ["hold", "capture"]
    resends = int(point != "result-committed")
    assert len(attempt.provider.asked) == int(REACHED[point]) + resends
    assert len({asked.body for asked in attempt.provider.asked}) == 1


async def test_killed_after_the_claim_it_is_delivered_once(site: Site) -> None:
    """Before the claim's commit nothing was sent, provably: another process takes it up."""
    await site.serve("--no-delivery")
    provider = Provider()
    provider.start()
    made = await site.make_provider(provider)
    option = await site.make_option(made["id"])
    await site.make_member("claimed")
    transaction_id = await site.redeem("claimed", option, "claimed")
    with site.connect() as holder:
        # The claim has its row, and waits for this table to read what is to be sent.
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE transaction_personal")
        victim = site.start("deliver")
        await until(lambda: waits_for(site, holder), "a claim that is not committed")
        victim.kill()
    assert site.query("SELECT state, attempts FROM message") == [("queued", 0)]
    await site.deliver()
    await until(lambda: site.statuses()[transaction_id] == "success", "delivery")
    assert [asked.transaction_id for asked in provider.asked] == [transaction_id]
    await site.verify()


async def test_killed_before_the_acceptance_is_committed_nothing_happened(site: Site) -> None:
    victim = await site.serve()
    provider = Provider()
    provider.start()
    made = await site.make_provider(provider)
    option = await site.make_option(made["id"])
    await site.make_member("early")
    with site.connect() as holder:
        holder.execute("BEGIN")
        # Before its writes, with which the COMMIT travels.
        holder.execute("SELECT FROM account FOR UPDATE")
        asking = asyncio.create_task(site.redeem("early", option, "early"))
        await until(lambda: waits_for(site, holder), "an acceptance that is not committed")
        victim.kill()
        with pytest.raises(aiohttp.ClientError):
            await asking
    await site.serve()
    assert site.statuses() == {}
    transaction_id = await site.redeem("early", option, "early")
    await until(lambda: site.statuses()[transaction_id] == "success", "delivery")
    assert [asked.transaction_id for asked in provider.asked] == [transaction_id]
    await site.verify()
