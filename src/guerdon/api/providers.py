"""Providers: settings, secrets, test messages."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from starlette.responses import Response

from guerdon import clock, strict_json
from guerdon.access.principal import Scope
from guerdon.api.answers import ProviderMade, Rotated, Tested
from guerdon.db.pool import ReadTx
from guerdon.errors import NotFound, PreconditionFailed
from guerdon.fields import merge_patch
from guerdon.providers import model, store, trial
from guerdon.providers.model import Provider, Settings
from guerdon.web import lists
from guerdon.web.door import Call, answer
from guerdon.web.parts import Parts
from guerdon.web.routes import Route

_REALISTIC = (
    "The provider could not tell this message from a redemption, and may have given a reward."
)


class Rotate(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """How long the old secret stays valid beside the new one."""

    overlap_seconds: Annotated[int, msgspec.Meta(ge=0, le=30 * 86_400)] = 86_400


class Test(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """``realistic``: shaped like a redemption, for receivers that know nothing else."""

    realistic: bool = False


class Doors:
    """The handlers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def routes(self) -> list[Route]:
        """Their place in the table."""
        write: tuple[Scope, ...] = ("options",)
        return [
            Route(
                "GET",
                "/v1/providers",
                self.page,
                "List providers by name",
                write,
                answer=model.View,
                query=("limit", "cursor"),
            ),
            Route(
                "POST",
                "/v1/providers",
                self.create,
                "Create a provider; its secrets are shown this once",
                write,
                body=Settings,
                answer=ProviderMade,
                status=201,
                headers=("Location",),
                codes=("invalid-request",),
            ),
            Route(
                "GET",
                "/v1/providers/{id}",
                self.one,
                "One provider",
                write,
                headers=("ETag",),
                answer=model.View,
                codes=("not-found",),
            ),
            Route(
                "PATCH",
                "/v1/providers/{id}",
                self.change,
                "Change a provider (JSON Merge Patch)",
                write,
                body=dict[str, Any],
                headers=("ETag",),
                answer=model.View,
                codes=("not-found", "precondition-failed", "invalid-request"),
            ),
            Route(
                "POST",
                "/v1/providers/{id}/secrets/{kind}/rotate",
                self.rotate,
                "A fresh secret; the old one stays valid for the overlap",
                write,
                body=Rotate,
                answer=Rotated,
                bare=True,
                codes=("not-found",),
            ),
            Route(
                "POST",
                "/v1/providers/{id}/test",
                self.test,
                "Send a signed test message that moves no tokens",
                write,
                body=Test,
                answer=Tested,
                bare=True,
                codes=("not-found",),
            ),
        ]

    async def page(self, call: Call) -> Response:
        """A page of providers."""
        asked, after = lists.limit(call.query), lists.cursor(call.query)
        async with self._parts.database.read() as tx:
            found = await store.page(tx, self._parts.sealer, call.namespace, after or "", asked + 1)
        shown, last = lists.split(found, asked)
        items = [model.view(provider) for provider in shown]
        return answer(lists.page(items, None if last is None else last.name))

    async def create(self, call: Call) -> Response:
        """Stores it with three fresh secrets."""
        settings: Settings = call.body
        settings.vet(self._parts.allowed, test=call.who.test)
        async with self._parts.database.tx() as tx:
            made, secrets = await store.create(
                tx, self._parts.sealer, call.namespace, settings, test=call.who.test
            )
            await call.audit(tx, "provider.created", made, {"name": settings.name})
            provider = await self._load(tx, call.namespace, made)
        headers = {"Location": f"{self._parts.base_path}/v1/providers/{made}"}
        return answer(_shown(provider) | dict(secrets), 201, headers)

    async def one(self, call: Call) -> Response:
        """One provider, without its secrets."""
        async with self._parts.database.read() as tx:
            provider = await self._load(tx, call.namespace, _provider_id(call))
        return answer(model.view(provider), headers={"ETag": f'"{provider.version}"'})

    async def change(self, call: Call) -> Response:
        """The present settings under the patch. ``paused: false`` clears machines' pauses too."""
        async with self._parts.database.tx() as tx:
            before = await self._load(tx, call.namespace, _provider_id(call))
            version = if_match(call)
            if version is not None and version != before.version:
                raise PreconditionFailed("Another version stands.", version=before.version)
            merged = merge_patch(_settings(before), call.body)
            if isinstance(merged, dict) and call.body.get("authorizationHeader", "") is None:
                merged["authorizationHeader"] = None
            settings = strict_json.fit(merged, Settings)
            settings.vet(self._parts.allowed, test=call.who.test)
            await store.change(tx, self._parts.sealer, before, settings)
            if call.body.get("paused") is False:
                await store.clear_health(tx, before.provider_id)
            changed = sorted(call.body)
            await call.audit(tx, "provider.changed", before.provider_id, {"fields": changed})
            after = await self._load(tx, call.namespace, before.provider_id)
        return answer(model.view(after), headers={"ETag": f'"{after.version}"'})

    async def rotate(self, call: Call) -> Response:
        """The new secret, this once."""
        body: Rotate = call.body
        kind = next((k for k in model.SECRET_KINDS if k == call.parameters["kind"]), None)
        if kind is None:
            raise NotFound(f"A secret is one of {', '.join(model.SECRET_KINDS)}.")
        async with self._parts.database.tx() as tx:
            provider = await self._load(tx, call.namespace, _provider_id(call))
            secret, until = await store.rotate(
                tx, self._parts.sealer, provider.provider_id, kind, body.overlap_seconds
            )
            detail: dict[str, object] = {"kind": kind, "overlapSeconds": body.overlap_seconds}
            await call.audit(tx, "provider.rotated", provider.provider_id, detail)
        return answer({"secret": secret, "previousValidUntil": clock.rfc3339(until)})

    async def test(self, call: Call) -> Response:
        """Sends it, and answers the verdict, the rule, and what a redemption would become."""
        body: Test = call.body
        async with self._parts.database.read() as tx:
            provider = await self._load(tx, call.namespace, _provider_id(call))
        tried = await trial.send(
            self._parts.client, provider, trial.new_identifier(), realistic=body.realistic
        )
        return answer(
            {
                "request": msgspec.Raw(tried.sent),
                "durationMs": tried.duration_ms,
                "status": tried.status,
                "reply": tried.reply,
                "verdict": tried.judgement.evidence,
                "rule": tried.judgement.rule,
                "meaning": tried.judgement.sentence,
                "wouldBecome": tried.would_become,
                "warning": _REALISTIC if body.realistic else None,
            }
        )

    async def _load(self, tx: ReadTx, namespace: str, provider_id: UUID) -> Provider:
        return await store.own(tx, self._parts.sealer, namespace, provider_id)


def if_match(call: Call) -> int | None:
    """The version that ``If-Match`` names, or ``None``. What is no version matches none: 0."""
    given = call.request.headers.get("if-match")
    if given is None or given.strip() == "*":
        return None
    digits = given.strip().removeprefix("W/").strip('"')
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else 0


def _provider_id(call: Call) -> UUID:
    return lists.uuid_or(NotFound("There is no such provider."), call.parameters["id"])


def _shown(provider: Provider) -> dict[str, object]:
    shown: dict[str, object] = msgspec.to_builtins(model.view(provider))
    return shown


def _settings(provider: Provider) -> dict[str, object]:
    """The settings that a patch applies to; the Authorization value is not among them."""
    return {
        field.encode_name: getattr(provider, field.name)
        for field in msgspec.structs.fields(Settings)
        if field.name != "authorization_header"
    }
