"""A test message to a provider: signed, counted by nobody, moving no tokens."""

from dataclasses import dataclass

from guerdon import clock, ids
from guerdon.providers import envelope, outcomes, wire
from guerdon.providers.client import ProviderClient
from guerdon.providers.model import Provider
from guerdon.providers.outcomes import Judgement

_REPLY_SHOWN = 2000


@dataclass(frozen=True, slots=True)
class Trial:
    """What was sent, what came back, and what a redemption would become."""

    sent: bytes
    duration_ms: int
    status: int | None
    reply: str
    judgement: Judgement
    would_become: str


async def send(
    client: ProviderClient, provider: Provider, identifier: str, *, realistic: bool
) -> Trial:
    """Sends one; ``realistic``: shaped like a redemption, for receivers that know nothing else."""
    sent = wire.test_body(provider.namespace, identifier, realistic=realistic)
    started = clock.monotonic()
    seen = await client.send(envelope.post(provider, identifier, sent))
    judgement = outcomes.classify(seen, provider.dialect, identifier)
    return Trial(
        sent=sent,
        duration_ms=round((clock.monotonic() - started) * 1000),
        status=seen.status,
        reply=seen.body.decode("utf-8", "replace").replace("\x00", "")[:_REPLY_SHOWN],
        judgement=judgement,
        would_become=would_become(judgement, provider),
    )


def new_identifier() -> str:
    """An ID for a test message; sent twice, it shows whether the provider knows it again."""
    return str(ids.random_id())


def would_become(judgement: Judgement, provider: Provider) -> str:
    """The status that a first attempt with this judgement leads to, or that it is tried again."""
    decision = outcomes.decide(
        judgement,
        dirty=judgement.evidence == "U",
        idempotent=provider.idempotent,
        bare4xx=provider.bare4xx,
        confirmation=provider.confirmation,
        attempts_after_n=0,
        attempts_after_u=0,
    )
    if decision.retry_after is not None:
        return "pending, and tried again"
    words = {
        None: "pending, until the callback",
        "succeeded": "success",
        "failed": "failure",
        "postponed": "postponed",
        "unknown": "recoverable-failure",
    }
    return words[decision.news]
