"""What is sealed at rest goes under another key; what it says stays the same."""

from collections.abc import Sequence

from guerdon.db.pool import Row, Tx
from guerdon.redemption.inquiry import reply_context
from guerdon.sealing import Sealer
from guerdon.transactions import store as transactions


async def replies(tx: Tx, slot: int, sealer: Sealer, rows: Sequence[Row]) -> int:
    """Seals some replies of a slot anew, as ``sealed_replies`` reads them; answers how many."""
    fresh = []
    for row in rows:
        content = sealer.sealed_anew(row.content, reply_context(row.transaction_id, row.part))
        if content is not None:
            fresh.append((row.transaction_id, row.part, content))
    return await transactions.reseal_replies(tx, slot, fresh) if fresh else 0
