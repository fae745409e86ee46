"""Runs of the conformance scenarios: at a URL, or at a provider of a database, which keeps it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from guerdon import clock
from guerdon.access import store as access
from guerdon.cli.database import Place, migrated
from guerdon.config import ConfigurationError
from guerdon.conformance import report
from guerdon.conformance.messages import Plan
from guerdon.conformance.report import Result
from guerdon.conformance.sender import ANYWHERE
from guerdon.db.pool import Database, ReadTx
from guerdon.providers import egress
from guerdon.providers import store as providers
from guerdon.providers.conformance import model
from guerdon.providers.conformance import store as conformance
from guerdon.providers.conformance.model import Report
from guerdon.providers.model import Provider
from guerdon.sealing import Sealer

Told = Callable[[Result], None]


class Run(msgspec.Struct, rename="camel"):
    """What ``--json`` prints, and ``POST /v1/providers/{id}/conformance`` takes."""

    url: str
    dialect: str
    ran_at: datetime
    realistic: bool
    passed: bool
    scenarios: list[Result]


async def played(plan: Plan, told: Told) -> Run:
    """All scenarios at an endpoint."""
    started = clock.now()
    try:
        results = await report.play(plan, told)
    except OSError as trouble:
        raise ConfigurationError(
            f"Nobody can listen at {plan.callback_url}: {trouble.strerror or trouble}."
        ) from trouble
    passed = not any(one.result == "fail" for one in results)
    return Run(plan.url, plan.dialect, started, plan.realistic, passed, results)


async def keeping_it(where: Place, named: str, asked: Plan, told: Told) -> Run:
    """The same at a provider with its own settings and secrets; the console shows how it went."""
    ready, _ = await migrated(where)
    async with ready.opened(4) as database:
        sealer = ready.sealer()
        async with database.read() as tx:
            provider = await _found(tx, sealer, named)
        plan = _plan_of(provider, asked)
        check(plan)
        run = await played(plan, told)
        await _keep(database, provider, run)
    return run


async def _found(tx: ReadTx, sealer: Sealer, named: str) -> Provider:
    try:
        known = [UUID(named)]
    except ValueError:
        known = await providers.named(tx, named)
    if len(known) > 1:
        raise ConfigurationError(f"Several programmes have a provider {named!r}: name its ID.")
    provider = await providers.load(tx, sealer, known[0]) if known else None
    if provider is None:
        raise ConfigurationError(f"There is no provider {named!r}.")
    return provider


def _plan_of(provider: Provider, asked: Plan) -> Plan:
    newest = {kind: secrets[0] if secrets else None for kind, secrets in provider.secrets.items()}
    return replace(
        asked,
        url=provider.webhook_url,
        dialect=provider.dialect,
        signing_secret=newest["signingSecret"],
        authorization=provider.authorization,
        callback_secret=newest["callbackSecret"],
        secret_key=newest["secretKey"],
        timeout_seconds=provider.timeout_seconds,
    )


async def _keep(database: Database, provider: Provider, run: Run) -> None:
    kept: Report = msgspec.convert(msgspec.to_builtins(run), Report)
    async with database.tx() as tx:
        await conformance.keep(tx, provider, kept, "command")
        await access.audit(
            tx,
            namespace=provider.namespace,
            actor="command",
            action="provider.conformance",
            target=str(provider.provider_id),
            detail={"passed": run.passed, **model.count(kept.scenarios)},
            address=None,
        )


def check(plan: Plan) -> None:
    """``ConfigurationError`` where it cannot be played."""
    try:
        egress.target(plan.url, ANYWHERE)
    except egress.Blocked as blocked:
        raise ConfigurationError(str(blocked)) from blocked
    if plan.callback_url is not None:
        try:
            parts = urlsplit(plan.callback_url)
            known = parts.scheme in ("http", "https") and bool(parts.hostname and parts.port)
        except ValueError:
            known = False
        if not known:
            raise ConfigurationError(
                "--callback-url names a host and a port, such as http://localhost:9000/callbacks."
            )
    if plan.authorization is not None and not (
        plan.authorization.isascii() and plan.authorization.isprintable()
    ):
        raise ConfigurationError("--authorization is one line of printable ASCII.")
    if not 1 <= plan.timeout_seconds <= 60:
        raise ConfigurationError("--timeout-seconds is 1 to 60.")
