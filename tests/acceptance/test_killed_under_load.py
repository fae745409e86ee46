"""kill -9 under load: nothing acknowledged is lost, nothing is given twice or given back wrongly.

``load_on`` checks all of it when its block ends.
"""

from tests.acceptance.load import load_on
from tests.acceptance.site import Site, until

KILLS = 3
# Redemptions between two kills: more than the clients have under way at once.
ENOUGH = 60


async def test_postgresql_killed(data_site: Site) -> None:
    serving = await data_site.serve()
    async with load_on(data_site) as load:
        for kill in range(KILLS):
            await load.more(ENOUGH)
            killed = data_site.postgres_pid()
            data_site.kill_postgres(children=kill % 2 == 0)
            await until(lambda k=killed: data_site.postgres_pid() not in (None, k), "a restart")
        await load.more(ENOUGH)
    # It healed by itself: the process is the one from the beginning.
    assert serving.alive


async def test_everything_killed(data_site: Site) -> None:
    serving = await data_site.serve()
    async with load_on(data_site) as load:
        for kill in range(KILLS):
            await load.more(ENOUGH)
            data_site.kill_postgres(children=kill % 2 == 0)
            serving.kill()
            serving = await data_site.serve()
        await load.more(ENOUGH)


async def test_serve_killed(data_site: Site) -> None:
    """PostgreSQL notices that its parent died, and ends in good order."""
    serving = await data_site.serve()
    async with load_on(data_site) as load:
        for _ in range(KILLS):
            await load.more(ENOUGH)
            serving.kill()
            serving = await data_site.serve()
        await load.more(ENOUGH)


async def test_the_deliverer_killed(site: Site) -> None:
    await site.serve("--no-delivery")
    delivering = await site.deliver()
    async with load_on(site) as load:
        for _ in range(KILLS):
            await load.more_delivered(ENOUGH // 2)
            delivering.kill()
            delivering = await site.deliver()
        await load.more(ENOUGH)


async def test_random_sessions_terminated(site: Site) -> None:
    serving = await site.serve()
    async with load_on(site) as load:
        for _ in range(10 * KILLS):
            await load.more(20)
            site.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() "
                "ORDER BY random() LIMIT 3"
            )
        await load.more(ENOUGH)
    assert serving.alive
