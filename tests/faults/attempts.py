"""Single attempts of the client, without a redemption around them."""

from guerdon.providers import outcomes
from guerdon.providers.client import Outbound
from guerdon.providers.outcomes import Dialect, Judgement, Observation

TRANSACTION = "0192f0c1-2b3c-8abc-8def-000000000001"
BODY = b'{"transactionId": "%s"}' % TRANSACTION.encode()


def outbound(url: str, *, seconds: float = 20, reuse: bool = False) -> Outbound:
    """The POST of a message to ``url``."""
    return Outbound("POST", url, {"Content-Type": "application/json"}, BODY, seconds, reuse)


def judged(seen: Observation, dialect: Dialect = "json") -> Judgement:
    """What an observation means."""
    return outcomes.classify(seen, dialect, TRANSACTION)
