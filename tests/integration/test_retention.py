"""What is personal about closed transactions goes in its time; money and history do not."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from tests.conftest import Api
from tests.integration.api_parts import Shop, furnished

from guerdon import ids
from guerdon.access import trail
from guerdon.access.trail import Sought
from guerdon.app import Running
from guerdon.redemption import forgetting, inquiry
from guerdon.transactions.desk import store as desk
from guerdon.transactions.retention import store as retention
from guerdon.transactions.retention.store import Days

DAYS = Days(personal=30, disputed=90)


@pytest.fixture
async def shop(api: Api) -> AsyncIterator[Shop]:
    async with furnished(api) as made:
        await made.member("ann", 10_000, email="ann@example.com", address="1 Main St")
        yield made


class Past:
    """Moves transactions into the past, as only a superuser can; and looks at what is left."""

    def __init__(self, url: str, guerdon: Running, shop: Shop) -> None:
        self._url = url
        self.database = guerdon.parts.database
        self.slots = guerdon.parts.slots
        self.shop = shop

    async def closed(self, days: int, *, until: str = "success", reply: int = 200) -> str:
        """A transaction that was made so many days ago, and closed then if ``until`` is final."""
        self.shop.rewards.next(reply, {"status": "success"} if reply == 200 else None)
        made = await self.shop.redeem("ann", until=until)
        return self.move(made["id"], days)

    def move(self, transaction_id: str, days: int) -> str:
        """The same transaction under an ID of that time; answers the ID."""
        old = UUID(transaction_id)
        shift = timedelta(days=days)
        with psycopg.connect(self._url, autocommit=True) as connection:
            row = connection.execute(
                "SELECT created_at FROM transaction WHERE transaction_id = %s", (old,)
            ).fetchone()
            assert row is not None
            created: datetime = row[0] - shift
            new = ids.new_id(ids.bucket_in(old), created)
            for table in ("transaction", "transaction_personal", "event", "attempt"):
                connection.execute(
                    f"UPDATE {table} SET transaction_id = %s WHERE transaction_id = %s", (new, old)
                )
            connection.execute(
                "UPDATE transaction SET created_at = created_at - %(by)s, "
                "closed_at = closed_at - %(by)s WHERE transaction_id = %(id)s",
                {"by": shift, "id": new},
            )
        return str(new)

    def change(self, text: str, *values: Any) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(text.encode(), values)

    def parts(self, transaction_id: str) -> int:
        """How many personal parts are left."""
        with psycopg.connect(self._url) as connection:
            row = connection.execute(
                "SELECT count(*) FROM transaction_personal WHERE transaction_id = %s",
                (transaction_id,),
            ).fetchone()
        assert row is not None
        return int(row[0])

    def rows(self) -> list[int]:
        """How many rows there are of what stays for good."""
        with psycopg.connect(self._url) as connection:
            counts = []
            for table in ("posting", "event", "attempt", "transaction", "member_profile"):
                row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
                assert row is not None
                counts.append(int(row[0]))
        return counts

    async def forget(self, limit: int = 100) -> bool:
        async with self.database.tx() as tx:
            return await forgetting.forget(tx, "1", limit)

    async def keep_for(self, days: Days | None) -> None:
        async with self.database.tx() as tx:
            await retention.set_days(tx, "1", days)


@pytest.fixture
def past(database_url: str, guerdon: Running, shop: Shop) -> Past:
    return Past(database_url, guerdon, shop)


async def told(past: Past) -> list[dict[str, Any]]:
    async with past.database.tx() as tx:
        now = tx.at
    sought = Sought(
        "1", now - timedelta(hours=1), now + timedelta(hours=1), action="retention.removed"
    )
    async with past.database.read() as tx:
        return [line.detail for line in await trail.page(tx, sought, 10)]


async def test_nothing_goes_unless_a_programme_says_so(past: Past) -> None:
    old = await past.closed(4000)
    assert await past.forget() is False
    await past.keep_for(DAYS)
    await past.keep_for(None)
    assert await past.forget() is False
    assert past.parts(old) == 2


async def test_what_is_personal_goes_in_its_time_and_nothing_else_does(past: Past) -> None:
    old, young = await past.closed(31), await past.closed(29)
    open_still = await past.closed(400, until="postponed", reply=201)
    contradicted, complained = await past.closed(60), await past.closed(60)
    past.change("UPDATE transaction SET conflict = true WHERE transaction_id = %s", contradicted)
    past.change(
        "INSERT INTO transaction_case (slot, transaction_id, namespace, opened_at, complained_at) "
        "SELECT slot, transaction_id, namespace, now(), now() FROM transaction "
        "WHERE transaction_id = %s",
        complained,
    )
    before = past.rows()
    await past.keep_for(DAYS)
    while await past.forget(limit=2):
        pass
    assert [past.parts(one) for one in (old, young)] == [0, 2]
    assert all(past.parts(one) for one in (open_still, contradicted, complained))
    assert past.rows() == before
    assert await told(past) == [{"transactions": 1, "personalDays": 30, "disputedDays": 90}]
    shown = await past.shop.api.call("GET", f"/v1/transactions/{old}")
    assert shown.body["status"] == "success"
    requested, _, posted, _ = shown.body["events"]
    assert (requested["payload"]["email"], requested["payload"]["address"]) == (None, None)
    assert (posted["payload"]["request"], posted["payload"]["reply"]) == (None, None)


async def test_what_was_passed_by_is_looked_at_again(past: Past) -> None:
    disputed = await past.closed(60)
    past.change("UPDATE transaction SET conflict = true WHERE transaction_id = %s", disputed)
    open_still = await past.closed(60, until="postponed", reply=201)
    await past.keep_for(DAYS)
    assert await past.forget() is False
    assert past.parts(disputed) == 2
    # Closed long ago by now, and the disputed one older still.
    past.change(
        "UPDATE transaction SET status = 'failure', closed_at = now() - interval '40 days', "
        "closed_by = 'operator:a', due_at = NULL WHERE transaction_id = %s",
        open_still,
    )
    past.change(
        "UPDATE transaction SET closed_at = now() - interval '91 days' WHERE transaction_id = %s",
        disputed,
    )
    await past.forget()
    assert past.parts(open_still) > 0, "not before its moment"
    past.change("UPDATE retention_later SET look_at = now()")
    assert await past.forget() is False
    assert [past.parts(one) for one in (open_still, disputed)] == [0, 0]
    assert len(await told(past)) == 1


async def test_a_note_that_comes_late_goes_too(past: Past) -> None:
    old = await past.closed(45)
    await past.keep_for(DAYS)
    await past.forget()
    async with past.database.tx() as tx:
        t = await inquiry.find(tx, past.slots, "1", UUID(old))
        await desk.add_note(tx, t, "operator:a", "Called ann back.")
    assert past.parts(old) == 1
    await past.forget()
    assert past.parts(old) == 0


async def test_fewer_days_reach_further_and_one_process_does_it(past: Past) -> None:
    young = await past.closed(10)
    await past.keep_for(DAYS)
    await past.forget()
    assert past.parts(young) == 2
    await past.keep_for(Days(5, 5))
    async with past.database.tx() as tx:
        assert await retention.take(tx, "1") is not None
        assert await past.forget() is False, "somebody else is at it"
    assert past.parts(young) == 2
    await past.forget()
    assert past.parts(young) == 0
