"""Plays all scenarios at an endpoint and says how each went."""

import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from guerdon.conformance.listener import Listener
from guerdon.conformance.messages import Plan
from guerdon.conformance.scenarios import SCENARIOS
from guerdon.conformance.sender import ANYWHERE, Exchange, Sender
from guerdon.conformance.trial import Fails, LeftOut, Scenario, Trial
from guerdon.providers.client import ProviderClient

_GATE = "answers"


@dataclass(frozen=True, slots=True)
class Row:
    """The row of ``outcomes.md`` that the deciding answer met."""

    rule: str
    verdict: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Result:
    """How a scenario went: ``pass``, ``fail``, or ``left-out`` with what would be needed."""

    name: str
    title: str
    result: str
    detail: str
    row: Row | None
    trace: list[dict[str, object]]


async def play(plan: Plan, told: Callable[[Result], None]) -> list[Result]:
    """Plays them one after another; each result is ``told`` at once. ``OSError``: the callbacks'
    port is taken."""
    trust = ssl.create_default_context()
    async with AsyncExitStack() as stack:
        client = ProviderClient(ANYWHERE, trust=trust)
        stack.push_async_callback(client.close)
        sender = Sender(plan, client, trust)
        listener = None
        if plan.callback_url is not None:
            listener = await stack.enter_async_context(Listener(plan).listening(plan.callback_url))
        first: Exchange | None = None
        results: list[Result] = []
        for scenario in SCENARIOS:
            result, decided = await _played(scenario, Trial(sender, listener, first))
            if scenario.name == _GATE and result.result == "pass":
                first = decided
            results.append(result)
            told(result)
        return results


async def _played(scenario: Scenario, trial: Trial) -> tuple[Result, Exchange | None]:
    begun = len(trial.sender.exchanges)
    heard = len(trial.listener.heard) if trial.listener is not None else 0
    decided: Exchange | None = None
    outcome, detail = "pass", ""
    try:
        if trial.first is None and scenario.name != _GATE and not scenario.afterwards:
            raise LeftOut("An ordinary message is not decided: nothing else can be told.")
        decided = await scenario.play(trial)
    except LeftOut as reason:
        outcome, detail = "left-out", str(reason)
    except Fails as reason:
        outcome, detail, decided = "fail", reason.detail, reason.exchange
    except OSError as trouble:
        outcome, detail = "fail", f"No connection came about: {trouble}"
    went = trial.sender.exchanges[begun:]
    if scenario.afterwards and decided is not None:
        went = [decided]
    trace = [one.trace() for one in went]
    if trial.listener is not None:
        trace += [one.trace() for one in trial.listener.heard[heard:]]
    return Result(scenario.name, scenario.title, outcome, detail, _row(decided), trace), decided


def _row(decided: Exchange | None) -> Row | None:
    if decided is None:
        return None
    judged = decided.judged
    return Row(judged.rule, judged.evidence, judged.sentence)
