"""Many redemptions against honest providers on a bad network, and the truth at the end.

The providers decide once what becomes of a redemption and never contradict themselves; the network
loses, cuts and delays what they say. Whatever happens: no reward that was given is refunded by
machine, no transaction is a success without its reward, a provider that is not idempotent is never
asked again after an unknown, and the ledger adds up.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from tests.faults import provider as faults
from tests.faults.provider import Behaviour, Exchange, FaultProvider, Received, head, raw, reply
from tests.faults.redeeming import Redeeming, eventually

from guerdon.db.pool import Database
from guerdon.redemption import audit

MEMBERS = [f"member-{number}" for number in range(12)]
TOKENS = 100
REDEMPTIONS = 36

NOT_PROCESSED = [reply(425), reply(408), reply(429)]
LOST = [
    faults.closes,
    faults.resets,
    reply(500),
    reply(409),
    reply(204),
    raw(head(200, "Content-Length: 99") + b'{"status": "fail'),
    raw(b"HTTP/1.1 2"),
    reply(302),
]


@dataclass(slots=True)
class Honest:
    """Decides what to do with a request; remembers what was decided."""

    chance: random.Random
    idempotent: bool
    declined: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    asked_again: list[str] = field(default_factory=list)

    def choose(self, received: Received) -> Behaviour:
        transaction_id = received.transaction_id
        if transaction_id in self.unknown:
            self.asked_again.append(transaction_id)
        roll = self.chance.random()
        if roll < 0.2:
            return self.chance.choice(NOT_PROCESSED)
        lost = roll > 0.7
        if lost:
            self.unknown.add(transaction_id)
        loses = self.chance.choice(LOST)
        undecided = lost and self.chance.random() < 0.3
        return self._answer(transaction_id, loses if lost else None, undecided=undecided)

    def _answer(
        self, transaction_id: str, loses: Behaviour | None, *, undecided: bool
    ) -> Behaviour:
        declines = self.chance.random() < 0.3

        async def behave(exchange: Exchange) -> None:
            given = exchange.provider.issued[transaction_id] > 0
            known = transaction_id in self.declined or (self.idempotent and given)
            if not known and not undecided:
                if declines:
                    self.declined.add(transaction_id)
                else:
                    exchange.give()
            if loses is not None:
                await loses(exchange)
            elif transaction_id in self.declined:
                await faults.says("failure")(exchange)
            else:
                await faults.says("success")(exchange)

        return behave


@dataclass(slots=True)
class Case:
    """A provider with what it decided, and the redemptions it was asked for."""

    provider: FaultProvider
    honest: Honest
    provider_id: str
    made: list[str]


async def _case(
    redeeming: Redeeming, provider: FaultProvider, honest: Honest, **settings: object
) -> Case:
    provider.choose = honest.choose
    provider_id = await redeeming.provider(provider, timeoutSeconds=2, **settings)
    option = await redeeming.option(provider_id, price=1)
    members = (MEMBERS[number % len(MEMBERS)] for number in range(REDEMPTIONS))
    made = await asyncio.gather(*(redeeming.redeem(option, member) for member in members))
    return Case(provider, honest, provider_id, list(made))


async def _time_passes(redeeming: Redeeming) -> None:
    """Everything comes due at once, over and over, until nothing is owed any more."""

    async def settled() -> bool:
        await redeeming.change(
            "UPDATE provider_health SET slow_until = NULL, breaker = 'closed', opened_at = NULL,"
            " probe_at = NULL"
        )
        await redeeming.change("UPDATE message SET due_at = now() WHERE state = 'queued'")
        return await redeeming.owed() == 0

    await eventually(settled)


async def _call_back(redeeming: Redeeming, case: Case, which: Callable[[str], bool]) -> None:
    """The provider tells the truth about some, as far as it decided."""
    for transaction_id in filter(which, case.made):
        if case.provider.issued[transaction_id]:
            status = "success"
        elif transaction_id in case.honest.declined:
            status = "failure"
        else:
            continue
        told = await redeeming.call_back(case.provider_id, transaction_id, status)
        assert told.status == 200, told.body


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("idempotent", "confirmation"), [(False, "reply"), (True, "reply"), (False, "callback")]
)
async def test_no_reward_that_was_given_is_refunded(
    redeeming: Redeeming,
    database: Database,
    provider: FaultProvider,
    seed: int,
    idempotent: bool,
    confirmation: str,
) -> None:
    chance = random.Random(seed)
    for member in MEMBERS:
        await redeeming.member(member, TOKENS)
    honest = Honest(chance, idempotent)
    case = await _case(
        redeeming, provider, honest, idempotent=idempotent, confirmation=confirmation
    )
    await _call_back(redeeming, case, lambda _: chance.random() < 0.2)
    await _time_passes(redeeming)
    await _holds(redeeming, database, case)
    await _call_back(redeeming, case, lambda _: True)
    await _holds(redeeming, database, case)
    for transaction_id in case.made:
        given = provider.issued[transaction_id] > 0
        if given or transaction_id in honest.declined:
            shown = await redeeming.transaction(transaction_id)
            assert shown["status"] == ("success" if given else "failure")


async def _holds(redeeming: Redeeming, database: Database, case: Case) -> None:
    """What must be true at any moment."""
    honest, provider = case.honest, case.provider
    if not honest.idempotent:
        assert honest.asked_again == []
    captured = returned = 0
    for transaction_id in case.made:
        shown = await redeeming.transaction(transaction_id)
        given = provider.issued[transaction_id]
        assert given <= 1, "no reward is given twice"
        assert shown["conflict"] is False
        if shown["status"] == "failure":
            returned += 1
            assert given == 0, shown["attempts"]
        elif shown["status"] == "success":
            captured += 1
            assert given == 1, shown["attempts"]
    tokens = [await redeeming.tokens(member) for member in MEMBERS]
    assert sum(balance for balance, _ in tokens) == len(MEMBERS) * TOKENS - captured
    still_open = len(case.made) - captured - returned
    assert sum(balance - available for balance, available in tokens) == still_open
    proof = await audit.prove(
        database, 8, lambda fault: pytest.fail(str(fault)), lambda postings: None
    )
    assert proof.totals["1"].adds_up
