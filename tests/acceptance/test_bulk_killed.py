"""kill -9 amid many decisions: another process goes on, and nothing is decided twice."""

from uuid import UUID

from tests.acceptance.provider import Provider, Reply
from tests.acceptance.site import Site, until

from guerdon.db.migrate import SERVICE_ROLE
from guerdon.db.pool import Database
from guerdon.transactions.bulk import store
from guerdon.transactions.lists import pages as lists
from guerdon.transactions.lists.pages import Wanted

MANY = 60
DANA = "operator:dana@example.com"
NAMESPACE = "1"


async def begun(site: Site) -> UUID:
    """A job over every transaction, begun by Dana."""
    database = Database(site.superuser(), role=SERVICE_ROLE)
    await database.open()
    async with database.tx() as tx:
        found = await lists.page(tx, Wanted(NAMESPACE), store.MOST, oldest_first=True)
        job_id = await store.freeze(tx, NAMESPACE, "cancel", {}, DANA, found)
        job = await store.job(tx, NAMESPACE, job_id)
        assert job is not None
        assert await store.start(tx, job, DANA, None, "the provider is gone")
    await database.close()
    return job_id


async def test_a_job_survives_its_process(site: Site) -> None:
    serving = await site.serve()
    provider = Provider(lambda _asked, _before: Reply(False, {"status": "postponed"}))
    provider.start()
    option = await site.make_option((await site.make_provider(provider))["id"])
    await site.make_member("ann", MANY * 5)
    for n in range(MANY):
        await site.redeem("ann", option, f"r{n}")
    await until(lambda: set(site.statuses().values()) == {"postponed"}, "all postponed")
    with site.connect() as holding, holding.transaction():
        # The last row is held, so that the last rows are begun and cannot end.
        last = "SELECT 1 FROM transaction ORDER BY transaction_id DESC LIMIT 1 FOR UPDATE"
        holding.execute(last)
        job_id = await begun(site)
        stuck = "SELECT count(*) AS n FROM bulk_item WHERE begun_at IS NOT NULL AND outcome IS NULL"
        rest = "SELECT count(*) AS n FROM bulk_item WHERE begun_at IS NULL"
        await until(lambda: site.query(rest)[0].n == 0 < site.query(stuck)[0].n, "the last rows")
        serving.kill()
    site.query("UPDATE bulk_job SET lease_until = now() WHERE lease_until IS NOT NULL")
    await site.deliver()
    over = "SELECT 1 FROM bulk_job WHERE job_id = %(id)s AND ended_at IS NOT NULL"
    await until(lambda: bool(site.query(over, {"id": job_id})), "the end of the job")
    rows = site.query("SELECT outcome, sentence FROM bulk_item")
    assert {(row.outcome, row.sentence) for row in rows} == {
        ("done", "Failure: 5 tokens returned.")
    }
    assert len(rows) == MANY
    assert set(map(tuple, site.movements().values())) == {("hold", "release")}
    said = site.query(
        "SELECT count(*) AS n FROM event WHERE type = 'operator.cancelled' GROUP BY transaction_id"
    )
    assert [row.n for row in said] == [1] * MANY
    await site.verify()
