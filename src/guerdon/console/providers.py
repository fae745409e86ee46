"""Providers: how they are reached, how they fare, their secrets, and a test before it counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from starlette.responses import RedirectResponse, Response

from guerdon import ids, strict_json
from guerdon.access import trail
from guerdon.access.rules import store as rules
from guerdon.access.trail import Sought
from guerdon.console import payloads
from guerdon.console.pages import Pages
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.db.pool import ReadTx, Row
from guerdon.errors import GuerdonError, InvalidRequest, PreconditionFailed
from guerdon.outbox import store as outbox
from guerdon.providers import model, store, trial
from guerdon.providers.conformance import store as conformance
from guerdon.providers.conformance.store import Kept
from guerdon.providers.model import Provider, SecretKind, Settings
from guerdon.providers.trial import Trial
from guerdon.transactions.lists import pages as lists
from guerdon.web.parts import Parts

_LISTED, _LOOKED_AT, _COUNTED, _TROUBLES = 200, 5000, 10_000, 5
_SECRETS: Mapping[SecretKind, str] = {
    "signingSecret": "Signing secret: proves to them that a message is ours",
    "callbackSecret": "Callback secret: proves to us that a callback is theirs",
    "secretKey": "Secret key: for callbacks of the original product",
}
_WHOLE = ("timeoutSeconds", "maxInFlight", "ratePerSecond")
_TICKS = ("idempotent", "reuseConnections")
_TEXTS = ("name", "webhookUrl", "dialect", "confirmation", "bare4xx", "statusUrl")
_OVERLAPS = {"0": 0, "1 hour": 3600, "1 day": 86_400, "7 days": 604_800}


@dataclass(frozen=True, slots=True)
class Standing:
    """How a provider stands: what it is owed, what went wrong lately, who paused it, how many
    callbacks were refused, and what conformance last found out."""

    owed: Row | None
    troubles: list[Row]
    paused: Row | None
    refused: int
    proof: Kept | None
    proof_required: bool


@dataclass(frozen=True, slots=True)
class Tried:
    """A test message and, for the probe, the same one again."""

    first: Trial
    second: Trial | None
    sent: payloads.Payload


class Providers:
    """The handlers."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    def table(self) -> list[Page]:
        """Their place in the table."""
        one = "/providers/{id}"
        return [
            Page("GET", "/providers", self.page),
            Page("GET", "/providers/new", self.ask_new, "options"),
            Page("POST", "/providers/new", self.create, "options"),
            Page("GET", one, self.one, "options"),
            Page("POST", one, self.change, "options"),
            Page("POST", one + "/pause", self.pause, "options"),
            Page("POST", one + "/test", self.test, "options"),
            Page("POST", one + "/rotate", self.rotate, "options"),
        ]

    async def page(self, visit: Visit) -> Response:
        """The list, with how each fared in the last day."""
        start = ids.first_id_at(visit.now - timedelta(days=1))
        async with self._parts.database.read() as tx:
            found = await store.page(tx, self._parts.sealer, visit.namespace, "", _LISTED)
            health = await lists.health(tx, visit.namespace, start, _LOOKED_AT)
            identifiers = [one.provider_id for one in found]
            owed = await outbox.owed(tx, identifiers, _COUNTED)
            refused = await store.refused_callbacks(tx, identifiers)
        values = {
            "title": "Providers",
            "place": "/providers",
            "rows": [(one, health.get(one.provider_id)) for one in found],
            "owed": owed,
            "refused": refused,
        }
        return await self._pages.screen(visit, "providers.html", values)

    async def ask_new(self, visit: Visit) -> Response:
        """The form of a new one."""
        fresh = Settings(name="", webhook_url="https://")
        return await self._form(visit, _shown(fresh))

    async def create(self, visit: Visit) -> Response:
        """Stores it; its secrets are shown this once."""
        shown = _typed(visit)
        try:
            settings = self._settings(visit, _body(visit))
            async with self._parts.database.tx() as tx:
                made, secrets = await store.create(
                    tx, self._parts.sealer, visit.namespace, settings, test=visit.operator.test
                )
                detail = {"name": settings.name}
                await visit.audit(tx, "provider.created", made, detail)
                provider = await self._load(tx, visit, made)
        except InvalidRequest as wrong:
            return await self._form(visit, shown, wrong=wrong)
        return await self._form(visit, _shown_of(provider), provider=provider, secrets=secrets)

    async def one(self, visit: Visit) -> Response:
        """One provider."""
        provider = await self._read(visit)
        return await self._form(visit, _shown_of(provider), provider=provider)

    async def change(self, visit: Visit) -> Response:
        """New settings; an empty Authorization value leaves the one there is."""
        shown = _typed(visit)
        provider = await self._read(visit)
        try:
            body = _body(visit) | {"paused": provider.paused}
            if visit.field("forgetAuthorization"):
                body["authorizationHeader"] = None
            settings = self._settings(visit, body)
            if visit.integer("version", lowest=1, highest=2**31) != provider.version:
                raise PreconditionFailed("Somebody changed this provider meanwhile.")
            async with self._parts.database.tx() as tx:
                await store.change(tx, self._parts.sealer, provider, settings)
                fields: dict[str, Any] = {"fields": sorted(body)}
                await visit.audit(tx, "provider.changed", provider.provider_id, fields)
        except (InvalidRequest, PreconditionFailed) as wrong:
            return await self._form(visit, shown, provider=provider, wrong=wrong)
        return self._back(visit, provider, "saved")

    async def pause(self, visit: Visit) -> Response:
        """Pauses, or goes on: that clears what machines noticed as well."""
        provider = await self._read(visit)
        paused = visit.field("paused") == "yes"
        settings = self._settings(visit, settings_of(provider) | {"paused": paused})
        async with self._parts.database.tx() as tx:
            await store.change(tx, self._parts.sealer, provider, settings)
            if not paused:
                await store.clear_health(tx, provider.provider_id)
            action = "provider.paused" if paused else "provider.resumed"
            await visit.audit(tx, action, provider.provider_id)
        return self._back(visit, provider, "paused" if paused else "resumed")

    async def test(self, visit: Visit) -> Response:
        """Sends a test message, or the same one twice to see whether it is known again."""
        provider = await self._read(visit)
        realistic, twice = bool(visit.field("realistic")), visit.field("how") == "twice"
        identifier = trial.new_identifier()
        client = self._parts.client
        first = await trial.send(client, provider, identifier, realistic=realistic)
        second = None
        if twice:
            second = await trial.send(client, provider, identifier, realistic=realistic)
        async with self._parts.database.tx() as tx:
            detail: dict[str, Any] = {"realistic": realistic, "twice": twice}
            await visit.audit(tx, "provider.tested", provider.provider_id, detail)
        sent = payloads.payload(first.sent.decode(), revealed=True)
        tried = Tried(first, second, sent)
        return await self._form(visit, _shown_of(provider), provider=provider, tried=tried)

    async def rotate(self, visit: Visit) -> Response:
        """A fresh secret, shown this once; the old one stays valid for the overlap."""
        provider = await self._read(visit)
        kind = next((kind for kind in model.SECRET_KINDS if kind == visit.field("kind")), None)
        overlap = _OVERLAPS.get(visit.field("overlap"))
        if kind is None or overlap is None:
            raise InvalidRequest("Choose a secret, and how long the old one stays valid.")
        async with self._parts.database.tx() as tx:
            secret, _ = await store.rotate(
                tx, self._parts.sealer, provider.provider_id, kind, overlap
            )
            detail: dict[str, Any] = {"kind": kind, "overlapSeconds": overlap}
            await visit.audit(tx, "provider.rotated", provider.provider_id, detail)
        secrets = {kind: secret}
        return await self._form(visit, _shown_of(provider), provider=provider, secrets=secrets)

    async def _form(
        self,
        visit: Visit,
        shown: Mapping[str, Any],
        *,
        provider: Provider | None = None,
        wrong: GuerdonError | None = None,
        secrets: Mapping[SecretKind, str] | None = None,
        tried: Tried | None = None,
    ) -> Response:
        standing = None if provider is None else await self._standing(visit, provider)
        errors: Any = [] if wrong is None else wrong.facts.get("errors", [])
        values = {
            "title": "New provider" if provider is None else provider.name,
            "place": "/providers",
            "provider": provider,
            "standing": standing,
            "shown": shown,
            "wrong": wrong,
            "errors": {one["pointer"].removeprefix("/"): one["detail"] for one in errors},
            "secrets": secrets or {},
            "secret_names": _SECRETS,
            "overlaps": list(_OVERLAPS),
            "tried": tried,
            "done": visit.query("done"),
        }
        return await self._pages.screen(
            visit, "provider.html", values, status=200 if wrong is None else 422
        )

    async def _standing(self, visit: Visit, provider: Provider) -> Standing:
        start = ids.first_id_at(visit.now - timedelta(days=1))
        sought = Sought(
            visit.namespace,
            provider.created_at,
            visit.now + timedelta(minutes=1),
            action="provider.",
            target=str(provider.provider_id),
        )
        async with self._parts.database.read() as tx:
            owed = await outbox.owed(tx, [provider.provider_id], _COUNTED)
            troubles = await lists.troubles(
                tx, visit.namespace, provider.provider_id, start, _LOOKED_AT, most=_TROUBLES
            )
            lines = await trail.page(tx, sought, _LISTED) if provider.paused else []
            refused = await store.refused_callbacks(tx, [provider.provider_id])
            proof = await conformance.last(tx, provider.provider_id)
            required = await rules.conformance_required(tx, visit.namespace)
        paused = next((line for line in lines if _is_pause(line)), None)
        owes = owed.get(provider.provider_id)
        count = refused.get(provider.provider_id, 0)
        return Standing(owes, troubles, paused, count, proof, required)

    def _settings(self, visit: Visit, body: dict[str, Any]) -> Settings:
        settings: Settings = strict_json.fit(body, Settings)
        settings.vet(self._parts.allowed, test=visit.operator.test)
        return settings

    async def _read(self, visit: Visit) -> Provider:
        async with self._parts.database.read() as tx:
            return await self._load(tx, visit, visit.identifier("id"))

    async def _load(self, tx: ReadTx, visit: Visit, provider_id: UUID) -> Provider:
        return await store.own(tx, self._parts.sealer, visit.namespace, provider_id)

    @staticmethod
    def _back(visit: Visit, provider: Provider, done: str) -> Response:
        where = visit.url(f"/providers/{provider.provider_id}", {"done": done})
        return RedirectResponse(where, status_code=303)


def _is_pause(line: Row) -> bool:
    """Whether a line of the audit trail paused the provider: here, or over the API."""
    over_api = line.action == "provider.changed" and line.actor.startswith("key:")
    return line.action == "provider.paused" or (
        over_api and "paused" in line.detail.get("fields", [])
    )


def _shown(settings: Settings) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(settings)
    return {name: "" if value is None else value for name, value in shown.items()}


def settings_of(provider: Provider) -> dict[str, Any]:
    """What people set, as JSON; the Authorization value is not among it."""
    return {
        field.encode_name: getattr(provider, field.name)
        for field in msgspec.structs.fields(Settings)
        if field.name != "authorization_header"
    }


def _shown_of(provider: Provider) -> dict[str, Any]:
    return {k: "" if v is None else v for k, v in settings_of(provider).items()}


def _typed(visit: Visit) -> dict[str, Any]:
    shown: dict[str, Any] = {name: visit.field(name) for name in (*_TEXTS, *_WHOLE)}
    return shown | {name: bool(visit.field(name)) for name in _TICKS}


def _body(visit: Visit) -> dict[str, Any]:
    """What is typed as JSON; what is no number is handed on, to be refused in its place."""
    body: dict[str, Any] = {name: visit.field(name) for name in _TEXTS}
    body |= {name: bool(visit.field(name)) for name in _TICKS}
    body["statusUrl"] = body["statusUrl"] or None
    for name in _WHOLE:
        text = visit.field(name)
        short = text.isascii() and text.isdigit() and len(text) < 10
        body[name] = int(text) if short else (text or None)
    if visit.field("authorizationHeader"):
        body["authorizationHeader"] = visit.field("authorizationHeader")
    return body
