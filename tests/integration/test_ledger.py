"""The ledger against hostile SQL: what must hold is held by the database, not by the code."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import astuple
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.integration.programme import Programme, faults, judged, waiting_for_locks

from guerdon.amount import MAX_TOKENS
from guerdon.db.migrate import APPEND_ONLY
from guerdon.db.pool import Database
from guerdon.errors import InsufficientTokens, InvalidRequest, InvariantBroken
from guerdon.ledger import posting
from guerdon.ledger import store as ledger
from guerdon.ledger.chart import CODE
from guerdon.ledger.posting import Account, Posting
from guerdon.sealing import Sealer
from guerdon.transactions.states import News

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


@pytest.fixture
async def programme(database: Database, sealer: Sealer) -> Programme:
    made = await Programme.open(database, sealer)
    await made.member("ann", 100)
    return made


async def run(database: Database, statement: str, *values: object) -> None:
    """One statement with the rights of the service."""
    async with database.pool.connection() as connection:
        await connection.execute(statement.encode(), values)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {} SET {column} = {column}",
        "DELETE FROM {}",
        "TRUNCATE {}",
        "DROP TABLE {}",
        "ALTER TABLE {} DISABLE TRIGGER ALL",
        "SELECT 1 FROM {} FOR UPDATE",
    ],
)
async def test_the_service_may_only_add(database: Database, statement: str) -> None:
    for table in APPEND_ONLY:
        column = "slot" if table in ("event", "attempt") else "namespace"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await run(database, statement.format(table, column=column))


async def test_an_upsert_is_no_way_round(programme: Programme) -> None:
    made = await programme.redeem("ann")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await run(
            programme.database,
            "INSERT INTO event (slot, transaction_id, seq, type, at, actor)"
            " SELECT slot, transaction_id, seq, type, at, 'me' FROM event WHERE transaction_id = %s"
            " ON CONFLICT (slot, transaction_id, seq) DO UPDATE SET actor = 'me'",
            made,
        )


async def test_migrations_are_none_of_the_service_s_business(database: Database) -> None:
    for statement in ("DELETE FROM schema_migration", "UPDATE schema_migration SET name = ''"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await run(database, statement)


COPY = (
    "INSERT INTO posting (slot, cause_id, leg, namespace, member_id, member_seq, movement,"
    " from_account, to_account, amount, available_after, held_after, at, reason, hash)"
    " SELECT slot, {cause}, {leg}, namespace, member_id, {seq}, {movement}, {from_}, {to},"
    " {amount}, {available}, {held}, at, reason, {hash}"
    " FROM posting WHERE cause_id = %s AND leg = 0"
)
AS_IT_IS = {
    "cause": "cause_id",
    "leg": "leg",
    "seq": "member_seq + 10",
    "movement": "movement",
    "from_": "from_account",
    "to": "to_account",
    "amount": "amount",
    "available": "available_after",
    "held": "held_after",
    "hash": "hash",
}
RELEASE = {"leg": "1", "movement": "'release'", "from_": "'held'", "to": "'available'"}
CAPTURE = {"leg": "1", "movement": "'capture'", "from_": "'held'", "to": "'redeemed'"}
FRESH = {"cause": "gen_random_uuid()"}


async def add_posting(database: Database, hold: UUID, **changed: str) -> None:
    """Adds a copy of a hold, changed here and there."""
    await run(database, COPY.format(**{**AS_IT_IS, **changed}), hold)


@pytest.mark.parametrize("first", [RELEASE, CAPTURE])
@pytest.mark.parametrize("second", [RELEASE, CAPTURE])
async def test_a_hold_is_closed_once(
    programme: Programme, first: dict[str, str], second: dict[str, str]
) -> None:
    hold = await programme.redeem("ann")
    await add_posting(programme.database, hold, **first)
    with pytest.raises(psycopg.errors.UniqueViolation):
        await add_posting(programme.database, hold, **second, seq="member_seq + 11")


async def test_capture_and_release_of_one_hold_side_by_side(
    programme: Programme, database_url: str
) -> None:
    """Two sessions close one hold at once: the second waits for the first, and is refused."""
    hold = await programme.redeem("ann")
    database = programme.database
    async with database.pool.connection() as first, database.pool.connection() as second:
        release = COPY.format(**{**AS_IT_IS, **RELEASE}).encode()
        capture = COPY.format(**{**AS_IT_IS, **CAPTURE, "seq": "member_seq + 11"}).encode()
        await first.execute("BEGIN")
        await first.execute(release, (hold,))
        waits = asyncio.create_task(second.execute(capture, (hold,)))
        await waiting_for_locks(database_url, 1)
        await first.execute("COMMIT")
        with pytest.raises(psycopg.errors.UniqueViolation):
            await waits


IMPOSSIBLE: list[tuple[dict[str, str], type[psycopg.Error]]] = [
    ({}, psycopg.errors.UniqueViolation),
    ({**FRESH, "seq": "member_seq"}, psycopg.errors.UniqueViolation),
    ({**FRESH, "seq": "0"}, psycopg.errors.CheckViolation),
    ({**FRESH, "amount": "0"}, psycopg.errors.CheckViolation),
    ({**FRESH, "amount": "-30"}, psycopg.errors.CheckViolation),
    ({**FRESH, "available": "-1"}, psycopg.errors.CheckViolation),
    ({**FRESH, "held": "-1"}, psycopg.errors.CheckViolation),
    ({**FRESH, "hash": r"'\x00'"}, psycopg.errors.CheckViolation),
    ({**FRESH, "movement": "'gift'"}, psycopg.errors.CheckViolation),
    ({**FRESH, "to": "'available'"}, psycopg.errors.CheckViolation),
    ({**FRESH, "from_": "'issued'"}, psycopg.errors.CheckViolation),
    ({**FRESH, "leg": "1"}, psycopg.errors.CheckViolation),
    ({**FRESH, **CAPTURE, "leg": "0"}, psycopg.errors.CheckViolation),
    ({**FRESH, **RELEASE, "leg": "2"}, psycopg.errors.CheckViolation),
    ({**FRESH, **RELEASE, "to": "'redeemed'"}, psycopg.errors.CheckViolation),
]


async def test_a_posting_that_cannot_be(programme: Programme) -> None:
    hold = await programme.redeem("ann")
    for changed, refusal in IMPOSSIBLE:
        with pytest.raises(refusal):
            await add_posting(programme.database, hold, **changed)


async def test_a_balance_that_cannot_be(programme: Programme) -> None:
    for change in (
        "available = -1",
        "held = -1",
        "redeemed = -1",
        "available = 9007199254740992",
        "available = 9007199254740991, held = 1",
    ):
        with pytest.raises(psycopg.errors.CheckViolation):
            await run(programme.database, f"UPDATE account SET {change}")


async def test_a_transaction_that_cannot_be(programme: Programme) -> None:
    await programme.redeem("ann")
    for change in (
        "status = 'success'",
        "status = 'done'",
        "closed_at = now(), closed_by = 'me'",
        "status = 'failure', closed_at = now()",
        "status = 'success', closed_at = now(), closed_by = 'me', due_at = now()",
        "price = 0",
        "currency = 'EUR'",
    ):
        with pytest.raises(psycopg.errors.CheckViolation):
            await run(programme.database, f"UPDATE transaction SET {change}")


async def test_the_chain_is_what_its_postings_hash_to(programme: Programme) -> None:
    made = await programme.redeem("ann")
    n = await programme.claim(made)
    await programme.hear(programme.ended(made, n, judged(status=201)))
    await programme.hear(programme.callback(made, News.FAILED))
    await programme.issue("ann", 7, charge=True)
    head = b""
    async with programme.database.read() as tx:
        async for rows in ledger.chain(tx, programme.slot("ann")):
            for row in rows:
                code = CODE[row.movement, row.from_account, row.to_account]
                head = posting.link(
                    head,
                    row.cause_id,
                    row.member_id,
                    row.member_seq,
                    code,
                    row.amount,
                    row.available_after,
                    row.held_after,
                    row.at,
                )
                assert row.hash == head
    account = await programme.account("ann")
    assert (account.member_seq, account.head) == (4, head)
    assert await faults(programme.database) == []


def test_hashes_are_for_ever() -> None:
    """A release that encodes postings otherwise would call every stored chain broken."""
    account = Account(UUID(int=7), "1", 0, 0, 0, 0, b"")
    posting.issue(account, UUID(int=8), 100, AT, "any text: it is not hashed")
    posting.hold(account, UUID(int=10), 30, AT)
    posting.capture(account, UUID(int=10), 30, AT)
    assert account.head.hex() == HEAD


HEAD = "e8c8245ef45beb74aeacfef2968a89d0c92ddf4022c2aab0b34e27feed04ba97"


def test_postings_refuse_what_is_not_there() -> None:
    account = Account(UUID(int=7), "1", 100, 0, 0, 0, b"")
    with pytest.raises(InsufficientTokens):
        posting.hold(account, UUID(int=8), 101, AT)
    with pytest.raises(InsufficientTokens):
        posting.charge(account, UUID(int=8), 101, AT, "")
    with pytest.raises(InvariantBroken):
        posting.capture(account, UUID(int=8), 1, AT)
    with pytest.raises(InvariantBroken):
        posting.release(account, UUID(int=8), 1, AT)
    assert account == Account(UUID(int=7), "1", 100, 0, 0, 0, b"")


def test_a_balance_that_cannot_be_held_is_refused_with_the_held_tokens_counted() -> None:
    """So that a release always fits."""
    account = Account(UUID(int=7), "1", 0, 0, 0, 0, b"")
    posting.issue(account, UUID(int=8), MAX_TOKENS, AT, "")
    posting.hold(account, UUID(int=10), MAX_TOKENS, AT)
    with pytest.raises(InvalidRequest):
        posting.issue(account, UUID(int=12), 1, AT, "")
    posting.release(account, UUID(int=10), MAX_TOKENS, AT)
    assert account.available == MAX_TOKENS


Move = Callable[[Account, int], Posting]
MOVES: list[Move] = [
    lambda account, amount: posting.issue(account, UUID(int=8), amount, AT, ""),
    lambda account, amount: posting.charge(account, UUID(int=8), amount, AT, ""),
    lambda account, amount: posting.hold(account, UUID(int=8), amount, AT),
    lambda account, amount: posting.capture(account, UUID(int=8), amount, AT),
    lambda account, amount: posting.release(account, UUID(int=8), amount, AT),
]


@given(st.lists(st.tuples(st.sampled_from(MOVES), st.integers(1, 50)), max_size=40))
def test_what_leaves_one_account_enters_another(steps: list[tuple[Move, int]]) -> None:
    account = Account(UUID(int=7), "1", 0, 0, 0, 0, b"")
    sums = {"issued": 0, "available": 0, "held": 0, "redeemed": 0, "adjusted": 0}
    for move, amount in steps:
        before = astuple(account)
        try:
            made = move(account, amount)
        except (InsufficientTokens, InvariantBroken):
            assert astuple(account) == before
            continue
        sums[made.from_account] -= amount
        sums[made.to_account] += amount
        assert (made.available_after, made.held_after) == (account.available, account.held)
        assert min(account.available, account.held, account.redeemed) >= 0
    assert sum(sums.values()) == 0
    assert (sums["available"], sums["held"], sums["redeemed"]) == (
        account.available,
        account.held,
        account.redeemed,
    )


async def test_two_batches_that_share_members_lock_them_in_one_order(
    programme: Programme,
) -> None:
    """Opposite orders would end in a deadlock, which PostgreSQL ends by failing one of them."""
    shared = [f"member {n}" for n in range(400)]
    shared = [user_id for user_id in shared if programme.slot(user_id) == 3]
    for user_id in shared:
        await programme.member(user_id)
    members = [(await programme.account(user_id)).member_id for user_id in shared]

    async def touch(order: list[UUID]) -> int:
        async with programme.database.batch() as tx:
            return len(await ledger.lock_accounts(tx, 3, order))

    rounds: list[Awaitable[int]] = []
    for _ in range(20):
        rounds += [touch(members), touch(members[::-1])]
    assert set(await asyncio.gather(*rounds)) == {len(members)}
