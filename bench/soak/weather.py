"""The faults themselves, one every few seconds, and the load that goes on under them."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.soak.fates import Fates
from bench.soak.watching import Watch
from rich.console import Console
from tests.acceptance.load import Load, load_on
from tests.acceptance.proxy import Proxy, proxy_to
from tests.acceptance.site import Process, Site
from tests.faults.provider import FaultProvider, serving

_CALM_SECONDS = (2.0, 12.0)
_COMMITS = (b"INSERT INTO message", b"INSERT INTO attempt", b"SET state = 'sending'")
_TERMINATE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
    "AND pid <> pg_backend_pid() AND random() < %(share)s"
)


@dataclass(slots=True)
class Weather:
    """Does one thing after another to the processes of a site."""

    site: Site
    proxy: Proxy
    chance: random.Random
    victim: Process
    steady: Process
    happened: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        """Until it is stopped."""
        faults: list[Callable[[], Awaitable[None]]] = [
            self.kill_the_victim,
            self.stop_in_its_tracks,
            self.terminate_sessions,
            self.lose_answers,
        ]
        while True:
            await asyncio.sleep(self.chance.uniform(*_CALM_SECONDS))
            fault = self.chance.choice(faults)
            await fault()
            self.happened[fault.__name__.replace("_", " ")] += 1

    async def kill_the_victim(self) -> None:
        """kill -9, and a new one."""
        self.victim.kill()
        self.victim = await self.site.deliver()

    async def stop_in_its_tracks(self) -> None:
        """A delivering process stands still, perhaps for longer than its leases."""
        chosen = self.chance.choice([self.victim, self.steady])
        chosen.pause()
        try:
            await asyncio.sleep(self.chance.uniform(0.5, 15.0))
        finally:
            chosen.go_on()

    async def terminate_sessions(self) -> None:
        """Some sessions of anybody."""
        share = {"share": self.chance.random()}
        await asyncio.to_thread(self.site.query, _TERMINATE, share)

    async def lose_answers(self) -> None:
        """The answer to somebody's COMMIT does not arrive."""
        self.proxy.lose(self.chance.choice(_COMMITS), times=self.chance.randrange(1, 4))


async def soak(
    folder: Path, url: str, seconds: float, chance: random.Random, console: Console
) -> None:
    """So many seconds of it; raises where something does not hold."""
    site = Site(folder, url=url)
    try:
        async with proxy_to(url) as proxy, serving() as provider:
            await site.make_key()
            await _weather_it(site, proxy, provider, seconds, chance, console)
    finally:
        await site.close()


async def _weather_it(
    site: Site,
    proxy: Proxy,
    provider: FaultProvider,
    seconds: float,
    chance: random.Random,
    console: Console,
) -> None:
    # What answers people, and one that delivers, live through it all; another one is killed.
    answering = await site.serve("--no-delivery", url=proxy.url)
    steady = await site.deliver(url=proxy.url)
    weather = Weather(site, proxy, chance, await site.deliver(), steady)
    watch = Watch(site, {"serve": answering, "deliver": steady})
    fates = Fates(chance)
    provider.choose = fates.choose
    async with load_on(site) as load:
        load.options.append(await _offer(site, provider))
        tasks = [asyncio.create_task(one.run()) for one in (weather, watch)]
        await _tell(load, fates, tasks, seconds, console)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # Those that come now have nothing to remember, and finish what is owed.
        for process in (weather.victim, steady):
            process.kill()
        await site.deliver()
        fates.known = 10
    assert answering.alive, answering.said()[-2000:]
    fates.check(provider, site.statuses(), site.movements())
    console.print(f"faults: {dict(weather.happened)}")
    console.print(f"answers: {dict(fates.chosen)}")
    console.print(f"commits without an answer: {proxy.lost}")
    watch.report(3, console)
    console.print(
        f"{len(load.acknowledged):,} redemptions acknowledged, statuses "
        f"{dict(Counter(site.statuses().values()))}: everything holds"
    )


async def _offer(site: Site, provider: FaultProvider) -> str:
    body = {"name": "Fates", "webhookUrl": provider.url, "dialect": "json", "timeoutSeconds": 2}
    made = await site.api().call("POST", "/v1/providers", body)
    assert made.status == 201, made.body
    return await site.make_option(made.body["id"])


async def _tell(
    load: Load, fates: Fates, tasks: list[asyncio.Task[None]], seconds: float, console: Console
) -> None:
    """A line a minute, to the end; a task that ended has failed."""
    left = seconds
    while left > 0:
        done, _ = await asyncio.wait(tasks, timeout=min(60.0, left))
        for task in done:
            task.result()
        left -= 60.0
        console.print(
            f"{max(left, 0) / 60:.0f} minutes left: {len(load.acknowledged):,} acknowledged, "
            f"{load.broken} cut, {dict(load.statuses)}, {fates.chosen.total():,} by the provider"
        )
