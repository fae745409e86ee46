"""A redemption that succeeded some time ago: the verbs, driven at a time that has passed.

IDs are led by time, so a transaction cannot be made older afterwards.
"""

from datetime import timedelta
from uuid import UUID

from guerdon import ids
from guerdon.db.pool import Database
from guerdon.errors import GuerdonError
from guerdon.providers import outcomes
from guerdon.providers.outcomes import Observation
from guerdon.redemption.issuance import body_hash, scope_hash
from guerdon.redemption.news import AttemptEnded
from guerdon.redemption.request import Request, RequestVerb
from guerdon.redemption.settlement import SettlementVerb

SLOTS = 2


async def redeemed_in_the_past(
    database: Database, namespace: str, option: str, provider_id: str, user_id: str, seconds: int
) -> None:
    """Accepted, sent and confirmed in one ``Tx``, all of it ``seconds`` ago."""
    slot = ids.bucket_of(namespace, user_id) % SLOTS
    request = Request(
        namespace,
        user_id,
        UUID(option),
        None,
        None,
        None,
        None,
        None,
        None,
        "api",
        "member",
        scope_hash(namespace, "api", "redemptions", user_id, str(ids.random_id())),
        body_hash(option),
    )
    async with database.batch() as tx:
        tx.at -= timedelta(seconds=seconds)
        verb = RequestVerb(ids.random_id(), None, lambda _work, _result: None)
        [accepted] = await verb.drive(tx, slot, [request])
        assert not isinstance(accepted, GuerdonError), accepted
        transaction_id = accepted.transaction.transaction_id
        seen = Observation(status=200)
        judgement = outcomes.classify(seen, "status-code", str(transaction_id))
        ended = AttemptEnded(
            transaction_id,
            UUID(provider_id),
            1,
            tx.at,
            1,
            200,
            judgement,
            False,
            "hold",
            "reply",
            None,
        )
        [concluded] = await SettlementVerb(lambda _heard, _result: None).drive(tx, slot, [ended])
        assert not isinstance(concluded, GuerdonError), concluded
        assert concluded.applied
