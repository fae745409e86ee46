"""The ledger's proof: nothing is found where all is well, and each kind of damage is named."""

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import psycopg
import pytest
from tests.integration.programme import SLOTS, Programme, faults, judged, request

from guerdon import ids
from guerdon.amount import MAX_TOKENS
from guerdon.db.pool import Database
from guerdon.ledger import posting
from guerdon.ledger import store as ledger
from guerdon.members import store as members
from guerdon.redemption import audit
from guerdon.redemption.audit import Fault
from guerdon.sealing import Sealer
from guerdon.transactions.states import News

DAMAGED = ("posting", "account", "transaction")


@dataclass
class Books:
    """A programme with everything a ledger can hold: the IDs of what was redeemed."""

    programme: Programme
    superuser: str
    succeeded: UUID
    failed: UUID
    open: UUID
    member: UUID
    other: UUID
    slot: int

    def keep(self) -> None:
        """Copies of what will be damaged."""
        with psycopg.connect(self.superuser, autocommit=True) as connection:
            for table in DAMAGED:
                connection.execute(f"CREATE TABLE kept_{table} AS TABLE {table}".encode())

    def repair(self) -> None:
        """As it was before the damage."""
        with psycopg.connect(self.superuser) as connection:
            for table in DAMAGED:
                connection.execute(f"TRUNCATE {table} CASCADE".encode())
                connection.execute(f"INSERT INTO {table} TABLE kept_{table}".encode())

    def damage(self, statement: str) -> None:
        """As somebody who may do anything."""
        with psycopg.connect(self.superuser, autocommit=True) as connection:
            touched = connection.execute(
                statement.encode(),
                {
                    "succeeded": self.succeeded,
                    "failed": self.failed,
                    "open": self.open,
                    "member": self.member,
                    "other": self.other,
                    "stranger": ids.new_id(ids.bucket_in(self.member), ids.moment_in(self.open)),
                },
            ).rowcount
        assert touched > 0, "the damage was done"


@pytest.fixture
async def books(database: Database, sealer: Sealer, database_url: str) -> Books:
    programme = await Programme.open(database, sealer)
    slot = programme.slot("ann")
    other = next(f"bob {n}" for n in range(999) if programme.slot(f"bob {n}") == slot)
    await programme.member("ann", 200)
    await programme.member(other, 50)
    made = [await programme.redeem("ann") for _ in range(3)]
    for transaction_id, answer in zip(made, (200, 201, 202), strict=True):
        n = await programme.claim(transaction_id)
        await programme.hear(programme.ended(transaction_id, n, judged(status=answer)))
    await programme.hear(programme.callback(made[1], News.FAILED))
    await programme.issue("ann", 11, charge=True)
    kept = Books(
        programme,
        database_url,
        *made,
        (await programme.account("ann")).member_id,
        (await programme.account(other)).member_id,
        slot,
    )
    kept.keep()
    return kept


async def test_clean_books_are_clean(books: Books) -> None:
    read: list[int] = []
    proof = await audit.prove(books.programme.database, SLOTS, pytest.fail, read.append)
    assert (proof.members, proof.transactions, proof.postings, proof.faults) == (2, 3, 8, 0)
    assert sum(read) == 8
    totals = proof.totals["1"]
    assert (totals.issued, totals.adjusted, totals.redeemed) == (250, -11, 30)
    assert (totals.available, totals.held) == (179, 30)
    assert totals.adds_up


async def test_an_empty_database_is_clean(database: Database) -> None:
    assert await faults(database) == []


CHAIN = "does not have the hash of its content"


DAMAGES = [
    (
        "UPDATE posting SET amount = 31 WHERE cause_id = %(open)s",
        "member {member} posting 4",
        "its amount leads to",
    ),
    (
        "UPDATE posting SET amount = 31 WHERE cause_id = %(open)s",
        "transaction {open}",
        "of another amount",
    ),
    (
        "UPDATE posting SET at = at + interval '1 microsecond' WHERE cause_id = %(open)s",
        "member {member} posting 4",
        CHAIN,
    ),
    (
        "UPDATE posting SET hash = sha256('x') WHERE cause_id = %(open)s",
        "member {member} posting 4",
        CHAIN,
    ),
    (
        "UPDATE posting SET available_after = available_after + 1 WHERE cause_id = %(open)s",
        "member {member} posting 4",
        CHAIN,
    ),
    (
        "DELETE FROM posting WHERE cause_id = %(failed)s AND leg = 1",
        "transaction {failed}",
        "its closing posting is missing",
    ),
    (
        "DELETE FROM posting WHERE cause_id = %(open)s",
        "member {member} posting 5",
        "follows posting 3: the chain has a gap",
    ),
    (
        "DELETE FROM posting WHERE cause_id = %(open)s",
        "transaction {open}",
        "has no hold",
    ),
    (
        "DELETE FROM posting WHERE member_id = %(other)s",
        "member {other}",
        "account says available 50, its postings say 0",
    ),
    (
        "UPDATE account SET available = available + 1 WHERE member_id = %(other)s",
        "member {other}",
        "account says available 51, its postings say 50",
    ),
    (
        "UPDATE account SET held = held + 5 WHERE member_id = %(other)s",
        "member {other}",
        "5 tokens are held, open transactions hold 0",
    ),
    (
        "UPDATE account SET redeemed = 0 WHERE member_id = %(member)s",
        "member {member}",
        "account says redeemed 0, its postings say 30",
    ),
    (
        "UPDATE account SET head = sha256('x') WHERE member_id = %(other)s",
        "member {other}",
        "the head of the chain is not the hash of its last posting",
    ),
    (
        "UPDATE account SET member_seq = member_seq + 1 WHERE member_id = %(other)s",
        "member {other}",
        "account says member_seq 2, its postings say 1",
    ),
    (
        "DELETE FROM account WHERE member_id = %(other)s",
        "member {other}",
        "has rows but no account",
    ),
    (
        "DELETE FROM account WHERE member_id = %(member)s",
        "member {member}",
        "has rows but no account",
    ),
    (
        "DELETE FROM transaction WHERE transaction_id = %(open)s",
        "posting of {open}",
        "has no transaction",
    ),
    (
        "DELETE FROM transaction WHERE transaction_id = %(open)s",
        "member {member}",
        "30 tokens are held, open transactions hold 0",
    ),
    (
        "UPDATE transaction SET status = 'failure' WHERE transaction_id = %(succeeded)s",
        "transaction {succeeded}",
        "is failure, but its closing posting is capture",
    ),
    (
        "UPDATE transaction SET status = 'success', closed_at = now(), closed_by = 'me'"
        " WHERE transaction_id = %(open)s",
        "transaction {open}",
        "is success, but its closing posting is missing",
    ),
    (
        "UPDATE transaction SET status = 'postponed', closed_at = NULL, closed_by = NULL"
        " WHERE transaction_id = %(failed)s",
        "transaction {failed}",
        "is postponed, but its closing posting is release",
    ),
    (
        "UPDATE transaction SET price = 29 WHERE transaction_id = %(open)s",
        "transaction {open}",
        "of another amount",
    ),
    (
        "UPDATE transaction SET member_id = %(other)s WHERE transaction_id = %(open)s",
        "transaction {open}",
        "another amount, member or namespace",
    ),
    (
        "INSERT INTO transaction SELECT (jsonb_populate_record(t,"
        " jsonb_build_object('transaction_id', %(stranger)s::text, 'member_id',"
        " %(stranger)s::text))).* FROM transaction t WHERE transaction_id = %(open)s",
        "member",
        "has rows but no account",
    ),
    (
        "UPDATE posting SET movement = 'adjust', from_account = 'adjusted'"
        " WHERE movement = 'issue' AND member_id = %(other)s",
        "member {other} posting 1",
        CHAIN,
    ),
    (
        "UPDATE account SET namespace = '2' WHERE member_id = %(other)s",
        "member {other} posting 1",
        "namespace",
    ),
    (
        "UPDATE transaction SET namespace = '2' WHERE transaction_id = %(open)s",
        "transaction {open}",
        "namespace",
    ),
]


async def test_damage_is_found_and_named(books: Books) -> None:
    for damage, where, what in DAMAGES:
        books.damage(damage)
        found = await faults(books.programme.database)
        place = where.format(**vars(books))
        assert any(place in fault.where and what in fault.what for fault in found), (damage, found)
        assert all(fault.where.startswith((f"slot {books.slot} ", "namespace ")) for fault in found)
        books.repair()
    assert await faults(books.programme.database) == []


def rehashed(books: Books) -> None:
    """What somebody who knows the encoding can do: the chain shows nothing, the sums do."""
    with psycopg.connect(books.superuser) as connection:
        row = connection.execute(
            "SELECT cause_id, at FROM posting WHERE member_id = %s", (books.other,)
        ).fetchone()
        assert row is not None
        account = posting.Account(books.other, "1", 0, 0, 0, 0, b"")
        forged = posting.issue(account, row[0], 5000, row[1], "")
        connection.execute(
            "UPDATE posting SET amount = 5000, available_after = 5000, hash = %s"
            " WHERE member_id = %s",
            (forged.hash, books.other),
        )


def lost_capture(books: Books) -> None:
    """A member's account and chain agree, and the programme is short of what was redeemed."""
    books.damage("UPDATE account SET available = 5000 WHERE member_id = %(other)s")


@pytest.mark.parametrize("damage", [rehashed, lost_capture])
async def test_a_programme_that_does_not_add_up_is_named(
    books: Books, damage: Callable[[Books], None]
) -> None:
    damage(books)
    found = await faults(books.programme.database)
    [total] = [fault for fault in found if fault.where == "namespace 1"]
    assert "does not add up" in total.what


async def test_each_fault_is_told_once(books: Books) -> None:
    books.damage("UPDATE posting SET hash = sha256('x') WHERE cause_id = %(open)s")
    found = await faults(books.programme.database)
    assert found == [
        Fault(
            f"slot {books.slot} member {books.member} posting {number}",
            "does not have the hash of its content: the chain is broken",
        )
        for number in (4, 5)
    ]


async def test_memory_does_not_grow_with_the_ledger(database: Database, sealer: Sealer) -> None:
    """Six times the postings and transactions, and no more is held in memory at once."""
    programme = await Programme.open(database, sealer)
    await programme.member("ann", MAX_TOKENS)
    peaks = []
    for size in (3000, 15_000):
        await many_postings(programme, size // 2)
        for start in range(0, size // 2, 1000):
            works = [
                request("1", programme.option.name, "ann")
                for _ in range(min(1000, size // 2 - start))
            ]
            await programme.redeem_many(works)
        tracemalloc.start()
        assert await faults(database) == []
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5, peaks


async def many_postings(programme: Programme, amount: int) -> None:
    slot = programme.slot("ann")
    async with programme.database.batch() as tx:
        found = await members.find(tx, slot, [("1", "ann")])
        member_id = found["1", "ann"].member_id
        account = (await ledger.lock_accounts(tx, slot, [member_id]))[member_id]
        postings = [
            posting.charge(account, ids.new_id(ids.bucket_in(member_id), tx.at), 1, tx.at, "")
            for _ in range(amount)
        ]
        await ledger.post(tx, slot, [account], postings)
