"""A provider that knows what we do not, and every way that up to four attempts can go with it.

The hidden truth is whether the reward was given. What reaches us of an attempt is judged, decided
and applied by the real code (``outcomes.classify``, ``outcomes.decide``, ``conclusion.hear``); then
the truth is held against what was done with the tokens.
"""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import product
from uuid import UUID

from guerdon.errors import AlreadyFinal, NotOpen, Sending
from guerdon.ledger import posting
from guerdon.ledger.chart import Movement
from guerdon.ledger.posting import Account, Posting
from guerdon.options import definition
from guerdon.outbox.message import Message
from guerdon.providers import outcomes
from guerdon.providers.model import Standing
from guerdon.providers.outcomes import Observation
from guerdon.redemption import conclusion
from guerdon.redemption.conclusion import Scene
from guerdon.redemption.news import AttemptEnded, Heard, Told, Unsent
from guerdon.transactions.model import Transaction
from guerdon.transactions.states import CLOSED, News, Status

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
ID = UUID("0198a3f0-0000-8abc-8000-000000000002")
MEMBER, PROVIDER = UUID(int=1), UUID(int=2)
PRICE, START = 200, 1000
LONGEST = 4

OPTION = definition.new(
    "1",
    UUID(int=3),
    AT,
    {"type": "digital", "title": "Tea", "providerId": str(PROVIDER), "price": 9},
)
STANDING = Standing(PROVIDER, "1", None, 0, False, 15, 32, None, False)


@dataclass(frozen=True)
class Settings:
    """A provider's settings, and how many tries were made before the first attempt we look at."""

    idempotent: bool
    bare4xx: str
    confirmation: str
    dialect: outcomes.Dialect
    tries: int


EVERY_SETTING = [
    Settings(*one)
    for one in product(
        (False, True), ("hold", "refund"), ("reply", "callback"), ("status-code", "json"), (0, 3)
    )
]


def says(status: str, code: int = 200) -> Observation:
    return Observation(status=code, body=json.dumps({"status": status}).encode())


LOST = Observation(trouble="broken")
LAPSED = Observation(trouble="lease-ran-out")

# What an attempt does at the provider, and what we see of it. The provider is honest in words; a
# bare refusal may come from anything that stands before it.
UNTOUCHED = {
    "connection refused": Observation(trouble="connect", sent=False),
    "TLS failed": Observation(trouble="tls", sent=False),
    "no such host": Observation(trouble="no-such-host", sent=False),
    "429": Observation(status=429, retry_after=7),
}
BY_TRUTH = {
    "given": {
        "says success": says("success"),
        "says success with a 500": says("success", 500),
        "plain 200": Observation(status=200, body=b"OK"),
        "lost": LOST,
        "409": Observation(status=409),
        "says recoverable-failure": says("recoverable-failure"),
        "lease ran out": LAPSED,
    },
    "refused": {
        "says failure": says("failure"),
        "says failure with a 400": says("failure", 400),
        "bare 400": Observation(status=400),
        "lost": LOST,
        "500": Observation(status=500),
        "says recoverable-failure": says("recoverable-failure"),
        "lease ran out": LAPSED,
    },
    "undecided": {"says postponed": says("postponed"), "lost": LOST},
}
# Asked again, whoever gave the reward may also refuse the second request, barely.
REFUSES_AGAIN = {"bare 400": Observation(status=400)}
WORD = {"given": News.SUCCEEDED, "refused": News.FAILED, "undecided": News.POSTPONED}


@dataclass
class World:
    """One transaction, its debt and its member's tokens; and the provider, who knows the truth."""

    settings: Settings
    t: Transaction
    debt: Message | None
    account: Account
    postings: list[Posting] = field(default_factory=list)
    said: set[tuple[UUID, str, str, str]] = field(default_factory=set)
    truth: str | None = None
    rewards: int = 0
    path: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    @property
    def standing(self) -> tuple[object, ...]:
        """All that what comes next can depend on."""
        t, debt = self.t, self.debt
        owed = None if debt is None else (debt.state, debt.attempts, debt.tries_n, debt.tries_u)
        said = frozenset(self.said)
        facts = (t.status, t.dirty, t.conflict, t.open_reason, t.reference)
        return (*facts, owed, said, self.truth, self.rewards, len(self.postings))

    def branch(self, step: str) -> "World":
        return World(
            self.settings,
            copy.copy(self.t),
            copy.copy(self.debt),
            copy.copy(self.account),
            list(self.postings),
            set(self.said),
            self.truth,
            self.rewards,
            [*self.path, step],
            list(self.violations),
        )

    def hear(self, work: Heard) -> str:
        """One piece of news, concluded and written as ``settlement`` does; what was refused."""
        before = self.t.status
        scene = Scene(
            at=AT,
            slot=0,
            found={ID: self.t},
            was={ID: before},
            debts={} if self.debt is None else {ID: self.debt},
            accounts={MEMBER: self.account},
            catalogue={("1", OPTION.name, OPTION.version): OPTION},
            standings={PROVIDER: STANDING},
            said=self.said,
            callbacks={},
        )
        refused = ""
        try:
            conclusion.hear(scene, work)
        except (AlreadyFinal, NotOpen, Sending) as refusal:
            refused = refusal.code
        self.postings += scene.postings
        if ID in scene.settled:
            self.debt = None
        elif ID in scene.requeued and self.t.dirty:
            self._expect(self.settings.idempotent, "sent again after an unknown")
        self._check(before, work)
        return refused

    def _check(self, before: Status, work: Heard) -> None:
        status = self.t.status
        by_person = isinstance(work, Told) and work.source == "operator"
        closings = [p for p in self.postings if p.movement is not Movement.HOLD]
        self._expect(before not in CLOSED or status is before, "a closed transaction moved")
        self._expect(len(closings) == (status in CLOSED), "not one closing posting")
        self._expect(self.rewards <= 1, "two rewards")
        if before is not status and not by_person:
            if status is Status.FAILURE:
                self._expect(self.rewards == 0, "refunded by machine, and the reward was given")
            if status is Status.SUCCESS:
                self._expect(self.rewards == 1, "captured, and no reward was given")
        if status in CLOSED:
            owed = self.debt is not None and self.debt.state == "queued"
            self._expect(not owed, "closed, and still to be sent")
        held = 0 if status in CLOSED else PRICE
        spent = PRICE if status is Status.SUCCESS else 0
        self._expect(
            (self.account.available, self.account.held, self.account.redeemed)
            == (START - held - spent, held, spent),
            "the tokens do not add up",
        )

    def _expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.violations.append(otherwise)

    def ended(self, n: int, seen: Observation) -> AttemptEnded:
        return AttemptEnded(
            ID,
            PROVIDER,
            n,
            AT,
            5,
            seen.status,
            outcomes.classify(seen, self.settings.dialect, str(ID)),
            self.settings.idempotent,
            self.settings.bare4xx,
            self.settings.confirmation,
            None,
            lapsed=seen is LAPSED,
        )


def begin(settings: Settings) -> World:
    t = Transaction(
        slot=0,
        transaction_id=ID,
        namespace="1",
        member_id=MEMBER,
        option_name=OPTION.name,
        option_version=1,
        option_title="Tea",
        provider_id=PROVIDER,
        type="digital",
        price=PRICE,
        currency=None,
        currency_amount=None,
        conversion_rate=None,
        origin="api",
        status=Status.PENDING,
        events=2,
        dirty=False,
        conflict=False,
        open_reason=None,
        due_at=None,
        next_ask_at=None,
        asked=0,
        reference=None,
        created_at=AT,
        updated_at=AT,
        closed_at=None,
        closed_by=None,
    )
    tries = settings.tries
    debt = Message(0, ID, PROVIDER, "sending", 1, tries, tries, AT, AT, MEMBER, AT)
    account = Account(MEMBER, "1", START, 0, 0, 0, b"")
    return World(settings, t, debt, account, [posting.hold(account, ID, PRICE, AT)])


def callback(news: News) -> Told:
    return Told(ID, news, "callback", "provider")


def traces(settings: Settings) -> Iterator[World]:
    """Every way things can go, from the first attempt to the end of all news."""
    yield from _attempt(begin(settings), 1, [])


def _attempt(world: World, n: int, unread: list[tuple[int, Observation]]) -> Iterator[World]:
    """Attempt ``n`` is on the wire; ``unread`` are replies that outlived their leases."""
    for name, seen in UNTOUCHED.items():
        yield from _observed(world.branch(name), n, seen, unread)
    for truth, name, seen in _possible(world):
        after = world.branch(f"{truth}: {name}")
        if truth == "given" and not (world.settings.idempotent and world.truth == "given"):
            after.rewards += 1
        after.truth = "given" if world.truth == "given" else truth
        # The provider may call back before we have read its reply.
        early = after.branch("having called back")
        early.hear(callback(WORD[after.truth]))
        for news in (News.CONFIRM, News.CANCEL):
            person = early.branch(news)
            refused = person.hear(Told(ID, news, "operator", "ann@example.com"))
            early._expect(refused in ("sending", "not-open"), "an operator did not wait")
        yield from _observed(after, n, seen, unread)
        yield from _observed(early, n, seen, unread)


def _possible(world: World) -> Iterator[tuple[str, str, Observation]]:
    """What this attempt can do. An idempotent provider stands by what it decided."""
    for truth, replies in BY_TRUTH.items():
        stands = world.truth in (None, "undecided", truth)
        if stands or not world.settings.idempotent:
            for name, seen in replies.items():
                yield truth, name, seen
        elif world.truth == "given" and truth == "refused":
            for name, seen in REFUSES_AGAIN.items():
                yield truth, name, seen


def _observed(
    world: World, n: int, seen: Observation, unread: list[tuple[int, Observation]]
) -> Iterator[World]:
    world.hear(world.ended(n, seen))
    if seen is LAPSED:
        # Its process was only slow: the reply arrives now, or after whatever comes next.
        reply = says("success") if world.truth == "given" else says("failure")
        late = world.branch("and its reply, late")
        late.hear(late.ended(n, reply))
        yield from _next(late, n, unread)
        unread = [*unread, (n, reply)]
    yield from _next(world, n, unread)


def _next(world: World, n: int, unread: list[tuple[int, Observation]]) -> Iterator[World]:
    debt = world.debt
    if debt is not None and n < LONGEST:
        assert debt.state == "queued", "an attempt that ended leaves no lease"
        debt.state, debt.attempts = "sending", debt.attempts + 1
        debt.lease_until = AT
        yield from _attempt(world, n + 1, unread)
        return
    for number, reply in unread:
        world.hear(world.ended(number, reply))
    yield world


def aftermath(world: World) -> None:
    """All that can still be said, each on its own, and everything twice once it is closed."""
    if world.debt is not None:
        waited = world.branch("waits a day")
        waited.hear(Unsent(ID, "waited-a-day", "It waited."))
        world.violations += waited.violations[len(world.violations) :]
    if world.truth is not None:
        told = world.branch("is told the truth")
        told.hear(callback(WORD[world.truth]))
        _repeat_everything(told)
        world.violations += told.violations[len(world.violations) :]
    for news in (News.CONFIRM, News.CANCEL):
        person = world.branch(news)
        refused = person.hear(Told(ID, news, "operator", "ann@example.com"))
        may = world.t.status in (Status.POSTPONED, Status.RECOVERABLE) and world.debt is None
        person._expect((refused == "") is may, "an operator could, or could not")
        _repeat_everything(person)
        world.violations += person.violations[len(world.violations) :]


def _repeat_everything(world: World) -> None:
    status, postings = world.t.status, len(world.postings)
    if status not in CLOSED:
        return
    for _ in range(2):
        for news in (News.SUCCEEDED, News.FAILED, News.POSTPONED, News.UNKNOWN, News.DEADLINE):
            world.hear(callback(news))
        for news in (News.CONFIRM, News.CANCEL):
            refused = world.hear(Told(ID, news, "operator", "bob@example.com"))
            world._expect(refused == "not-open", "an operator moved what is closed")
        for seen in (says("success"), says("failure"), LOST):
            world.hear(world.ended(1, seen))
    world._expect(world.t.status is status, "closed did not stay closed")
    world._expect(len(world.postings) == postings, "moved tokens after the end")
