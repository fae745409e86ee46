"""What news does to a transaction: decisions on locked rows, without the database.

:func:`hear` takes one piece of news to the ``Scene`` of its batch. Statuses move by the one
table of ``transactions/states.py``; what an attempt means is for ``providers/outcomes.py``.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from guerdon import ids
from guerdon.clock import rfc3339
from guerdon.errors import (
    AlreadyFinal,
    GuerdonError,
    NotOpen,
    Sending,
    TransactionNotFound,
    WebhookIdReused,
)
from guerdon.ledger import posting
from guerdon.outbox import schedule
from guerdon.outbox.message import Message
from guerdon.providers import outcomes
from guerdon.redemption.approval import vouched
from guerdon.redemption.news import AttemptEnded, Concluded, Heard, Told, Unsent
from guerdon.redemption.scene import Scene
from guerdon.transactions.events import EventType
from guerdon.transactions.model import ACKNOWLEDGED, ASKING, Attempt, Personal, Transaction
from guerdon.transactions.requests.store import Wish
from guerdon.transactions.states import CLOSED, News, Status, advance
from guerdon.transactions.store import Callback


def hear(scene: Scene, work: Heard) -> Concluded:
    t = scene.found.get(work.transaction_id)
    if t is None:
        raise TransactionNotFound(f"There is no transaction {work.transaction_id}.")
    if isinstance(work, AttemptEnded):
        return _attempt(scene, t, work)
    if isinstance(work, Unsent):
        return _unsent(scene, t, work)
    if (work.provider_id is not None and work.provider_id != t.provider_id) or (
        work.namespace is not None and work.namespace != t.namespace
    ):
        raise TransactionNotFound(f"There is no transaction {work.transaction_id}.")
    return _told(scene, t, work)


def _attempt(scene: Scene, t: Transaction, work: AttemptEnded) -> Concluded:
    debt = scene.debts.get(t.transaction_id)
    mine = (
        debt is not None
        and debt.state == "sending"
        and debt.attempts == work.n
        and t.transaction_id not in scene.settled
    )
    ran_out = debt is not None and debt.lease_until is not None and debt.lease_until <= scene.at
    if work.lapsed and not (mine and ran_out):
        return Concluded(t, applied=False)
    judgement = work.judgement
    if mine:
        _record_attempt(scene, t, work)
    if judgement.evidence == "U":
        t.dirty = True
        scene.touched.add(t.transaction_id)
    if not mine and debt is not None and judgement.evidence in "NU":
        # Concluded before: its lease ran out, or it is told again after a COMMIT without an
        # answer. What is owed now has a schedule of its own.
        return Concluded(t, applied=False)
    decision = outcomes.decide(
        judgement,
        # Asked once more, a bare refusal is no word about what was asked before.
        dirty=t.dirty or work.resent,
        idempotent=work.idempotent,
        bare4xx=work.bare4xx,
        confirmation=work.confirmation,
        attempts_after_n=debt.tries_n if debt is not None else 0,
        attempts_after_u=debt.tries_u if debt is not None else 0,
    )
    again = decision.retry_after
    if again is not None and debt is not None and mine and t.status is Status.PENDING:
        _try_again(scene, debt, judgement.evidence == "N", again)
        return Concluded(t, applied=False, retries=True)
    if mine:
        scene.settled.add(t.transaction_id)
    # An attempt that was not sent proves nothing where the provider has spoken by other ways.
    if again is not None or (judgement.evidence == "N" and t.status is not Status.PENDING):
        return Concluded(t, applied=False)
    if decision.news is None:
        _acknowledge(scene, t)
        _cancel_unsent(scene, t)
        return Concluded(t, applied=False)
    said = _Said(
        News(decision.news),
        "reply",
        "provider" if judgement.evidence in "SPFR" else "system",
        judgement.message,
        judgement.reference,
        None,
        judgement.rule,
        judgement.sentence,
    )
    return Concluded(t, applied=_apply(scene, t, said) == "moves")


def _record_attempt(scene: Scene, t: Transaction, work: AttemptEnded) -> None:
    judgement = work.judgement
    scene.attempts.append(
        Attempt(
            t.transaction_id,
            work.n,
            work.started_at,
            work.duration_ms,
            work.http_status,
            judgement.evidence,
            judgement.rule,
            judgement.sentence,
        )
    )
    scene.note(t, EventType.POSTED, "system", {"attempt": work.n})
    if work.reply:
        scene.personal.append(Personal(t.transaction_id, work.n, None, None, work.reply))


def _try_again(scene: Scene, debt: Message, after_n: bool, seconds: float) -> None:
    if after_n:
        debt.tries_n += 1
    else:
        debt.tries_u += 1
    fraction = int.from_bytes(ids.secret_bytes(2)) / 65536
    debt.due_at = scene.at + timedelta(seconds=schedule.with_jitter(seconds, fraction))
    scene.requeued[debt.transaction_id] = debt
    debt.state = "queued"


def _acknowledge(scene: Scene, t: Transaction) -> None:
    """A provider in callback mode has the message; its confirmation now has a deadline."""
    if t.status is not Status.PENDING:
        return
    hours = scene.catalogue[t.option_key].confirmation_deadline_hours
    t.open_reason = ACKNOWLEDGED
    t.due_at = scene.at + timedelta(hours=hours)
    t.updated_at = scene.at
    scene.touched.add(t.transaction_id)


def _unsent(scene: Scene, t: Transaction, work: Unsent) -> Concluded:
    debt = scene.debts.get(t.transaction_id)
    if debt is None or debt.state != "queued":
        return Concluded(t, applied=False)
    scene.settled.add(t.transaction_id)
    if t.status is not Status.PENDING:  # it was to be asked once more, and stays as it is
        return Concluded(t, applied=False)
    said = _Said(
        News.UNKNOWN if t.dirty else News.FAILED,
        "system",
        "system",
        None,
        None,
        None,
        work.rule,
        work.why,
    )
    return Concluded(t, applied=_apply(scene, t, said) == "moves")


def _told(scene: Scene, t: Transaction, work: Told) -> Concluded:
    if work.source == "operator":
        return _operator(scene, t, work)
    if work.news is News.DEADLINE and not (t.due_at is not None and t.due_at <= scene.at):
        return Concluded(t, applied=False)
    if work.webhook_id is not None and work.body_hash is not None:
        earlier = scene.callbacks.get((t.transaction_id, work.webhook_id))
        if earlier is not None:
            if earlier[0] != work.body_hash:
                raise WebhookIdReused("This webhook-id came before with another body.")
            if earlier[1]:
                raise _already_final(t)
            return Concluded(t, applied=False)
    effect = _apply(scene, t, _said(work))
    if work.webhook_id is not None and work.body_hash is not None:
        conflicts = effect == "conflict"
        scene.callbacks[t.transaction_id, work.webhook_id] = (work.body_hash, conflicts)
        scene.remembered.append(
            Callback(
                t.transaction_id, work.webhook_id, work.body_hash, work.news, conflicts, scene.at
            )
        )
    if effect == "conflict":
        raise _already_final(t)
    return Concluded(t, applied=effect == "moves")


def require_decidable(t: Transaction, *, on_the_wire: bool) -> None:
    """``NotOpen`` or ``Sending`` unless an operator may confirm or cancel it as it stands."""
    if t.status in CLOSED:
        raise NotOpen(f"This transaction is closed: {t.status}.", **_closing(t))
    if t.status is Status.PENDING or on_the_wire:
        raise Sending(
            "The message is still being delivered, or the provider has not decided. Wait for it.",
            currentStatus=str(t.status),
        )


def decided_before(t: Transaction, news: News, actor: str) -> bool:
    """Whether the same person has concluded the same already: a double click is one decision."""
    ends = advance(Status.POSTPONED, news).to
    return (t.status, t.closed_by) == (ends, actor)


def _operator(scene: Scene, t: Transaction, work: Told) -> Concluded:
    was, debt = t.status, scene.debts.get(t.transaction_id)
    said = _said(work)
    try:
        on_the_wire = debt is not None and t.transaction_id not in scene.settled
        require_decidable(t, on_the_wire=on_the_wire)
        asked = scene.requests.get(t.transaction_id)
        request = vouched(
            t.price,
            asked if asked is not None and asked.still_asks(_WISHES[work.news], t) else None,
            scene.second_person_from.get(t.namespace),
            actor=work.actor,
            approves=work.approves,
        )
    except GuerdonError:
        if not decided_before(t, work.news, work.actor):
            scene.audited.append((work, t, was, "refused"))
        raise
    if request is not None:
        said = replace(said, reason=request.reason, asked_by=request.asked_by)
        scene.approved.append((request, work.actor))
    _apply(scene, t, said)
    scene.audited.append((work, t, was, "applied"))
    return Concluded(t, applied=True)


def _cancel_unsent(scene: Scene, t: Transaction) -> None:
    """Applied news ends attempts that have not begun: also a reply that outlived its lease."""
    debt = scene.debts.get(t.transaction_id)
    if debt is not None and debt.state == "queued":
        scene.requeued.pop(t.transaction_id, None)
        scene.settled.add(t.transaction_id)


@dataclass(frozen=True, slots=True)
class _Said:
    """One piece of news, whoever brings it."""

    news: News
    source: str
    actor: str
    message: str | None
    reference: str | None
    reason: str | None
    rule: str | None
    why: str | None
    asked_by: str | None = None


def _said(work: Told) -> _Said:
    return _Said(
        work.news,
        work.source,
        work.actor,
        work.message,
        work.reference,
        work.reason,
        work.rule,
        work.why,
    )


def _apply(scene: Scene, t: Transaction, said: _Said) -> str:
    """Does what the table says; answers the effect."""
    step = advance(t.status, said.news, acknowledged=t.open_reason == ACKNOWLEDGED)
    if step.effect == "conflict":
        _record_conflict(scene, t, said)
    elif step.effect == "stays":
        _record_repeat(scene, t, said)
    elif step.effect == "moves":
        t.move(step, scene.at, said.actor)
        t.reference = said.reference or t.reference
        scene.touched.add(t.transaction_id)
        _cancel_unsent(scene, t)
        _ENTER[step.to](scene, t, said)
    return step.effect


def _enter_success(scene: Scene, t: Transaction, said: _Said) -> None:
    if said.news is News.CONFIRM:
        scene.note(t, EventType.OPERATOR_CONFIRMED, said.actor, _decision_payload(said))
    scene.note(t, EventType.CONFIRMED, said.actor, _news_payload(said))
    account = scene.accounts[t.member_id]
    scene.postings.append(posting.capture(account, t.transaction_id, t.price, scene.at))


def _enter_failure(scene: Scene, t: Transaction, said: _Said) -> None:
    if said.news is News.CANCEL:
        scene.note(t, EventType.OPERATOR_CANCELLED, said.actor, _decision_payload(said))
    elif said.actor == "provider":
        scene.note(t, EventType.FAILED, said.actor, _news_payload(said))
    account = scene.accounts[t.member_id]
    before = account.available
    scene.postings.append(posting.release(account, t.transaction_id, t.price, scene.at))
    returned: dict[str, object] = {"balanceBefore": before, "balanceAfter": account.available}
    if said.rule is not None:
        returned |= {"rule": said.rule, "why": said.why}
    scene.note(t, EventType.RETURNED, "system", returned)
    key = (t.namespace, t.option_name)
    scene.given_back[key] = scene.given_back.get(key, 0) - 1


def _enter_postponed(scene: Scene, t: Transaction, said: _Said) -> None:
    scene.note(t, EventType.POSTPONED, said.actor, _news_payload(said))
    hours = scene.catalogue[t.option_key].postponed_deadline_hours
    if hours is not None:
        t.due_at = scene.at + timedelta(hours=hours)


def _enter_recoverable(scene: Scene, t: Transaction, said: _Said) -> None:
    scene.note(t, EventType.UNKNOWN, "system", {"why": said.why, "rule": said.rule})
    if scene.standings[t.provider_id].has_status_url:
        t.open_reason = ASKING
        t.asked = 0
        t.next_ask_at = scene.at + timedelta(seconds=schedule.AFTER_UNKNOWN_ASK[0])


_WISHES: dict[News, Wish] = {News.CONFIRM: "confirm", News.CANCEL: "cancel"}
_ENTER: dict[Status, Callable[[Scene, Transaction, _Said], None]] = {
    Status.SUCCESS: _enter_success,
    Status.FAILURE: _enter_failure,
    Status.POSTPONED: _enter_postponed,
    Status.RECOVERABLE: _enter_recoverable,
}

_REPEATED = {
    News.SUCCEEDED: EventType.CONFIRMED,
    News.POSTPONED: EventType.POSTPONED,
    News.FAILED: EventType.FAILED,
}


def _decision_payload(said: _Said) -> dict[str, object]:
    """Who decided and why; and who asked for it, where another person had to approve."""
    asked = {} if said.asked_by is None else {"askedBy": said.asked_by}
    return {"who": said.actor, "reason": said.reason, **asked}


def _news_payload(said: _Said) -> dict[str, object]:
    return {"source": said.source, "message": said.message, "reference": said.reference}


def _record_repeat(scene: Scene, t: Transaction, said: _Said) -> None:
    """True already, or late: a callback or an inquiry that says so is recorded once."""
    kind = _REPEATED.get(said.news)
    if kind is None or said.source not in ("callback", "inquiry"):
        return
    known = (t.transaction_id, str(kind), said.source, "")
    if known in scene.said or any(
        event.transaction_id == t.transaction_id and event.type is kind for event in scene.events
    ):
        return
    scene.said.add(known)
    scene.note(t, kind, said.actor, _news_payload(said))


def _record_conflict(scene: Scene, t: Transaction, said: _Said) -> None:
    known = (t.transaction_id, str(EventType.CONFLICT), said.source, str(said.news))
    if known in scene.said:
        return
    scene.said.add(known)
    t.conflict = True
    t.updated_at = scene.at
    payload: dict[str, object] = {
        "source": said.source,
        "said": str(said.news),
        "stands": str(t.status),
    }
    payload |= {"message": said.message, "reference": said.reference}
    scene.note(t, EventType.CONFLICT, said.actor, payload)
    scene.contradicted[t.transaction_id] = t


def _closing(t: Transaction) -> dict[str, object]:
    closed_at = None if t.closed_at is None else rfc3339(t.closed_at)
    return {"currentStatus": str(t.status), "closedAt": closed_at, "closedBy": t.closed_by}


def _already_final(t: Transaction) -> AlreadyFinal:
    return AlreadyFinal(
        f"This transaction was concluded as {t.status}. What you say is recorded, and people will "
        "look at it; no tokens move.",
        **_closing(t),
    )
