"""The ledger's proof: everything adds up, or the row that does not is named.

Each slot is read in one snapshot, in the order of its keys, and merged in Python: memory stays
constant however much there is. Proven are, for every member, that the chain of postings is gapless
and unbroken, that each posting follows from the one before, that the account is where the chain
ends, and that what is held is what open transactions hold; for every transaction, that it has its
hold and exactly the closing posting that its status asks for, and that a correction goes the other
way; for every programme, that what was issued and adjusted is what members have and what was
redeemed; and for every hour whose figures are kept, that they are what its transactions say.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from guerdon.db.pool import Database, ReadTx, Row
from guerdon.ledger import store as ledger
from guerdon.ledger.chart import CLOSING, CODE, CORRECTING, Movement, Place
from guerdon.ledger.posting import link, of_transaction
from guerdon.transactions import store as transactions
from guerdon.transactions.hours import store as hours

_COMPARED_AT_ONCE = 100_000


@dataclass(frozen=True, slots=True)
class Fault:
    """One row that is wrong: ``where`` names it, ``what`` says how."""

    where: str
    what: str


@dataclass(slots=True)
class Totals:
    """A programme's accounts, in tokens, as sums over its postings."""

    issued: int = 0
    adjusted: int = 0
    redeemed: int = 0
    available: int = 0
    held: int = 0

    @property
    def adds_up(self) -> bool:
        """What came in is what is there and what was redeemed."""
        return self.issued + self.adjusted == self.available + self.held + self.redeemed


@dataclass(slots=True)
class Proof:
    """What was read and what was found."""

    postings: int = 0
    members: int = 0
    transactions: int = 0
    totals: dict[str, Totals] = field(default_factory=dict)
    faults: int = 0


# Where the one correction of a closed transaction may lead: back, or taken after all.
_CORRECTED_TO = {"success": Place.AVAILABLE, "failure": Place.ADJUSTED}

Report = Callable[[Fault], None]
Progress = Callable[[int], None]


async def prove(database: Database, slots: int, report: Report, progress: Progress) -> Proof:
    """Reads everything; ``report`` is told of each fault, ``progress`` of postings read."""
    proof = Proof()

    def tell(fault: Fault) -> None:
        proof.faults += 1
        report(fault)

    for slot in range(slots):
        async with database.read() as tx:
            await _members(tx, slot, proof, tell, progress)
            await _transactions(tx, slot, proof, tell)
    for namespace, totals in sorted(proof.totals.items()):
        if not totals.adds_up:
            tell(Fault(f"namespace {namespace}", f"the programme does not add up: {totals}"))
    await _hours(database, tell)
    return proof


async def size(database: Database) -> int:
    """How many postings there are, roughly."""
    async with database.read() as tx:
        return await ledger.postings_estimate(tx)


class _Cursor:
    """One ordered stream, looked at a row at a time."""

    def __init__(self, groups: AsyncIterator[Any]) -> None:
        self._groups = groups
        self._rows: Iterator[Row] = iter(())
        self.row: Row | None = None

    async def step(self) -> None:
        """The next row, or ``None`` at the end."""
        self.row = next(self._rows, None)
        while self.row is None:
            try:
                self._rows = iter(await anext(self._groups))
            except StopAsyncIteration:
                return
            self.row = next(self._rows, None)


async def _members(tx: ReadTx, slot: int, proof: Proof, tell: Report, progress: Progress) -> None:
    postings = _Cursor(ledger.chain(tx, slot))
    holds = _Cursor(transactions.open_holds(tx, slot))
    await postings.step()
    await holds.step()
    async for accounts in ledger.accounts(tx, slot):
        before = proof.postings
        for account in accounts:
            proof.members += 1
            totals = proof.totals.setdefault(account.namespace, Totals())
            totals.available += account.available
            totals.held += account.held
            await _skip_strangers(postings, account.member_id, slot, tell)
            end = await _follow_chain(postings, account, slot, proof, tell)
            await _skip_strangers(holds, account.member_id, slot, tell)
            held = 0
            if holds.row is not None and holds.row.member_id == account.member_id:
                held = holds.row.held
                await holds.step()
            _compare(account, end, held, slot, tell)
        progress(proof.postings - before)
    await _skip_strangers(postings, None, slot, tell)
    await _skip_strangers(holds, None, slot, tell)


async def _skip_strangers(rows: _Cursor, until: UUID | None, slot: int, tell: Report) -> None:
    """Rows of members that have no account."""
    while rows.row is not None and (until is None or rows.row.member_id < until):
        tell(Fault(f"slot {slot} member {rows.row.member_id}", "has rows but no account"))
        await rows.step()


@dataclass(slots=True)
class _End:
    """Where a chain stands after its last posting."""

    seq: int = 0
    head: bytes = b""
    available: int = 0
    held: int = 0
    redeemed: int = 0


async def _follow_chain(
    postings: _Cursor, account: Row, slot: int, proof: Proof, tell: Report
) -> _End:
    end = _End()
    totals = proof.totals[account.namespace]
    while (row := postings.row) is not None and row.member_id == account.member_id:
        proof.postings += 1
        where = f"slot {slot} member {row.member_id} posting {row.member_seq}"
        if row.member_seq != end.seq + 1:
            tell(Fault(where, f"follows posting {end.seq}: the chain has a gap"))
        if row.namespace != account.namespace:
            tell(Fault(where, f"is of namespace {row.namespace}, its account {account.namespace}"))
        for place, change in ((row.from_account, -row.amount), (row.to_account, row.amount)):
            _move(end, totals, place, change)
        if (row.available_after, row.held_after) != (end.available, end.held):
            tell(
                Fault(
                    where,
                    f"leaves {row.available_after} available and {row.held_after} held; its "
                    f"amount leads to {end.available} and {end.held}",
                )
            )
            end.available, end.held = row.available_after, row.held_after
        code = CODE[Movement(row.movement), Place(row.from_account), Place(row.to_account)]
        expected = link(
            end.head,
            row.cause_id,
            row.member_id,
            row.member_seq,
            code,
            row.amount,
            row.available_after,
            row.held_after,
            row.at,
        )
        if row.hash != expected:
            tell(Fault(where, "does not have the hash of its content: the chain is broken"))
        end.seq, end.head = row.member_seq, row.hash
        await postings.step()
    return end


def _move(end: _End, totals: Totals, place: str, change: int) -> None:
    match place:
        case Place.AVAILABLE:
            end.available += change
        case Place.HELD:
            end.held += change
        case Place.REDEEMED:
            end.redeemed += change
            totals.redeemed += change
        case Place.ISSUED:
            totals.issued -= change
        case Place.ADJUSTED:
            totals.adjusted -= change


def _compare(account: Row, end: _End, held: int, slot: int, tell: Report) -> None:
    where = f"slot {slot} member {account.member_id}"
    for name, stored, proven in (
        ("available", account.available, end.available),
        ("held", account.held, end.held),
        ("redeemed", account.redeemed, end.redeemed),
        ("member_seq", account.member_seq, end.seq),
    ):
        if stored != proven:
            tell(Fault(where, f"account says {name} {stored}, its postings say {proven}"))
    if account.head != end.head:
        tell(Fault(where, "the head of the chain is not the hash of its last posting"))
    if account.held != held:
        tell(Fault(where, f"{account.held} tokens are held, open transactions hold {held}"))


async def _transactions(tx: ReadTx, slot: int, proof: Proof, tell: Report) -> None:
    postings = _Cursor(ledger.by_cause(tx, slot))
    await postings.step()
    async for group in transactions.in_order(tx, slot):
        for row in group:
            proof.transactions += 1
            where = f"slot {slot} transaction {row.transaction_id}"
            while postings.row is not None and postings.row.cause_id < row.transaction_id:
                await _stray(postings, slot, tell)
            found: dict[int, Row] = {}
            while postings.row is not None and postings.row.cause_id == row.transaction_id:
                found[postings.row.leg] = postings.row
                await postings.step()
            _check_legs(row, found, where, tell)
    while postings.row is not None:
        await _stray(postings, slot, tell)


async def _stray(postings: _Cursor, slot: int, tell: Report) -> None:
    """A posting that belongs to no transaction: right for grants and charges only."""
    row = postings.row
    if row is not None and of_transaction(row.movement, row.leg):
        tell(Fault(f"slot {slot} posting of {row.cause_id}", "has no transaction"))
    await postings.step()


def _check_legs(row: Row, found: dict[int, Row], where: str, tell: Report) -> None:
    opening, closing = found.get(0), found.get(CLOSING)
    if opening is None or opening.movement != Movement.HOLD:
        tell(Fault(where, "has no hold"))
    expected = {"success": Movement.CAPTURE, "failure": Movement.RELEASE}.get(row.status)
    actual = None if closing is None else closing.movement
    if actual != expected:
        tell(Fault(where, f"is {row.status}, but its closing posting is {actual or 'missing'}"))
    correction = found.get(CORRECTING)
    if correction is not None and correction.to_account != _CORRECTED_TO.get(row.status):
        tell(Fault(where, f"is {row.status}, but was corrected towards {correction.to_account}"))
    for leg in found.values():
        if (leg.amount, leg.member_id, leg.namespace) != (row.price, row.member_id, row.namespace):
            tell(Fault(where, f"its {leg.movement} is of another amount, member or namespace"))


async def _hours(database: Database, tell: Report) -> None:
    """Hours and transactions change together, so each stretch is proved in a snapshot of its own;
    hours that were not counted yet say nothing."""
    async with database.read() as tx:
        programmes = await hours.programmes(tx)
    for namespace, whole in programmes:
        end: datetime | None = hours.LAST_HOUR
        while end is not None:
            async with database.read() as tx:
                end, differed = await hours.compare(tx, namespace, whole, end, _COMPARED_AT_ONCE)
            for row in differed:
                where = f"namespace {namespace} hour {row.hour:%Y-%m-%dT%H:%MZ}"
                tell(Fault(where, f"says {row.known} {row.status}, there are {row.counted}"))
