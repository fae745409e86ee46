"""Looks for a text in payloads, as far as the person who looks may read them.

What everybody sees is searched as everybody sees it: emails and addresses are masked before a text
is compared, so that nobody finds a member by them. Replies are sealed and may hold vouchers; they
are opened for those alone who may reveal them, which leaves a line in the audit trail.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from guerdon.console.payloads import mask
from guerdon.db.pool import ReadTx
from guerdon.redemption.inquiry import reply_context
from guerdon.sealing import Sealer
from guerdon.transactions.model import Transaction
from guerdon.transactions.payloads import store


@dataclass(frozen=True, slots=True)
class Search:
    """A text, in any case of its letters; ``sealer`` opens replies, ``None`` leaves them shut."""

    text: str
    sealer: Sealer | None

    async def among(self, tx: ReadTx, found: Sequence[Transaction]) -> list[Transaction]:
        """Those of some transactions that have the text in a payload, in their order."""
        if not found:
            return []
        wanted = self.text.casefold()
        hits = {
            identifier
            for identifier, text in await store.holding(tx, found, self.text)
            if wanted in mask(text).casefold()
        }
        if self.sealer is not None:
            hits |= await self._answered(tx, self.sealer, found)
        return [t for t in found if t.transaction_id in hits]

    async def _answered(
        self, tx: ReadTx, sealer: Sealer, found: Sequence[Transaction]
    ) -> set[UUID]:
        wanted = self.text.casefold()
        hits = set()
        for row in await store.replies(tx, found):
            context = reply_context(row.transaction_id, row.part)
            if wanted in sealer.open(row.content, context).decode("utf-8", "replace").casefold():
                hits.add(row.transaction_id)
        return hits
