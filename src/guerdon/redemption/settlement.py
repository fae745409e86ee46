"""News about transactions is concluded: the one place where holds end.

Everything takes many: a batch of one slot is locked in order (transactions, debts, accounts),
decided in arrival order (``conclusion.py``), and written with set-based SQL. Entering ``success``
writes the capture, entering ``failure`` the release, in the same ``Tx``; the database refuses a
second of either.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from guerdon import ids
from guerdon.access import store as access
from guerdon.access.rules import store as rules
from guerdon.db.pool import Tx
from guerdon.errors import GuerdonError
from guerdon.ledger import store as ledger
from guerdon.options import store as options
from guerdon.outbox import store as outbox
from guerdon.providers import store as providers
from guerdon.redemption.conclusion import hear
from guerdon.redemption.lane import Lanes
from guerdon.redemption.news import Concluded, Heard, Told
from guerdon.redemption.scene import Scene
from guerdon.transactions import store as transactions
from guerdon.transactions.cases import store as cases
from guerdon.transactions.requests import store as requests
from guerdon.transactions.store import Move


class SettlementVerb:
    """Concludes many pieces of news in one ``Tx``; ``announce`` is told once it is committed."""

    name = "settlement"
    sheds = False

    def __init__(self, announce: Callable[[Heard, Concluded | GuerdonError], None]) -> None:
        self._announce = announce

    async def drive(
        self, tx: Tx, slot: int, works: Sequence[Heard]
    ) -> list[Concluded | GuerdonError]:
        """Decides in arrival order. Contradicting news is recorded *and* refused."""
        scene = await _set_scene(tx, slot, works)
        results: list[Concluded | GuerdonError] = []
        for work in works:
            try:
                results.append(_marked(scene, hear(scene, work)))
            except GuerdonError as refusal:
                results.append(refusal)
        await _write(tx, scene)
        return results

    def committed(
        self, works: Sequence[Heard], results: Sequence[Concluded | GuerdonError]
    ) -> None:
        """Tells of each conclusion."""
        for work, result in zip(works, results, strict=True):
            self._announce(work, result)

    def abandoned(self, works: Sequence[Heard]) -> None:
        """Nothing was taken."""


class Settlement:
    """What doors call with news, one by one, concluded in groups."""

    def __init__(self, lanes: Lanes, slots: int, verb: SettlementVerb) -> None:
        self._lanes = lanes
        self._slots = slots
        self._verb = verb

    async def hear(self, heard: Heard) -> Concluded:
        """Concludes it. Raises ``TransactionNotFound``, ``AlreadyFinal`` (contradicts; recorded),
        ``Sending`` and ``NotOpen`` (an operator's action), ``WebhookIdReused``."""
        slot = ids.bucket_in(heard.transaction_id) % self._slots
        concluded: Concluded = await self._lanes.submit(self._verb, slot, heard)
        return concluded


def _marked(scene: Scene, concluded: Concluded) -> Concluded:
    standing = scene.standings.get(concluded.transaction.provider_id)
    return concluded if standing is None or not standing.test else replace(concluded, test=True)


async def _set_scene(tx: Tx, slot: int, works: Sequence[Heard]) -> Scene:
    wanted = {work.transaction_id for work in works}
    told = [work for work in works if isinstance(work, Told)]
    # What was said before matters only to those who say it again.
    repeated = {work.transaction_id for work in told}
    numbered = [(w.transaction_id, w.webhook_id) for w in told if w.webhook_id is not None]
    found, debts = await tx.together(
        transactions.lock(tx, slot, wanted), outbox.lock(tx, slot, wanted)
    )
    accounts, callbacks, said, catalogue, standings = await tx.together(
        ledger.lock_accounts(tx, slot, {t.member_id for t in found.values()}),
        transactions.find_callbacks(tx, slot, numbered),
        transactions.said_before(tx, slot, repeated),
        options.at_versions(tx, {t.option_key for t in found.values()}),
        providers.standing(tx, {t.namespace for t in found.values()}),
    )
    was = {identifier: t.status for identifier, t in found.items()}
    scene = Scene(tx.at, slot, found, was, debts, accounts, catalogue, standings, said, callbacks)
    # What people asked of each other matters only where one of them decides.
    decided = {work.transaction_id for work in told if work.source == "operator"} & found.keys()
    scene.requests = await requests.unsettled(tx, slot, decided)
    namespaces = {found[identifier].namespace for identifier in decided}
    scene.second_person_from = await rules.second_person_from(tx, namespaces)
    return scene


async def _write(tx: Tx, scene: Scene) -> None:
    slot = scene.slot
    # One write a debt: what is settled is not requeued as well.
    requeued = [m for identifier, m in scene.requeued.items() if identifier not in scene.settled]
    moves = [Move(scene.was[identifier], scene.found[identifier]) for identifier in scene.touched]
    await ledger.post(tx, slot, scene.accounts.values(), scene.postings)
    await transactions.add_events(tx, slot, scene.events)
    await transactions.add_attempts(tx, slot, scene.attempts)
    await transactions.add_personal(tx, slot, scene.personal)
    await transactions.add_callbacks(tx, slot, scene.remembered)
    await outbox.settle(tx, slot, scene.settled)
    await outbox.requeue(tx, slot, requeued)
    if scene.given_back:
        await options.take(tx, slot, scene.given_back)
    if moves:
        await transactions.save(tx, slot, moves)
    await cases.contradict(tx, slot, list(scene.contradicted.values()))
    for request, by in scene.approved:
        await requests.settle(tx, slot, request, by, "approved")
    for work, t, was, outcome in scene.audited:
        await access.audit(
            tx,
            namespace=t.namespace,
            actor=work.actor,
            action=f"transaction.{work.news}",
            target=str(t.transaction_id),
            detail={"outcome": outcome, "before": str(was), "after": str(t.status)}
            | {"reason": work.reason, "approves": work.approves},
            address=work.address,
        )
