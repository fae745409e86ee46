"""Postings: balanced by construction, chained, and never below zero."""

import hashlib
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from guerdon.amount import MAX_TOKENS
from guerdon.errors import InsufficientTokens, InvalidRequest, InvariantBroken
from guerdon.ledger import chart, posting
from guerdon.ledger.chart import CLOSING, CODE, OPENING, Movement, Place
from guerdon.ledger.posting import Account, Posting

AT = datetime(2026, 11, 22, 9, 30, 0, 125_001, tzinfo=UTC)
MEMBER = UUID("0198a3f0-1111-4abc-8000-000000000001")
CAUSES = [UUID(int=0x0198A3F0_0000_8ABC_8000_000000000000 + 2 * n) for n in range(1, 6)]


def account(available: int = 0, held: int = 0) -> Account:
    return Account(MEMBER, "1", available, held, 0, 0, b"")


def test_the_chain_of_a_small_life_has_these_hashes() -> None:
    """Fixed vectors: a change of the encoding would break every chain there is."""
    alice = account()
    made = [
        posting.issue(alice, CAUSES[0], 1000, AT, "welcome"),
        posting.hold(alice, CAUSES[1], 200, AT + timedelta(seconds=1)),
        posting.capture(alice, CAUSES[1], 200, AT + timedelta(seconds=2)),
        posting.hold(alice, CAUSES[2], 300, AT + timedelta(seconds=3)),
        posting.release(alice, CAUSES[2], 300, AT + timedelta(seconds=4)),
        posting.charge(alice, CAUSES[3], 50, AT + timedelta(seconds=5), "correction"),
    ]
    assert [one.hash.hex() for one in made] == HASHES
    assert alice.head == made[-1].hash
    assert (alice.available, alice.held, alice.redeemed, alice.balance) == (750, 0, 200, 750)
    assert [one.member_seq for one in made] == [1, 2, 3, 4, 5, 6]


HASHES = [
    "e29b7225940feb83d9e9f0772b7c7ad76093257307baac899ccc3862f42e23e9",
    "78221ace18d9f1d200c2b5d5540b3fa1a6704c147e26d22a790a2d5e7beffa70",
    "07809b11abf33fb32bd9ed958f61b8017910082d9a38f8cbc6f0f897cc4ee367",
    "bbf8b273a4e7d2211a27c4cd7fad71e3f447267696b306a0abbba2ab892da8fd",
    "a6457116854ed73710fede0795cf11d11a8f0b107c3a03a9105df5a4ec9c164f",
    "96cb661c8b7073332845eb99bbb204f03cf65db102a25cbda67628bd04a9cca6",
]


def test_a_link_is_the_hash_of_this_encoding() -> None:
    """Written out once more, byte by byte: what an auditor's own program would compute."""
    alice = account()
    first = posting.issue(alice, CAUSES[0], 1000, AT, "welcome")
    second = posting.hold(alice, CAUSES[1], 200, AT)
    previous = b""
    for one, code, seq, amount, available, held in (
        (first, 1, 1, 1000, 1000, 0),
        (second, 2, 2, 200, 800, 200),
    ):
        microseconds = (int(AT.timestamp()) * 1_000_000) + 125_001
        encoded = b"".join(
            [
                one.cause_id.bytes,
                MEMBER.bytes,
                seq.to_bytes(8, "big", signed=True),
                bytes([code]),
                *(n.to_bytes(8, "big", signed=True) for n in (amount, available, held)),
                microseconds.to_bytes(8, "big", signed=True),
            ]
        )
        previous = hashlib.sha256(previous + encoded).digest()
        assert one.hash == previous


def test_the_hash_holds_every_fact_and_no_text() -> None:
    facts = (b"", CAUSES[0], MEMBER, 1, 1, 10, 10, 0, AT)
    changed = (b"x", CAUSES[1], CAUSES[0], 2, 2, 11, 11, 1, AT + timedelta(microseconds=1))
    hashes = {posting.link(*facts)}
    for place, value in enumerate(changed):
        hashes.add(posting.link(*facts[:place], value, *facts[place + 1 :]))  # type: ignore[arg-type]
    assert len(hashes) == 10
    one = posting.issue(account(), CAUSES[0], 5, AT, "a reason")
    other = posting.issue(account(), CAUSES[0], 5, AT, "another")
    assert one.hash == other.hash


def test_times_count_as_moments_whatever_their_zone() -> None:
    zoned = AT.astimezone(datetime.fromisoformat("2026-01-01T00:00:00+05:30").tzinfo)
    one = posting.issue(account(), CAUSES[0], 5, AT, "")
    assert posting.issue(account(), CAUSES[0], 5, zoned, "").hash == one.hash


@pytest.mark.parametrize(
    ("made", "movement", "from_account", "to_account", "leg"),
    [
        (posting.issue(account(), CAUSES[0], 5, AT, ""), "issue", "issued", "available", OPENING),
        (
            posting.charge(account(5), CAUSES[0], 5, AT, ""),
            "adjust",
            "available",
            "adjusted",
            OPENING,
        ),
        (posting.hold(account(5), CAUSES[0], 5, AT), "hold", "available", "held", OPENING),
        (posting.capture(account(0, 5), CAUSES[0], 5, AT), "capture", "held", "redeemed", CLOSING),
        (posting.release(account(0, 5), CAUSES[0], 5, AT), "release", "held", "available", CLOSING),
    ],
)
def test_each_movement_goes_between_its_accounts(
    made: Posting, movement: str, from_account: str, to_account: str, leg: int
) -> None:
    assert (str(made.movement), str(made.from_account), str(made.to_account), made.leg) == (
        movement,
        from_account,
        to_account,
        leg,
    )
    assert made.amount == 5


def test_capture_and_release_of_one_transaction_are_the_same_posting_id() -> None:
    """The unique key on (transaction, leg) is what admits only one of them."""
    captured = posting.capture(account(0, 5), CAUSES[0], 5, AT)
    released = posting.release(account(0, 5), CAUSES[0], 5, AT)
    assert (captured.cause_id, captured.leg) == (released.cause_id, released.leg)
    assert posting.posting_id(CAUSES[0], OPENING) == CAUSES[0]
    assert posting.posting_id(CAUSES[0], CLOSING).int == CAUSES[0].int + 1


def test_a_posting_never_changes() -> None:
    made = posting.issue(account(), CAUSES[0], 5, AT, "")
    with pytest.raises(FrozenInstanceError):
        made.amount = 6  # type: ignore[misc]


def test_codes_are_never_renumbered() -> None:
    assert {(str(m), str(a), str(b)): code for (m, a, b), code in CODE.items()} == {
        ("issue", "issued", "available"): 1,
        ("hold", "available", "held"): 2,
        ("capture", "held", "redeemed"): 3,
        ("release", "held", "available"): 4,
        ("adjust", "available", "adjusted"): 5,
        ("adjust", "adjusted", "available"): 6,
    }
    assert {str(place) for place in Place} == {
        "available",
        "held",
        "issued",
        "redeemed",
        "adjusted",
    }
    assert len(chart.Movement) == 5


def charge(account: Account, cause_id: UUID, amount: int, at: datetime) -> Posting:
    return posting.charge(account, cause_id, amount, at, "")


@pytest.mark.parametrize("take", [posting.hold, charge])
def test_what_is_not_available_cannot_be_taken(
    take: Callable[[Account, UUID, int, datetime], Posting],
) -> None:
    alice = account(199, 1000)
    with pytest.raises(InsufficientTokens) as refusal:
        take(alice, CAUSES[0], 200, AT)
    assert refusal.value.facts == {"available": 199, "required": 200}
    assert (alice.available, alice.held, alice.member_seq, alice.head) == (199, 1000, 0, b"")


@pytest.mark.parametrize("close", [posting.capture, posting.release])
def test_closing_more_than_is_held_is_a_defect(
    close: Callable[[Account, UUID, int, datetime], Posting],
) -> None:
    alice = account(1000, 199)
    with pytest.raises(InvariantBroken):
        close(alice, CAUSES[0], 200, AT)
    assert (alice.available, alice.held, alice.redeemed, alice.head) == (1000, 199, 0, b"")


def test_a_balance_passes_the_largest_number_nowhere() -> None:
    alice = account(MAX_TOKENS - 10, 5)
    posting.issue(alice, CAUSES[0], 5, AT, "")
    assert alice.balance == MAX_TOKENS
    with pytest.raises(InvalidRequest) as refusal:
        posting.issue(alice, CAUSES[1], 1, AT, "")
    assert refusal.value.facts["errors"]
    assert (alice.balance, alice.member_seq) == (MAX_TOKENS, 1)


class Ledger(RuleBasedStateMachine):
    """One member under any movements at all: nothing is lost, nothing is below zero."""

    def __init__(self) -> None:
        super().__init__()
        self.member = account()
        self.postings: list[Posting] = []
        self.holds: list[tuple[UUID, int]] = []

    def _cause(self) -> UUID:
        return UUID(int=len(self.postings) * 2 + 2)

    @rule(amount=st.integers(1, 500))
    def issue(self, amount: int) -> None:
        self.postings.append(posting.issue(self.member, self._cause(), amount, AT, ""))

    @rule(amount=st.integers(1, 500))
    def charge(self, amount: int) -> None:
        self._take(Movement.ADJUST, amount)

    @rule(amount=st.integers(1, 500))
    def hold(self, amount: int) -> None:
        self._take(Movement.HOLD, amount)

    def _take(self, movement: Movement, amount: int) -> None:
        cause, enough = self._cause(), self.member.available >= amount
        try:
            if movement is Movement.HOLD:
                made = posting.hold(self.member, cause, amount, AT)
            else:
                made = posting.charge(self.member, cause, amount, AT, "")
        except InsufficientTokens:
            assert not enough
            return
        assert enough
        self.postings.append(made)
        if movement is Movement.HOLD:
            self.holds.append((cause, amount))

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), captured=st.booleans())
    def close(self, data: st.DataObject, captured: bool) -> None:
        cause, amount = self.holds.pop(data.draw(st.integers(0, len(self.holds) - 1)))
        verb = posting.capture if captured else posting.release
        self.postings.append(verb(self.member, cause, amount, AT))

    @invariant()
    def sums_agree(self) -> None:
        def total(place: Place) -> int:
            into = sum(p.amount for p in self.postings if p.to_account is place)
            return into - sum(p.amount for p in self.postings if p.from_account is place)

        assert total(Place.AVAILABLE) == self.member.available >= 0
        assert total(Place.HELD) == self.member.held == sum(amount for _, amount in self.holds)
        assert total(Place.REDEEMED) == self.member.redeemed
        assert sum(total(place) for place in Place) == 0

    @invariant()
    def each_row_says_where_it_left_the_member(self) -> None:
        if self.postings:
            last = self.postings[-1]
            assert (last.available_after, last.held_after) == (
                self.member.available,
                self.member.held,
            )
            assert (last.member_seq, last.hash) == (len(self.postings), self.member.head)


TestLedger = Ledger.TestCase


@given(st.lists(st.integers(1, 100), min_size=1, max_size=20), st.data())
def test_a_changed_row_breaks_the_chain(amounts: list[int], data: st.DataObject) -> None:
    alice = account()
    made = [
        posting.issue(alice, UUID(int=2 * n + 2), amount, AT, "")
        for n, amount in enumerate(amounts)
    ]
    place = data.draw(st.integers(0, len(made) - 1))
    previous = b""
    for n, one in enumerate(made):
        amount = one.amount + (1 if n == place else 0)
        previous = posting.link(
            previous,
            one.cause_id,
            one.member_id,
            one.member_seq,
            CODE[one.movement, one.from_account, one.to_account],
            amount,
            one.available_after,
            one.held_after,
            one.at,
        )
    assert previous != alice.head
