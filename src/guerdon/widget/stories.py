"""A member's transactions as they are told: with titles, cases, and what was corrected."""

from collections.abc import Sequence
from typing import Any

from guerdon.db.pool import ReadTx
from guerdon.ledger import store as ledger
from guerdon.transactions.cases import store as cases
from guerdon.transactions.model import Transaction
from guerdon.widget import shown, titles


async def told(
    tx: ReadTx, slot: int, found: Sequence[Transaction], language: str | None
) -> list[dict[str, Any]]:
    """One member's transactions, in their order, in a language."""
    if not found:
        return []
    identifiers = [t.transaction_id for t in found]
    opened = await cases.of(tx, slot, identifiers)
    legs = await ledger.balances_around(tx, slot, identifiers)
    titled = await titles.of(tx, found, language)
    return [
        {
            **shown.transaction(t, titled.get(t.transaction_id)),
            "correction": shown.correction(t, legs),
            "case": case and case.complained_at and shown.case(case),
        }
        for t in found
        for case in [opened.get(t.transaction_id)]
    ]
