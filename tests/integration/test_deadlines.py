"""Deadlines come from the version of the option that a transaction was made with."""

from datetime import timedelta

from tests.integration.programme import Programme, judged

from guerdon.db.pool import Database
from guerdon.options import store as options
from guerdon.sealing import Sealer
from guerdon.transactions.states import Status

POSTPONED = judged(status=201)


async def test_an_edit_does_not_change_the_deadline_of_what_was_made_before(
    database: Database, sealer: Sealer
) -> None:
    programme = await Programme.open(database, sealer)
    await programme.member("ann", 100)
    option = await programme.another_option(postponedDeadlineHours=48)
    before = await programme.redeem("ann", option)
    async with database.tx() as tx:
        patch = {"postponedDeadlineHours": 2}
        edited = await options.change(
            tx, "1", option.name, patch, if_match=None, author="an operator"
        )
    after = await programme.redeem("ann", edited)
    for transaction_id, hours in ((before, 48), (after, 2)):
        n = await programme.claim(transaction_id)
        await programme.hear(programme.ended(transaction_id, n, POSTPONED))
        made = await programme.transaction(transaction_id)
        assert made.status is Status.POSTPONED
        assert made.due_at is not None
        assert made.due_at - made.updated_at == timedelta(hours=hours)
