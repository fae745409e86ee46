"""Providers: the outside systems that hand out rewards."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from guerdon.clock import rfc3339
from guerdon.errors import InvalidRequest
from guerdon.fields import PRINTABLE
from guerdon.providers import egress, sandbox
from guerdon.providers.egress import Network

SecretKind = Literal["secretKey", "signingSecret", "callbackSecret"]
SECRET_KINDS: tuple[SecretKind, ...] = ("secretKey", "signingSecret", "callbackSecret")

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=PRINTABLE)]
Url = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
HeaderValue = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]


class Settings(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What people set. ``authorization_header`` is write-only; ``None`` removes it."""

    name: Name
    webhook_url: Url
    authorization_header: HeaderValue | msgspec.UnsetType | None = msgspec.UNSET
    dialect: Literal["status-code", "json"] = "status-code"
    confirmation: Literal["reply", "callback"] = "reply"
    idempotent: bool = False
    bare4xx: Literal["hold", "refund"] = "hold"
    status_url: Url | None = None
    timeout_seconds: Annotated[int, msgspec.Meta(ge=2, le=30)] = 15
    max_in_flight: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 32
    rate_per_second: Annotated[int, msgspec.Meta(ge=1, le=100_000)] | None = None
    reuse_connections: bool = False
    paused: bool = False

    def vet(self, allowed: Sequence[Network], *, test: bool) -> None:
        """``InvalidRequest`` where a URL may not be dialled or the header cannot be sent. ``test``:
        of a test programme, which may have the provider that is built in."""
        wrong = []
        for field, url in (("webhookUrl", self.webhook_url), ("statusUrl", self.status_url)):
            if url is None:
                continue
            if sandbox.built_in(url):
                detail = sandbox.why_not(url, test=test)
                wrong += [] if detail is None else [{"pointer": f"/{field}", "detail": detail}]
                continue
            try:
                target = egress.target(url, allowed)
            except egress.Blocked as blocked:
                wrong.append({"pointer": f"/{field}", "detail": str(blocked)})
                continue
            if target.scheme == "http" and not allowed:
                detail = "must start with https://"
                wrong.append({"pointer": f"/{field}", "detail": detail})
        header = self.authorization_header
        if isinstance(header, str) and not (header.isascii() and header.isprintable()):
            wrong.append(
                {"pointer": "/authorizationHeader", "detail": "must be one printable ASCII line"}
            )
        if wrong:
            raise InvalidRequest("The provider cannot be saved like this.", errors=wrong)


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider with what delivery needs. Secrets are in the clear: never log one of these."""

    provider_id: UUID
    namespace: str
    test: bool
    name: str
    webhook_url: str
    authorization: str | None
    dialect: Literal["status-code", "json"]
    confirmation: Literal["reply", "callback"]
    idempotent: bool
    bare4xx: Literal["hold", "refund"]
    status_url: str | None
    timeout_seconds: int
    max_in_flight: int
    rate_per_second: int | None
    reuse_connections: bool
    paused: bool
    version: int
    created_at: datetime
    updated_at: datetime
    paused_because: str | None
    breaker: str
    probe_at: datetime | None
    not_found_streak: int
    secrets: dict[SecretKind, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Standing:
    """What accepting and sending must know of a provider, read in the same ``Tx``.

    ``blocked``: why no redemption is accepted (a sentence), and ``retry_after`` in seconds.
    ``waits``: a message must queue, because the breaker's probe is due or the provider asked to
    slow down. ``test``: its programme is a test one.
    """

    provider_id: UUID
    namespace: str
    blocked: str | None
    retry_after: int
    waits: bool
    timeout_seconds: int
    max_in_flight: int
    rate_per_second: int | None
    has_status_url: bool
    test: bool = False
    idempotent: bool = False


class View(msgspec.Struct, rename="camel"):
    """A provider as the API shows it."""

    id: UUID
    name: str
    webhook_url: str
    authorization_header_set: bool
    dialect: str
    confirmation: str
    idempotent: bool
    bare4xx: str
    status_url: str | None
    timeout_seconds: int
    max_in_flight: int
    rate_per_second: int | None
    reuse_connections: bool
    paused: bool
    paused_because: str | None
    breaker: str
    version: int
    created_at: str
    updated_at: str


def view(provider: Provider) -> View:
    """The public face of a provider: no secret in it."""
    return View(
        id=provider.provider_id,
        name=provider.name,
        webhook_url=provider.webhook_url,
        authorization_header_set=provider.authorization is not None,
        dialect=provider.dialect,
        confirmation=provider.confirmation,
        idempotent=provider.idempotent,
        bare4xx=provider.bare4xx,
        status_url=provider.status_url,
        timeout_seconds=provider.timeout_seconds,
        max_in_flight=provider.max_in_flight,
        rate_per_second=provider.rate_per_second,
        reuse_connections=provider.reuse_connections,
        paused=provider.paused,
        paused_because=provider.paused_because,
        breaker=provider.breaker,
        version=provider.version,
        created_at=rfc3339(provider.created_at),
        updated_at=rfc3339(provider.updated_at),
    )
