"""What is personal about closed transactions goes when its time has come. Money and history stay:
postings, events and attempts hold nothing personal, and nothing here may touch them."""

from datetime import timedelta

from guerdon import ids
from guerdon.access import store as access
from guerdon.db.pool import Row, Tx
from guerdon.transactions.retention import store as retention
from guerdon.transactions.retention.store import Terms

_TOLD_EVERY = timedelta(days=1)


async def forget(tx: Tx, namespace: str, limit: int) -> bool:
    """Looks at up to ``limit`` transactions of a programme, and at as many that were put down for
    now; answers whether more wait. Another process that is at it is left alone.

    The audit trail is told how many there were: once everything was looked at, and then once a day.
    """
    terms = await retention.take(tx, namespace)
    if terms is None or terms.days is None:
        return False
    days = terms.days
    below = ids.first_id_at(tx.at - timedelta(days=days.personal))
    new = await retention.walk(tx, namespace, terms.walked_to, below, limit)
    again = await retention.come_back(tx, namespace, limit)
    due: list[Row] = []
    early: list[Row] = []
    for row in (*again, *new):
        is_due = row.closed_at is not None and (
            days.due(row.closed_at, disputed=row.disputed) <= tx.at
        )
        (due if is_due else early).append(row)
    removed = await retention.remove(tx, due)
    await retention.later(tx, namespace, early, days)
    walked_to = new[-1].transaction_id if new else terms.walked_to
    await retention.note_done(tx, namespace, walked_to, removed)
    more = len(new) == limit or len(again) == limit
    if not more:
        await _tell(tx, namespace, terms, removed)
    return more


async def _tell(tx: Tx, namespace: str, terms: Terms, removed: int) -> None:
    count = terms.removed + removed - terms.told
    if not count or (terms.told_at is not None and tx.at - terms.told_at < _TOLD_EVERY):
        return
    assert terms.days is not None, "nothing is removed without a limit"
    await access.audit(
        tx,
        namespace=namespace,
        actor="system",
        action="retention.removed",
        target=namespace,
        detail={
            "transactions": count,
            "personalDays": terms.days.personal,
            "disputedDays": terms.days.disputed,
        },
        address=None,
    )
    await retention.note_told(tx, namespace)
