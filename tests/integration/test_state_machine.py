"""Random lives of redemptions on a real PostgreSQL, beside a model that fits on two pages.

The model is written from the specification and shares no code with what it is compared with: the
accounts, the statuses and the statements must agree after every step, and the ledger's proof finds
nothing at the end.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, ClassVar
from uuid import UUID

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from tests.integration.model import OPEN, Model, Purse, Redemption
from tests.integration.programme import Programme, faults, judged, request

from guerdon import ids
from guerdon.db.pool import Database
from guerdon.errors import AlreadyFinal, GuerdonError, NotOpen, Sending
from guerdon.options.model import Option
from guerdon.providers.outcomes import Judgement
from guerdon.redemption.news import Told, Unsent
from guerdon.sealing import Sealer
from guerdon.transactions.states import News

DEAR, LIMITED = 30, 20
USES_EACH = 2

EVIDENCE: dict[str, Judgement] = {
    "N": judged(trouble="connect"),
    "R": judged(status=400),
    "F": judged(status=200, body=b'{"status": "failure"}'),
    "P": judged(status=201),
    "S": judged(status=200),
    "U": judged(trouble="broken"),
}
NEWS = {"S": News.SUCCEEDED, "F": News.FAILED, "P": News.POSTPONED, "U": News.UNKNOWN}


class Lives(RuleBasedStateMachine):
    """Members redeem; providers, callbacks, operators and time say what they like."""

    world: ClassVar["World"]
    transactions: Bundle[UUID] = Bundle("transactions")

    @initialize(flags=st.tuples(st.booleans(), st.booleans(), st.booleans()))
    def begin(self, flags: tuple[bool, bool, bool]) -> None:
        idempotent, refunds, calls_back = flags
        self.model = Model(idempotent=idempotent, refunds=refunds, calls_back=calls_back)
        self.settings = {
            "idempotent": idempotent,
            "bare4xx": "refund" if refunds else "hold",
            "confirmation": "callback" if calls_back else "reply",
        }
        self.programme, self.limited = self.run(self.world.programme(idempotent))
        self.keys: dict[tuple[str, str], tuple[UUID, UUID]] = {}
        self.told: dict[UUID, Told] = {}
        for user_id, tokens in (("ann", 100), ("bob", 40)):
            self.run(self.programme.member(user_id, tokens))
            self.model.purses[user_id] = Purse(tokens, statement=[("issue", tokens)])

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.world.loop).result(60)

    def refusal(self, work: Coroutine[Any, Any, Any]) -> tuple[Any, GuerdonError | None]:
        try:
            return self.run(work), None
        except GuerdonError as refusal:
            return None, refusal

    # -- tokens come, go, and are redeemed ---------------------------------------------------

    @rule(user_id=st.sampled_from(["ann", "bob"]), amount=st.integers(1, 60))
    def grant(self, user_id: str, amount: int) -> None:
        self.run(self.programme.issue(user_id, amount))
        purse = self.model.purses[user_id]
        purse.available += amount
        purse.statement.append(("issue", amount))

    @rule(user_id=st.sampled_from(["ann", "bob"]), amount=st.integers(1, 60))
    def charge(self, user_id: str, amount: int) -> None:
        purse = self.model.purses[user_id]
        _, refused = self.refusal(self.programme.issue(user_id, amount, charge=True))
        assert (refused is None) == (amount <= purse.available)
        if refused is None:
            purse.available -= amount
            purse.statement.append(("adjust", amount))
        else:
            assert refused.code == "insufficient-tokens"

    @rule(
        target=transactions,
        user_id=st.sampled_from(["ann", "bob"]),
        limited=st.booleans(),
        key=st.sampled_from(["a", "b", "c", "fresh", "fresh", "fresh"]),
    )
    def redeem(self, user_id: str, limited: bool, key: str) -> Any:
        option = self.limited if limited else self.programme.option
        used_key = str(ids.random_id()) if key == "fresh" else key
        work = request(self.programme.namespace, option.name, user_id, key=used_key)
        [result] = self.run(self.programme.redeem_many([work]))
        earlier = self.keys.get((user_id, used_key))
        if earlier is not None:
            self.check_repeat(result, earlier, option)
            return multiple()
        expected = self.why_not(user_id, option)
        if expected is not None:
            assert isinstance(result, GuerdonError)
            assert result.code == expected
            return multiple()
        made: UUID = result.transaction.transaction_id
        self.keys[user_id, used_key] = (option.name, made)
        price = LIMITED if limited else DEAR
        purse = self.model.purses[user_id]
        purse.available -= price
        purse.held += price
        purse.statement.append(("hold", price))
        self.model.redemptions[made] = Redemption(user_id, price, deadline=limited)
        return made

    def check_repeat(self, result: Any, earlier: tuple[UUID, UUID], option: Option) -> None:
        if earlier[0] != option.name:
            assert result.code == "idempotency-key-reused"
            return
        assert result.replayed
        assert result.transaction.transaction_id == earlier[1]

    def why_not(self, user_id: str, option: Option) -> str | None:
        mine = [t for t in self.model.redemptions.values() if t.user_id == user_id]
        used = sum(t.deadline and t.status != "failure" for t in mine)
        if option is self.limited and used >= USES_EACH:
            return "limit-reached"
        price = LIMITED if option is self.limited else DEAR
        return "insufficient-tokens" if self.model.purses[user_id].available < price else None

    # -- the message on its way --------------------------------------------------------------

    @rule(made=transactions, evidence=st.sampled_from("NRFPSUNU"), twice=st.booleans())
    def attempt(self, made: UUID, evidence: str, twice: bool) -> None:
        """Claimed if it waits, sent, and answered; told again where the COMMIT had no answer."""
        self.claim(made)
        t = self.model.redemptions[made]
        if t.owed != "sending":
            return
        resent = {"resent": t.resent}
        ended = self.programme.ended(
            made, t.attempts, EVIDENCE[evidence], **self.settings, **resent
        )
        self.model.attempt_ends(t, evidence)
        self.run(self.programme.hear(ended))
        if twice:
            assert not self.run(self.programme.hear(ended)).applied

    @rule(made=transactions)
    def claim(self, made: UUID) -> None:
        t = self.model.redemptions[made]
        if t.owed == "queued":
            t.attempts += 1
            t.owed = "sending"
            assert self.run(self.programme.claim(made)) == t.attempts

    @rule(made=transactions, evidence=st.sampled_from(["N", "R", "F", "P", "S", "U", None]))
    def lapse(self, made: UUID, evidence: str | None) -> None:
        """The lease runs out; the answer may come all the same, too late."""
        t = self.model.redemptions[made]
        if t.owed != "sending":
            return
        ran_out = judged(trouble="lease-ran-out")
        number = t.attempts
        lapsed = self.programme.ended(made, number, ran_out, lapsed=True, **self.settings)
        self.model.attempt_ends(t, "U")
        self.run(self.programme.due(made))
        self.run(self.programme.hear(lapsed))
        if evidence is not None:
            late = self.programme.ended(made, number, EVIDENCE[evidence], **self.settings)
            self.model.late_answer(t, evidence)
            self.run(self.programme.hear(late))

    @rule(made=transactions)
    def wait_a_day(self, made: UUID) -> None:
        """Nothing could be sent for 24 hours."""
        t = self.model.redemptions[made]
        if t.owed == "queued":
            t.owed = None
            if t.status == "pending":
                self.model.hear(t, "U" if t.dirty else "F")
        self.run(self.programme.hear(Unsent(made, "waited-a-day", "It waited.")))

    # -- news --------------------------------------------------------------------------------

    @rule(made=transactions, news=st.sampled_from("SFPU"))
    def callback(self, made: UUID, news: str) -> None:
        told = self.programme.callback(made, NEWS[news])
        self.told[made] = told
        effect = self.model.hear(self.model.redemptions[made], news, "callback")
        concluded, refused = self.refusal(self.programme.hear(told))
        assert isinstance(refused, AlreadyFinal) == (effect == "conflict")
        assert refused is not None or concluded.applied == (effect == "moves")

    @rule(made=transactions, confirms=st.booleans())
    def operator(self, made: UUID, confirms: bool) -> None:
        t = self.model.redemptions[made]
        news = News.CONFIRM if confirms else News.CANCEL
        _, refused = self.refusal(self.programme.operator(made, news))
        if t.status not in OPEN:
            assert isinstance(refused, NotOpen)
        elif t.status == "pending" or t.owed is not None:
            assert isinstance(refused, Sending)
        else:
            assert refused is None
            self.model.move(t, "success" if confirms else "failure")

    @rule(made=transactions)
    def resend(self, made: UUID) -> None:
        t = self.model.redemptions[made]
        _, refused = self.refusal(self.programme.resend(made))
        assert (refused and refused.code) == self.model.resend(t)

    @rule(made=transactions)
    def complain(self, made: UUID) -> None:
        t = self.model.redemptions[made]
        _, refused = self.refusal(self.programme.complain(t.user_id, made))
        assert (refused and refused.code) == self.model.complain(t)

    @rule(
        made=transactions,
        choice=st.sampled_from(["leave", "grant", "charge"]),
        twice=st.booleans(),
    )
    def resolve(self, made: UUID, choice: Any, twice: bool) -> None:
        """A person closes the case, perhaps with a double click."""
        t = self.model.redemptions[made]
        for _ in range(1 + twice):
            expected = self.model.resolve(t, choice)
            _, refused = self.refusal(self.programme.resolve(made, choice))
            assert (refused and refused.code) == expected

    @rule(made=transactions)
    def deadline(self, made: UUID) -> None:
        t = self.model.redemptions[made]
        self.run(self.programme.due(made))
        told = Told(made, News.DEADLINE, "system", "system", rule="no-confirmation", why="late")
        concluded = self.run(self.programme.hear(told))
        assert concluded.applied == t.due
        if t.due:
            self.model.move(t, "recoverable-failure")

    @rule(made=transactions)
    def the_same_callback_again(self, made: UUID) -> None:
        """Under the same webhook-id, however much later."""
        if made in self.told:
            concluded, _ = self.refusal(self.programme.hear(self.told[made]))
            assert concluded is None or not concluded.applied

    # -- what must hold ----------------------------------------------------------------------

    @invariant()
    def accounts_agree(self) -> None:
        for user_id, purse in self.model.purses.items():
            expected = (purse.available, purse.held, purse.redeemed)
            assert self.run(self.programme.tokens(user_id)) == expected

    @invariant()
    def transactions_agree(self) -> None:
        for made, t in self.model.redemptions.items():
            stored = self.run(self.programme.transaction(made))
            owed = self.run(self.programme.owes(made))
            case = self.run(self.programme.case(made))
            stands = None if case is None else "open" if case.closed_at is None else "closed"
            assert (stored.status, owed, stored.dirty, stored.conflict, stands) == (
                t.status,
                t.owed,
                t.dirty,
                t.conflict,
                t.case,
            )

    def teardown(self) -> None:
        for user_id, purse in self.model.purses.items():
            assert self.run(self.programme.statement(user_id)) == purse.statement
        assert self.run(faults(self.programme.database)) == []


class World:
    """One database for all lives, a namespace for each."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self.loop = asyncio.get_running_loop()
        self._database = database
        self._sealer = sealer
        self._lives = 0

    async def programme(self, idempotent: bool) -> tuple[Programme, Option]:
        self._lives += 1
        made = await Programme.open(
            self._database, self._sealer, f"life-{self._lives}", idempotent=idempotent
        )
        limited = await made.another_option(
            price=LIMITED, limits={"perMember": USES_EACH}, postponedDeadlineHours=1
        )
        return made, limited


async def test_lives(database: Database, sealer: Sealer) -> None:
    Lives.world = World(database, sealer)
    bounds = settings(
        max_examples=30,
        stateful_step_count=40,
        derandomize=True,
        deadline=None,
        # A failure is told as it was found: shrinking it would take longer than all the tests.
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    await asyncio.to_thread(run_state_machine_as_test, Lives, settings=bounds)
