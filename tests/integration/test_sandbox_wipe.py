"""A test programme is wiped whole, and nothing else ever is: the database sees to it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from tests.conftest import ALL_SCOPES, LOOPBACK, Api, make_key, served
from tests.faults.provider import FaultProvider
from tests.integration.api_parts import pointers, refused
from tests.integration.export_parts import begun
from tests.integration.programme import SLOTS, Programme, faults, judged, request

from guerdon import app
from guerdon.access import store as access
from guerdon.access.embedding import By
from guerdon.app import Running
from guerdon.db.migrate import SERVICE_ROLE
from guerdon.db.pool import Database
from guerdon.errors import (
    GuerdonError,
    InsufficientTokens,
    LiveNamespace,
    MemberNotFound,
    Unavailable,
)
from guerdon.members import model as member_model
from guerdon.members.notes import store as notes
from guerdon.redemption import enrolment
from guerdon.redemption.enrolment import enrol_batch, read_line
from guerdon.sealing import Sealer
from guerdon.transactions.desk import store as desk
from guerdon.transactions.exports import store as exports
from guerdon.transactions.requests import store as requests
from guerdon.transactions.states import News
from guerdon.web import sandbox

# What the member of a live programme has beside it, under load.
NEIGHBOURS = {"posting": 1, "idempotency_key": 1}
BY = By("operator:ann", None)
# What a wipe leaves: how the programme is set up, who works on it, and what they did.
KEPT = {"namespace", "api_key", "provider", "provider_health", "provider_secret", "option"}
KEPT |= {"option_version", "option_share", "audit", "installation", "schema_migration", "process"}
# Rows that cancel each other out, until they are folded.
KEPT |= {"transaction_hour_change"}


@pytest.fixture
async def idle(database: Database, sealer: Sealer) -> AsyncIterator[Running]:
    """Everything but delivery."""
    async with app.running(database, sealer, LOOPBACK, delivers=False) as running:
        yield running


async def live_through(programme: Programme, sealer: Sealer) -> UUID:
    """A programme that has seen everything; answers a transaction that is open."""
    await programme.member("ann", 500)
    made = [await programme.redeem("ann") for _ in range(5)]
    for transaction_id, answer in zip(made, (200, 201, 202, 500), strict=False):
        n = await programme.claim(transaction_id)
        await programme.hear(programme.ended(transaction_id, n, judged(status=answer)))
    await programme.hear(programme.callback(made[1], News.FAILED))
    await programme.issue("ann", 11, charge=True)
    await programme.member("bob", 7)
    namespace = programme.namespace
    async with programme.database.tx() as tx:
        await enrolment.erase(tx, SLOTS, sealer, namespace, "bob", "asked for")
        t = await programme.transaction(made[3])
        await desk.add_note(tx, t, "operator:ann", "Called them.")
        await desk.hand_over(tx, t, None, "operator:ann")
        ann = await enrolment.locked(tx, SLOTS, namespace, "ann")
        await notes.add(tx, ann, "operator:ann", "Called her.")
        await requests.add_adjustment(
            tx, ann.slot, namespace, ann.member_id, 5, "Goodwill", "operator:ann"
        )
        line = read_line(namespace, 1, {"userId": "ann", "reference": "line 1", "grant": 5})
        other = read_line(namespace, 2, {"userId": "cid", "reference": "line 2"})
        for one in (line, other):
            await enrol_batch(tx, programme.slot(one.user_id), [one])
    # Stopped: nobody goes on with it while the test looks.
    export = await begun(programme.database, "id", "personal", namespace=namespace)
    async with programme.database.tx() as tx:
        await exports.stop(tx, export, "operator:ann")
    return made[2]


def everything(superuser: str) -> dict[str, list[Any]]:
    """Every row of every table, as text."""
    with psycopg.connect(superuser) as connection:
        names = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        ).fetchall()
        return {
            name: sorted(
                str(row) for (row,) in connection.execute(f"SELECT r::text FROM {name} r".encode())
            )
            for (name,) in names
        }


async def test_all_of_a_test_programme_goes_and_nothing_of_another(
    database: Database, database_url: str, sealer: Sealer, idle: Running
) -> None:
    live = await Programme.open(database, sealer)
    await live_through(live, sealer)
    before = everything(database_url)
    there = await Programme.open(database, sealer, "try", test=True)
    limited = await there.another_option(limits={"total": 3, "perMember": 1})
    await live_through(there, sealer)
    await idle.parts.intake.redeem(request("try", limited.name, "ann"))
    wiped = await sandbox.wipe(idle.parts, "try", BY)
    assert (wiped.members, wiped.transactions, wiped.passed_over) == (3, 6, 0)
    after = everything(database_url)
    for name, rows in after.items():
        if name not in KEPT:
            assert rows == before[name], name
    with psycopg.connect(database_url) as connection:
        used = connection.execute("SELECT sum(used) FROM option_share WHERE namespace = 'try'")
        assert used.fetchone() == (0,)
        left = connection.execute(
            "SELECT hour, status FROM transaction_hour_change WHERE namespace = 'try'"
            " GROUP BY hour, status HAVING sum(found) <> 0"
        )
        assert left.fetchall() == []
        line = connection.execute(
            "SELECT actor, detail FROM audit WHERE action = 'sandbox.wiped'"
        ).fetchall()
    assert line == [("operator:ann", {"members": 3, "transactions": 6})]
    assert await faults(database) == []
    # As on the first day, under the same keys.
    await live_through(there, sealer)
    assert await idle.parts.intake.redeem(request("try", limited.name, "ann"))
    assert await faults(database) == []
    assert (await sandbox.wipe(idle.parts, "try", BY)).members == 3
    assert (await sandbox.wipe(idle.parts, "try", BY)).members == 0


async def test_a_key_is_new_again_after_a_wipe(
    api: Api, database: Database, provider: FaultProvider
) -> None:
    there = api.with_key(await make_key(database, "try", ALL_SCOPES, test=True))
    url = {"webhookUrl": provider.url, "name": "P"}
    provider_id = (await there.call("POST", "/v1/providers", url)).body["id"]
    option = {"type": "digital", "title": "T", "price": 5, "providerId": provider_id}
    name = (await there.call("POST", "/v1/options", option)).body["name"]
    made = []
    for _ in range(2):
        await there.call("PUT", "/v1/members/ann", {})
        grant = {"amount": 7, "reason": "r"}
        granted = await there.call("POST", "/v1/members/ann/grants", grant, key="g")
        body = {"optionName": name, "userId": "ann"}
        redeemed = await there.call("POST", "/v1/redemptions", body, key="r")
        assert (granted.status, redeemed.status) == (201, 202)
        assert "Idempotent-Replayed" not in redeemed.headers
        made.append(redeemed.body["id"])
        wiped = await there.call("POST", "/v1/sandbox/wipe", {"namespace": "try"})
        assert (wiped.status, wiped.body) == (200, {"members": 1, "transactions": 1})
        gone = await there.call("GET", f"/v1/transactions/{made[-1]}")
        refused(gone, 404, "transaction-not-found")
    assert made[0] != made[1]
    assert (await there.call("GET", f"/v1/options/{name}")).body["timesUsed"] == 0
    assert (await there.call("GET", "/v1/namespace")).body["test"] is True


async def test_a_live_programme_has_no_sandbox(
    database: Database, database_url: str, sealer: Sealer, idle: Running
) -> None:
    await make_key(database, "try", ALL_SCOPES, test=True)
    key = await make_key(database, "1", ALL_SCOPES)
    live = await Programme.open(database, sealer)
    await live_through(live, sealer)
    before = everything(database_url)
    async with served(idle, key) as api:
        wipe = ("POST", "/v1/sandbox/wipe", {"namespace": "1"})
        for call in (("POST", "/v1/sandbox/advance", {"seconds": 60}), wipe):
            refused(await api.call(*call), 409, "live-namespace")
        # A key of one names the other.
        answer = await api.call("POST", "/v1/sandbox/wipe", {"namespace": "try"})
        assert pointers(refused(answer, 422, "invalid-request")) == {"/namespace"}
    with pytest.raises(LiveNamespace):
        await sandbox.wipe(idle.parts, "nowhere", BY)
    for namespace in ("1", "nowhere"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with database.pool.connection() as connection:
                await connection.execute(
                    "SELECT wipe_test_members(%s, 0::smallint, 100)", (namespace,)
                )
    assert everything(database_url) == before


async def test_what_a_programme_was_made_as_it_stays(database: Database, sealer: Sealer) -> None:
    await make_key(database, "live", ["read"])
    await make_key(database, "try", ["read"], test=True)
    await make_key(database, "try", ["read"])
    with pytest.raises(LiveNamespace, match="never becomes a test one"):
        await make_key(database, "live", ["read"], test=True)
    async with database.read() as tx:
        rows = [await access.namespace(tx, name) for name in ("live", "try")]
    assert [row is not None and row.test for row in rows] == [False, True]
    for statement in (
        "UPDATE namespace SET test = true WHERE namespace = 'live'",
        "UPDATE namespace SET test = false WHERE namespace = 'try'",
        "UPDATE namespace SET namespace = 'other' WHERE namespace = 'live'",
        "DELETE FROM namespace",
        "TRUNCATE namespace CASCADE",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with database.pool.connection() as connection:
                await connection.execute(statement.encode())
    with pytest.raises(psycopg.errors.CheckViolation):
        async with database.pool.connection() as connection:
            await connection.execute("UPDATE namespace SET wiped_at = now() WHERE NOT test")


async def test_a_live_programmes_provider_is_never_the_one_that_is_built_in(
    database: Database, sealer: Sealer
) -> None:
    live = await Programme.open(database, sealer)
    for statement in (
        "UPDATE provider SET webhook_url = 'sandbox:gives' WHERE provider_id = %s",
        "UPDATE provider SET status_url = 'sandbox:gives' WHERE provider_id = %s",
    ):
        with pytest.raises(psycopg.errors.CheckViolation):
            async with database.pool.connection() as connection:
                await connection.execute(statement.encode(), (live.provider_id,))
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        async with database.pool.connection() as connection:
            await connection.execute("UPDATE provider SET test = true")


async def test_the_only_live_namespace_stays_the_only_one(database: Database) -> None:
    async def alone() -> str | None:
        async with database.read() as tx:
            return await access.only_namespace(tx)

    assert await alone() is None
    await make_key(database, "a-try", ["read"], test=True)
    assert await alone() == "a-try"
    await make_key(database, "live", ["read"])
    assert await alone() == "live"
    await make_key(database, "b-try", ["read"], test=True)
    assert await alone() == "live"
    await make_key(database, "z-live", ["read"])
    assert await alone() is None


class Crowd:
    """Members who redeem, one after another and all at once, until told to stop."""

    def __init__(self, programme: Programme, houses: list[Running]) -> None:
        self.programme = programme
        self.houses = houses
        self.stop = asyncio.Event()
        self.accepted = 0
        self.strange: list[BaseException] = []

    async def redeem(self, number: int) -> None:
        """One of them: enrolled, credited and redeeming by turns, through one of the processes."""
        house, namespace = self.houses[number % 2], self.programme.namespace
        user_id = f"member {number % 5}"
        while not self.stop.is_set():
            try:
                async with house.parts.database.tx() as tx:
                    change = member_model.read_change({"email": "a@example.com"})
                    await enrolment.put_member(tx, SLOTS, namespace, user_id, change)
                await self.programme.issue(user_id, 100)
                for _ in range(5):
                    work = request(namespace, self.programme.option.name, user_id)
                    await house.parts.intake.redeem(work)
                    self.accepted += 1
            except (MemberNotFound, InsufficientTokens, Unavailable):
                continue  # wiped a moment ago, and perhaps made anew by another
            except (GuerdonError, psycopg.Error) as trouble:
                self.strange.append(trouble)


async def test_a_wipe_under_load_leaves_books_that_add_up(
    database: Database, database_url: str, sealer: Sealer, provider: FaultProvider
) -> None:
    live = await Programme.open(database, sealer, webhook_url=provider.url)
    await live.member("ann", 100)
    programme = await Programme.open(
        database, sealer, "try", test=True, webhook_url=provider.url, max_in_flight=8
    )
    other = Database(database_url, role=SERVICE_ROLE)
    await other.open()
    async with (
        app.running(database, sealer, LOOPBACK) as first,
        app.running(other, sealer, LOOPBACK) as second,
    ):
        crowd = Crowd(programme, [first, second])
        running = [asyncio.create_task(crowd.redeem(number)) for number in range(12)]
        gone = 0
        while gone < 100:
            gone += (await sandbox.wipe(first.parts, "try", BY)).transactions
            assert await faults(database) == []
        crowd.stop.set()
        await asyncio.gather(*running)
        await sandbox.wipe(second.parts, "try", BY)
        assert await faults(database) == []
        assert crowd.accepted >= gone
        assert crowd.strange == []
    await other.close()
    with psycopg.connect(database_url) as connection:
        for name in ("transaction", "message", "posting", "event", "attempt", "idempotency_key"):
            rows = connection.execute(f"SELECT count(*) FROM {name}".encode()).fetchone()
            assert rows == (NEIGHBOURS.get(name, 0),), name
        used = connection.execute("SELECT sum(used) FROM option_share").fetchone()
    assert used == (0,)
    assert (await live.tokens("ann"))[0] == 100
