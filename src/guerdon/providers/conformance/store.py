"""The last conformance report of each provider in the database."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from guerdon.db.pool import ReadTx, Tx
from guerdon.db.sql import Queries
from guerdon.errors import InvalidRequest
from guerdon.providers.conformance import model
from guerdon.providers.conformance.model import Report, Scenario
from guerdon.providers.model import Provider

_Q = Queries("guerdon.providers.conformance")
# How far the clock of the machine that ran it may be ahead of the database's.
_AHEAD = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Kept:
    """A report as it is kept. ``overtaken_because``: why it counts no longer."""

    provider_id: UUID
    ran_at: datetime
    stored_at: datetime
    actor: str
    url: str
    dialect: str
    realistic: bool
    passed: bool
    scenarios: list[Scenario]
    overtaken_at: datetime | None
    overtaken_because: str | None

    @property
    def counts(self) -> bool:
        """Whether it is a pass, of the provider as it is now."""
        return self.passed and self.overtaken_at is None

    @property
    def count(self) -> dict[str, int]:
        """How many passed, failed and were left out."""
        return model.count(self.scenarios)


async def keep(tx: Tx, provider: Provider, report: Report, actor: str) -> bool:
    """Keeps a report as the provider's last; answers whether it is a pass.

    Raises ``InvalidRequest`` where it is about something else than the provider as it is now.
    """
    wrong = []
    if report.url != provider.webhook_url:
        wrong.append({"pointer": "/url", "detail": "must be the provider's webhookUrl"})
    if report.dialect != provider.dialect:
        wrong.append({"pointer": "/dialect", "detail": "must be the provider's dialect"})
    moments = await tx.first(_Q["changed_at"], {"provider_id": provider.provider_id})
    if report.ran_at.tzinfo is None:
        wrong.append({"pointer": "/ranAt", "detail": "must say its zone"})
    elif moments is not None and report.ran_at < moments.at:
        detail = "must be after the provider's last change: run it again"
        wrong.append({"pointer": "/ranAt", "detail": detail})
    elif moments is not None and report.ran_at > moments.now + _AHEAD:
        wrong.append({"pointer": "/ranAt", "detail": "must not be in the future"})
    if wrong:
        raise InvalidRequest("This report is not about the provider as it is now.", errors=wrong)
    kept = [model.bounded(one) for one in report.scenarios]
    passed = model.passed(kept)
    await tx.run(
        _Q["keep"],
        {
            "provider_id": provider.provider_id,
            "ran_at": report.ran_at,
            "actor": actor,
            "url": report.url,
            "dialect": report.dialect,
            "realistic": report.realistic,
            "passed": passed,
            "scenarios": msgspec.json.encode(kept).decode(),
        },
    )
    return passed


async def last(tx: ReadTx, provider_id: UUID) -> Kept | None:
    """The last report of a provider, if there ever was one."""
    row = await tx.first(_Q["last"], {"provider_id": provider_id})
    if row is None:
        return None
    scenarios = msgspec.json.decode(row.scenarios, type=list[Scenario])
    return Kept(**{**row._asdict(), "scenarios": scenarios})


async def overtake(tx: Tx, provider_id: UUID, because: str) -> None:
    """What was found out is about the past: ``because`` says in a sentence what changed."""
    await tx.run(_Q["overtake"], {"provider_id": provider_id, "because": because})
