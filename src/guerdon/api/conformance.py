"""The last conformance report of a provider: given by whoever ran it, and shown."""

from typing import Any, Literal, TypedDict

import msgspec
from starlette.responses import Response

from guerdon.access.principal import Scope
from guerdon.clock import rfc3339
from guerdon.errors import NotFound
from guerdon.providers import store as providers
from guerdon.providers.conformance import model, store
from guerdon.providers.conformance.model import Report
from guerdon.providers.conformance.store import Kept
from guerdon.web import lists
from guerdon.web.door import Call, answer
from guerdon.web.parts import Parts
from guerdon.web.routes import Route

_MISSING = "There is no such provider."


class ScenarioAnswer(TypedDict):
    """How one scenario went, and the row of the outcome table that decided it."""

    name: str
    title: str
    result: Literal["pass", "fail", "left-out"]
    detail: str
    row: dict[str, Any] | None


class ConformanceAnswer(TypedDict):
    """The last report. ``counts``: it is a pass, of the provider as it is now."""

    url: str
    dialect: str
    ranAt: str
    storedAt: str
    storedBy: str
    realistic: bool
    passed: bool
    counts: bool
    overtakenBecause: str | None
    scenarios: list[ScenarioAnswer]


class Doors:
    """The handlers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def routes(self) -> list[Route]:
        """Their place in the table."""
        scope: tuple[Scope, ...] = ("options",)
        path = "/v1/providers/{id}/conformance"
        return [
            Route(
                "GET",
                path,
                self.last,
                "The last conformance report of a provider",
                scope,
                answer=ConformanceAnswer,
                codes=("not-found",),
            ),
            Route(
                "POST",
                path,
                self.keep,
                "Keep what `guerdon conformance --json` printed as the provider's last report",
                scope,
                body=Report,
                answer=ConformanceAnswer,
                status=201,
                codes=("not-found", "invalid-request"),
            ),
        ]

    async def last(self, call: Call) -> Response:
        """What was found out, and whether it still counts."""
        return await self._answer(call, 200)

    async def keep(self, call: Call) -> Response:
        """It is the word of whoever holds the key; the audit trail says whose."""
        report: Report = call.body
        identifier = lists.uuid_or(NotFound(_MISSING), call.parameters["id"])
        async with self._parts.database.tx() as tx:
            provider = await providers.own(tx, self._parts.sealer, call.namespace, identifier)
            passed = await store.keep(tx, provider, report, call.who.actor)
            await call.audit(
                tx,
                "provider.conformance",
                identifier,
                {"passed": passed, **model.count(report.scenarios)},
            )
        return await self._answer(call, 201)

    async def _answer(self, call: Call, status: int) -> Response:
        identifier = lists.uuid_or(NotFound(_MISSING), call.parameters["id"])
        async with self._parts.database.read() as tx:
            await providers.own(tx, self._parts.sealer, call.namespace, identifier)
            kept = await store.last(tx, identifier)
        if kept is None:
            raise NotFound("There is no report about this provider yet.")
        return answer(_shown(kept), status)


def _shown(kept: Kept) -> ConformanceAnswer:
    return {
        "url": kept.url,
        "dialect": kept.dialect,
        "ranAt": rfc3339(kept.ran_at),
        "storedAt": rfc3339(kept.stored_at),
        "storedBy": kept.actor,
        "realistic": kept.realistic,
        "passed": kept.passed,
        "counts": kept.counts,
        "overtakenBecause": kept.overtaken_because,
        "scenarios": [
            {
                "name": one.name,
                "title": one.title,
                "result": one.result,
                "detail": one.detail,
                "row": None if one.row is None else msgspec.to_builtins(one.row),
            }
            for one in kept.scenarios
        ],
    }
