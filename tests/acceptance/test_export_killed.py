"""kill -9 while a part of an export is being kept: another goes on, and the file is whole."""

from uuid import UUID

from tests.acceptance.provider import Provider, Reply
from tests.acceptance.site import NAMESPACE, Site, until

from guerdon import clock
from guerdon.db.migrate import SERVICE_ROLE
from guerdon.db.pool import Database
from guerdon.redemption.exports import writing
from guerdon.transactions.exports import store
from guerdon.transactions.exports.model import Plan
from guerdon.transactions.lists.pages import Wanted

MANY = 120


async def begun(site: Site) -> UUID:
    """An export of every event, which takes several steps."""
    database = Database(site.superuser(), role=SERVICE_ROLE)
    await database.open()
    async with database.tx() as tx:
        wanted = await writing.frozen(tx, Wanted(NAMESPACE), clock.now())
        plan = Plan(wanted, ("id",), "event", "UTC", "iso", "csv", "0")
        export_id = await store.add(
            tx, NAMESPACE, "operator:dana@example.com", "x.csv", {}, "All", plan, kept=True
        )
    await database.close()
    return export_id


async def test_an_export_survives_its_process(site: Site) -> None:
    serving = await site.serve()
    provider = Provider(lambda _asked, _before: Reply(False, {"status": "success"}))
    provider.start()
    option = await site.make_option((await site.make_provider(provider))["id"])
    await site.make_member("ann", MANY * 5)
    for n in range(MANY):
        await site.redeem("ann", option, f"r{n}")
    await until(lambda: set(site.statuses().values()) == {"success"}, "all settled")
    expected = site.query("SELECT transaction_id, seq FROM event ORDER BY 1 DESC, 2")
    with site.connect() as holding, holding.transaction():
        # No part can be kept: whoever writes the file waits amid its first step.
        holding.execute("LOCK TABLE transaction_export_part IN SHARE MODE")
        export_id = await begun(site)
        stuck = (
            "SELECT 1 FROM pg_locks WHERE NOT granted AND mode = 'RowExclusiveLock' "
            "AND relation = 'transaction_export_part'::regclass"
        )
        await until(lambda: bool(site.query(stuck)), "a step that waits")
        serving.kill()
    site.query("UPDATE transaction_export SET lease_until = now() WHERE lease_until IS NOT NULL")
    await site.deliver()
    over = (
        "SELECT written FROM transaction_export WHERE export_id = %(id)s AND ended_at IS NOT NULL"
    )
    await until(lambda: bool(site.query(over, {"id": export_id})), "the end of the export")
    parts = site.query("SELECT content FROM transaction_export_part ORDER BY n")
    assert len(parts) > 1
    _, *lines = b"".join(bytes(part.content) for part in parts).decode().splitlines()
    rows = [tuple(line.split(",")[:2]) for line in lines]
    assert rows == [(str(row.transaction_id), str(row.seq)) for row in expected]
    assert site.query(over, {"id": export_id})[0].written == len(rows)
