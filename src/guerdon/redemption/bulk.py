"""One row of many decisions: whether it may be decided as it was selected, and how it ended.

Each row is decided exactly as a single decision is, by ``settlement``.
"""

from guerdon.errors import NotOpen, SecondPersonRequired, Sending, TransactionNotFound
from guerdon.redemption import approval
from guerdon.redemption.news import Concluded, Told
from guerdon.redemption.settlement import Settlement
from guerdon.transactions.bulk.store import Begun, Ended, Job
from guerdon.transactions.model import Transaction
from guerdon.transactions.states import CLOSED, News, Status

NEWS = {"confirm": News.CONFIRM, "cancel": News.CANCEL}
_ENDS = {"confirm": Status.SUCCESS, "cancel": Status.FAILURE}
NAMES = {
    Status.PENDING: "Pending",
    Status.POSTPONED: "Postponed",
    Status.RECOVERABLE: "Recoverable failure",
    Status.SUCCESS: "Success",
    Status.FAILURE: "Failure",
}


def why_not(t: Transaction | None, events: int, second_person_from: int | None) -> str | None:
    """Why a selected transaction is left as it is; ``None``: it may be decided."""
    if t is None:
        return "It is not there any more."
    if t.status in CLOSED:
        return f"Already {NAMES[t.status]}."
    if t.status is Status.PENDING:
        return "Pending: the provider has not decided."
    if t.events != events:
        return f"Something happened since it was selected: it is {NAMES[t.status]} now."
    if approval.required(t.price, second_person_from):
        return f"From {second_person_from:,} tokens on a second person decides, one by one."
    return None


def done_before(job: Job, row: Begun, t: Transaction | None) -> Ended | None:
    """A row that was begun may have been decided by a process that could not write it down."""
    ours = (
        t is not None
        and t.status is _ENDS[job.verb]
        and t.closed_by == job.actor
        and t.closed_at is not None
        and t.closed_at >= row.begun_at
    )
    return _done(row, t) if ours and t is not None else None


async def decide(settlement: Settlement, job: Job, row: Begun) -> Ended:
    """Tells ``settlement``; a refusal is the row's outcome, in its own words."""
    assert job.actor is not None, "a job that is worked at was begun by somebody"
    told = Told(
        row.transaction_id,
        NEWS[job.verb],
        "operator",
        job.actor,
        namespace=job.namespace,
        reason=job.reason,
        address=job.address,
    )
    try:
        concluded: Concluded = await settlement.hear(told)
    except (NotOpen, Sending, SecondPersonRequired, TransactionNotFound) as refusal:
        return Ended(row.n, "failed", refusal.detail)
    return _done(row, concluded.transaction)


def _done(row: Begun, t: Transaction) -> Ended:
    moved = "redeemed" if t.status is Status.SUCCESS else "returned"
    return Ended(row.n, "done", f"{NAMES[t.status]}: {t.price:,} tokens {moved}.")
