"""What a namespace asks of pages that embed its widget: which tokens, keys and origins it takes.

One rule for every door: the same vetting, the same lines in the audit trail.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from guerdon.access import store
from guerdon.db.pool import Row, Tx
from guerdon.errors import InvalidRequest, NotFound, PreconditionFailed
from guerdon.fields import PRINTABLE

Algorithm = Literal["RS256", "ES256", "EdDSA"]
ALGORITHMS: tuple[Algorithm, ...] = ("RS256", "ES256", "EdDSA")
# As browsers spell it: in small letters, with the port only where it is not the usual one.
_ORIGIN = re.compile(r"https?://([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
Short = Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=PRINTABLE)]


@dataclass(frozen=True, slots=True)
class By:
    """Who does it, for the audit trail."""

    actor: str
    address: str | None


class Limits(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """How many requests a minute each API key, and each member with a token, may send."""

    api_key_per_minute: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None
    # A widget asks a few times a minute; who asks four times a second is not one.
    member_per_minute: Annotated[int, msgspec.Meta(ge=10, le=100_000)] = 240


class Settings(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What a namespace asks of member tokens, where its widget may stand, how often who may ask."""

    token_issuer: Short | None = None
    token_audience: Short | None = None
    allowed_origins: Annotated[list[Short], msgspec.Meta(max_length=100)] = []
    limits: Limits = msgspec.field(default_factory=Limits)

    def vet(self) -> None:
        """``InvalidRequest`` where an origin is none that a browser would send."""
        detail = "must be an origin such as https://www.example.com"
        wrong = [
            {"pointer": f"/allowedOrigins/{number}", "detail": detail}
            for number, origin in enumerate(self.allowed_origins)
            if _ORIGIN.fullmatch(origin) is None
        ]
        if wrong:
            raise InvalidRequest("The namespace cannot be saved like this.", errors=wrong)


class NewKey(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A public key in PEM. ``kid``, where given, must be the tokens' own."""

    algorithm: Algorithm
    public_key: Annotated[str, msgspec.Meta(max_length=10_000)]
    kid: Short | None = None
    label: Annotated[str, msgspec.Meta(max_length=200, pattern=PRINTABLE)] = ""

    def vet(self) -> None:
        """``InvalidRequest`` where it is not a public key of the algorithm that it says."""
        detail = f"must be a PEM public key for {self.algorithm}"
        wrong = InvalidRequest(
            "This is not a public key of that algorithm.",
            errors=[{"pointer": "/publicKey", "detail": detail}],
        )
        try:
            key = load_pem_public_key(self.public_key.encode())
        except (ValueError, UnsupportedAlgorithm) as trouble:
            raise wrong from trouble
        fits = {
            "RS256": isinstance(key, RSAPublicKey) and key.key_size >= 2048,
            "ES256": isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1),
            "EdDSA": isinstance(key, Ed25519PublicKey),
        }
        if not fits[self.algorithm]:
            raise wrong


def limits_of(row: Row) -> Limits:
    """The limits of a namespace; what was never set has its default."""
    return msgspec.convert(row.limits, Limits)


def as_body(row: Row) -> dict[str, object]:
    """The settings of a namespace as a body spells them."""
    return {
        "tokenIssuer": row.token_issuer,
        "tokenAudience": row.token_audience,
        "allowedOrigins": row.allowed_origins,
        "limits": msgspec.to_builtins(limits_of(row)),
    }


async def change(tx: Tx, row: Row, settings: Settings, by: By) -> None:
    """Writes settings over those that were read as ``row``. Raises ``PreconditionFailed``."""
    settings.vet()
    saved = await store.change_namespace(
        tx,
        row.namespace,
        settings.token_issuer,
        settings.token_audience,
        settings.allowed_origins,
        msgspec.json.encode(settings.limits).decode(),
        row.version,
    )
    if not saved:
        raise PreconditionFailed("Somebody changed this meanwhile. Read it again.")
    before, after = as_body(row), msgspec.to_builtins(settings)
    changed: dict[str, object] = {
        name: {"before": before[name], "after": after[name]}
        for name in after
        if before[name] != after[name]
    }
    await _audit(tx, row.namespace, "namespace.changed", row.namespace, changed, by)


async def add_key(tx: Tx, namespace: str, new: NewKey, by: By) -> UUID:
    """Registers a public key; answers its ID."""
    new.vet()
    made = await store.add_member_key(
        tx, namespace, new.kid, new.algorithm, new.public_key, new.label
    )
    detail: dict[str, object] = {"algorithm": new.algorithm, "kid": new.kid, "label": new.label}
    await _audit(tx, namespace, "member-key.created", str(made), detail, by)
    return made


async def switch_key(
    tx: Tx, namespace: str, member_key_id: UUID, by: By, *, disabled: bool
) -> None:
    """Disables a key, or enables it again: at once in every process, for tokens are checked
    against what the database says."""
    if not await store.disable_member_key(tx, namespace, member_key_id, disabled=disabled):
        raise NotFound("There is no such key.")
    action = "member-key.disabled" if disabled else "member-key.enabled"
    await _audit(tx, namespace, action, str(member_key_id), {}, by)


async def _audit(
    tx: Tx, namespace: str, action: str, target: str, detail: dict[str, object], by: By
) -> None:
    await store.audit(
        tx,
        namespace=namespace,
        actor=by.actor,
        action=action,
        target=target,
        detail=detail,
        address=by.address,
    )
