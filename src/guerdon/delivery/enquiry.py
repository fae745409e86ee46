"""Asks a provider's statusUrl what became of a transaction."""

from collections.abc import Mapping
from uuid import UUID

import structlog

from guerdon import clock
from guerdon.providers import envelope, outcomes
from guerdon.providers.client import ProviderClient
from guerdon.providers.model import Provider
from guerdon.redemption.news import Told
from guerdon.transactions.states import News

_NEWS: Mapping[str, News] = {"S": News.SUCCEEDED, "F": News.FAILED, "P": News.POSTPONED}
_log = structlog.get_logger("guerdon.enquiry")


async def enquire(client: ProviderClient, provider: Provider, transaction_id: UUID) -> Told | None:
    """The provider's word as news; ``None`` where it has no statusUrl, or settles nothing."""
    if provider.status_url is None:
        return None
    identifier = str(transaction_id)
    started = clock.monotonic()
    seen = await client.send(envelope.enquiry(provider, provider.status_url, identifier))
    answer = outcomes.enquiry_answer(seen, identifier)
    _log.info(
        "enquiry",
        transaction=identifier,
        provider=provider.name,
        http_status=seen.status,
        duration_ms=round((clock.monotonic() - started) * 1000),
        verdict=None if answer is None else answer.evidence,
    )
    if answer is None or answer.evidence not in _NEWS:
        return None
    return Told(
        transaction_id,
        _NEWS[answer.evidence],
        "inquiry",
        "provider",
        message=answer.message,
        reference=answer.reference,
    )
