"""Members: enrolment, the batch and erasure on a real PostgreSQL."""

import asyncio
from typing import Any

import pytest

from guerdon import ids
from guerdon.amount import MAX_TOKENS
from guerdon.db.pool import Database
from guerdon.db.sql import Statement
from guerdon.errors import (
    IdempotencyKeyReused,
    InvalidRequest,
    MemberErased,
    MemberNotFound,
    OpenTransactions,
)
from guerdon.ledger import posting
from guerdon.ledger import store as ledger
from guerdon.members import model
from guerdon.members import store as members
from guerdon.redemption import enrolment
from guerdon.redemption.enrolment import LineDone
from guerdon.sealing import Sealer

SLOTS = 8
SEALER = Sealer(bytes(range(32)))

_PROFILES = Statement("", "", b"SELECT count(*) AS rows FROM member_profile")
_POSTINGS = Statement("", "", b"SELECT count(*) AS rows FROM posting")


async def put(database: Database, user_id: str, **body: Any) -> tuple[model.Member, bool]:
    async with database.tx() as tx:
        return await enrolment.put_member(tx, SLOTS, "1", user_id, model.read_change(body))


async def run_batch(database: Database, *bodies: dict[str, Any]) -> list[LineDone]:
    lines = [enrolment.read_line("1", number, body) for number, body in enumerate(bodies, 1)]
    done: list[LineDone] = []
    for slot, portion in enrolment.by_slot(lines, SLOTS, 500):
        async with database.batch() as tx:
            done += await enrolment.enrol_batch(tx, slot, portion)
    return sorted(done, key=lambda one: one.number)


async def balance(database: Database, user_id: str) -> int:
    async with database.read() as tx:
        _, account = await enrolment.profile(tx, SLOTS, "1", user_id)
    return account.balance


async def count(database: Database, statement: Statement) -> int:
    async with database.read() as tx:
        row = await tx.first(statement)
    assert row is not None
    return int(row.rows)


async def erase(database: Database, user_id: str) -> None:
    async with database.tx() as tx:
        await enrolment.erase(tx, SLOTS, SEALER, "1", user_id, "asked for")


async def test_a_put_creates_then_changes_only_what_it_names(database: Database) -> None:
    member, created = await put(
        database, "ann", email="a@example.com", address="1 Road\nTown", attributes={"tier": "gold"}
    )
    assert created
    changed, created = await put(database, "ann", email=None, attributes={"age": 3}, frozen=True)
    assert not created
    assert changed.member_id == member.member_id
    async with database.read() as tx:
        found, account = await enrolment.profile(tx, SLOTS, "1", "ann")
    assert found == changed
    assert (found.email, found.address, found.attributes) == (None, "1 Road\nTown", {"age": 3})
    wire = model.to_wire(found, account.balance, account.available, account.redeemed)
    assert (wire["frozen"], wire["balance"], wire["tokensRedeemed"]) == (True, 0, 0)


@pytest.mark.parametrize("user_id", ["", "x" * 256, ".", "..", "a\nb", "a\x00", "\ud800"])
async def test_a_user_id_that_nobody_may_carry(database: Database, user_id: str) -> None:
    with pytest.raises(InvalidRequest):
        await put(database, user_id)


async def test_user_ids_are_compared_code_point_by_code_point(database: Database) -> None:
    for user_id in ("é", "e\u0301", "É", " é", "a/b", "...", "User 123"):
        _, created = await put(database, user_id)
        assert created


async def test_a_change_names_all_that_is_wrong() -> None:
    body = {"email": "a\nb", "address": 3, "frozen": 1, "points": 3, "attributes": {"a/b": {}}}
    with pytest.raises(InvalidRequest) as refused:
        model.read_change(body)
    errors: Any = refused.value.facts["errors"]
    assert {error["pointer"] for error in errors} == {
        "/email",
        "/address",
        "/frozen",
        "/points",
        "/attributes/a~1b",
    }


async def test_twins_make_one_member(database: Database) -> None:
    results = await asyncio.gather(*(put(database, "ann", email=f"{n}@x") for n in range(8)))
    assert sum(created for _, created in results) == 1
    assert len({member.member_id for member, _ in results}) == 1


async def test_an_unknown_member_is_not_found(database: Database) -> None:
    async with database.tx() as tx:
        with pytest.raises(MemberNotFound):
            await enrolment.profile(tx, SLOTS, "1", "nobody")
        with pytest.raises(MemberNotFound):
            await enrolment.erase(tx, SLOTS, SEALER, "1", "nobody", "asked for")


async def test_erasure_takes_the_person_and_leaves_the_money(database: Database) -> None:
    await run_batch(
        database, {"userId": "ann", "email": "a@example.com", "grant": 70, "reference": "r"}
    )
    async with database.read() as tx:
        member, _ = await enrolment.profile(tx, SLOTS, "1", "ann")
    await erase(database, "ann")
    assert await count(database, _PROFILES) == 0
    async with database.read() as tx:
        assert await members.find(tx, member.slot, [("1", "ann")]) == {}
        erased_id = f"erased-{member.member_id}"
        assert await members.user_ids(tx, [(member.slot, member.member_id)]) == {
            member.member_id: erased_id
        }
        account = await ledger.account(tx, member.slot, member.member_id)
        assert (account.available, account.held) == (0, 0)
        rows = await ledger.statement(tx, member.slot, member.member_id, before_seq=None, limit=10)
        assert [(row.movement, row.amount) for row in rows] == [("adjust", 70), ("issue", 70)]
    with pytest.raises(MemberNotFound):
        await erase(database, "ann")
    with pytest.raises(InvalidRequest):
        await put(database, erased_id)


async def test_erasure_waits_for_open_transactions(database: Database) -> None:
    await run_batch(database, {"userId": "ann", "grant": 70, "reference": "r"})
    async with database.tx() as tx:
        member, _ = await enrolment.profile(tx, SLOTS, "1", "ann")
        accounts = await ledger.lock_accounts(tx, member.slot, [member.member_id])
        account = accounts[member.member_id]
        cause = ids.new_id(ids.bucket_in(member.member_id), tx.at)
        held = posting.hold(account, cause, 20, tx.at)
        await ledger.post(tx, member.slot, [account], [held])
    with pytest.raises(OpenTransactions):
        await erase(database, "ann")
    assert await balance(database, "ann") == 70


async def test_a_token_makes_a_member_but_never_brings_one_back(database: Database) -> None:
    async def by_token() -> model.Member:
        async with database.tx() as tx:
            return await enrolment.of_token(tx, SLOTS, SEALER, "1", "ann")

    first = await by_token()
    assert await by_token() == first
    await erase(database, "ann")
    with pytest.raises(MemberErased):
        await by_token()
    again, created = await put(database, "ann")
    assert created
    assert again.member_id != first.member_id
    assert await by_token() == again
    assert await balance(database, "ann") == 0


async def test_a_batch_creates_changes_and_credits_in_order(database: Database) -> None:
    await put(database, "bob", email="old@example.com", address="stays")
    done = await run_batch(
        database,
        {"userId": "ann", "email": "1@example.com", "grant": 5, "reference": "a"},
        {"userId": "bob", "email": "new@example.com"},
        {"userId": "ann", "email": "2@example.com", "grant": 7, "reference": "b"},
    )
    assert done == [
        LineDone(1, "ann", True),
        LineDone(2, "bob", False),
        LineDone(3, "ann", False),
    ]
    assert await balance(database, "ann") == 12
    async with database.read() as tx:
        ann, _ = await enrolment.profile(tx, SLOTS, "1", "ann")
        bob, _ = await enrolment.profile(tx, SLOTS, "1", "bob")
    assert ann.email == "2@example.com"
    assert (bob.email, bob.address) == ("new@example.com", "stays")


async def test_a_batch_sent_again_changes_nothing(database: Database) -> None:
    lines: list[dict[str, Any]] = [
        {"userId": f"user {n}", "grant": 10, "reference": "january"} for n in range(20)
    ]
    first = await run_batch(database, *lines)
    assert all(one.created and one.refusal is None for one in first)
    await put(database, "user 3", email="later@example.com")
    assert await run_batch(database, *lines) == first
    assert await count(database, _POSTINGS) == 20


async def test_a_batch_sent_twice_at_once_is_given_once(database: Database) -> None:
    lines: list[dict[str, Any]] = [
        {"userId": f"user {n}", "grant": 10, "reference": "january"} for n in range(40)
    ]
    both = await asyncio.gather(run_batch(database, *lines), run_batch(database, *lines))
    assert both[0] == both[1]
    assert await count(database, _POSTINGS) == 40


async def test_a_reference_stands_for_one_line(database: Database) -> None:
    line: dict[str, Any] = {"userId": "ann", "grant": 10, "reference": "r"}
    done = await run_batch(database, line, {**line, "grant": 11}, line)
    assert [(one.created, type(one.refusal)) for one in done] == [
        (True, type(None)),
        (False, IdempotencyKeyReused),
        (True, type(None)),
    ]
    [later] = await run_batch(database, {**line, "email": "a@example.com"})
    assert isinstance(later.refusal, IdempotencyKeyReused)
    assert await balance(database, "ann") == 10


async def test_a_refused_line_leaves_no_trace_and_may_come_again(database: Database) -> None:
    full = {"userId": "ann", "grant": MAX_TOKENS, "reference": "all"}
    more = {"userId": "ann", "email": "a@example.com", "grant": 1, "reference": "more"}
    done = await run_batch(database, full, more, more)
    assert done[0].refusal is None
    assert isinstance(done[1].refusal, InvalidRequest)
    assert isinstance(done[2].refusal, InvalidRequest)
    async with database.read() as tx:
        ann, account = await enrolment.profile(tx, SLOTS, "1", "ann")
    assert (ann.email, account.balance) == (None, MAX_TOKENS)
    async with database.tx() as tx:
        locked = await ledger.lock_accounts(tx, ann.slot, [ann.member_id])
        charge = posting.charge(
            locked[ann.member_id],
            ids.new_id(ids.bucket_in(ann.member_id), tx.at),
            1,
            tx.at,
            "room",
        )
        await ledger.post(tx, ann.slot, locked.values(), [charge])
    [again] = await run_batch(database, more)
    assert again.refusal is None
    assert await balance(database, "ann") == MAX_TOKENS


async def test_a_repeated_batch_does_not_bring_back_the_erased(database: Database) -> None:
    line = {"userId": "ann", "email": "a@example.com", "grant": 10, "reference": "r"}
    await run_batch(database, line)
    await erase(database, "ann")
    assert await run_batch(database, line) == [LineDone(1, "ann", True)]
    assert await count(database, _PROFILES) == 0


@pytest.mark.parametrize(
    ("line", "pointer"),
    [
        ({"userId": "ann", "grant": 1}, "/reference"),
        ({"userId": "", "email": "x"}, "/userId"),
        ({"email": "x"}, "/userId"),
        ({"userId": "ann", "grant": 0, "reference": "r"}, "/grant"),
        ({"userId": "ann", "frozen": True}, "/frozen"),
        ([], ""),
    ],
)
def test_a_line_that_does_not_fit_is_refused(line: object, pointer: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        enrolment.read_line("1", 1, line)
    errors: Any = refused.value.facts["errors"]
    assert pointer in [error["pointer"] for error in errors]
