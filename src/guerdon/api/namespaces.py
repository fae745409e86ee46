"""A namespace's own settings, and the public keys that member tokens are signed with."""

import re
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from starlette.responses import Response

from guerdon import strict_json
from guerdon.access import store
from guerdon.access.principal import Scope
from guerdon.api.answers import MemberKeyAnswer, NamespaceAnswer
from guerdon.api.providers import if_match
from guerdon.clock import rfc3339
from guerdon.db.pool import Row, Tx
from guerdon.errors import InvalidRequest, NotFound, PreconditionFailed
from guerdon.fields import PRINTABLE, merge_patch
from guerdon.web import lists
from guerdon.web.door import Call, answer
from guerdon.web.parts import Parts
from guerdon.web.routes import Route

# As browsers spell it: in small letters, with the port only where it is not the usual one.
_ORIGIN = re.compile(r"https?://([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
Short = Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=PRINTABLE)]


class Settings(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What a namespace asks of member tokens, and where its widget may stand."""

    token_issuer: Short | None = None
    token_audience: Short | None = None
    allowed_origins: Annotated[list[Short], msgspec.Meta(max_length=100)] = []


class NewKey(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A public key in PEM. ``kid``, where given, must be the tokens' own."""

    algorithm: Literal["RS256", "ES256", "EdDSA"]
    public_key: Annotated[str, msgspec.Meta(max_length=10_000)]
    kid: Short | None = None
    label: Annotated[str, msgspec.Meta(max_length=200, pattern=PRINTABLE)] = ""


class ChangeKey(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Disables a key at once, or enables it again."""

    disabled: bool


class Doors:
    """The handlers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def routes(self) -> list[Route]:
        """Their place in the table."""
        scope: tuple[Scope, ...] = ("options",)
        return [
            Route(
                "GET",
                "/v1/namespace",
                self.one,
                "This key's namespace",
                scope,
                answer=NamespaceAnswer,
            ),
            Route(
                "PATCH",
                "/v1/namespace",
                self.change,
                "Change the namespace's settings (JSON Merge Patch)",
                scope,
                body=dict[str, Any],
                answer=NamespaceAnswer,
                codes=("precondition-failed", "invalid-request"),
            ),
            Route(
                "GET",
                "/v1/member-keys",
                self.keys,
                "List public keys, oldest first",
                scope,
                answer=MemberKeyAnswer,
                query=("limit", "cursor"),
            ),
            Route(
                "POST",
                "/v1/member-keys",
                self.add_key,
                "Register a public key for member tokens",
                scope,
                body=NewKey,
                answer=MemberKeyAnswer,
                status=201,
                codes=("invalid-request",),
            ),
            Route(
                "PATCH",
                "/v1/member-keys/{id}",
                self.change_key,
                "Disable a public key at once, or enable it again",
                scope,
                body=ChangeKey,
                answer=MemberKeyAnswer,
                codes=("not-found",),
            ),
        ]

    async def one(self, call: Call) -> Response:
        """The settings."""
        async with self._parts.database.read() as tx:
            row = await store.namespace(tx, call.namespace)
        return _answer(row)

    async def change(self, call: Call) -> Response:
        """The present settings under the patch."""
        async with self._parts.database.tx() as tx:
            row = await store.namespace(tx, call.namespace)
            assert row is not None, "a key's namespace exists"
            version = if_match(call)
            if version is not None and version != row.version:
                raise PreconditionFailed("Another version stands.", version=row.version)
            present = {
                "tokenIssuer": row.token_issuer,
                "tokenAudience": row.token_audience,
                "allowedOrigins": row.allowed_origins,
            }
            settings = strict_json.fit(merge_patch(present, call.body), Settings)
            _vet_origins(settings.allowed_origins)
            saved = await store.change_namespace(
                tx,
                call.namespace,
                settings.token_issuer,
                settings.token_audience,
                settings.allowed_origins,
                row.version,
            )
            if not saved:
                raise PreconditionFailed("Somebody changed this meanwhile. Read it again.")
            await self._audit(tx, call, "namespace.changed", call.namespace)
            row = await store.namespace(tx, call.namespace)
        return _answer(row)

    async def keys(self, call: Call) -> Response:
        """A page of them; there are few, and none is ever removed."""
        asked, after = lists.limit(call.query), lists.cursor(call.query)
        async with self._parts.database.read() as tx:
            rows = await store.member_keys(tx, call.namespace)
        items = [_key(row) for row in rows]
        if after is not None:
            names = [item["id"] for item in items]
            if after not in names:
                raise lists.invalid("cursor", "is none of ours")
            items = items[names.index(after) + 1 :]
        shown = items[:asked]
        return answer(lists.page(shown, asked, str(shown[-1]["id"]) if shown else None))

    async def add_key(self, call: Call) -> Response:
        """Registers it, if it is a public key of the algorithm it says."""
        body: NewKey = call.body
        _vet_key(body)
        async with self._parts.database.tx() as tx:
            made = await store.add_member_key(
                tx, call.namespace, body.kid, body.algorithm, body.public_key, body.label
            )
            await self._audit(tx, call, "member-key.created", str(made))
            rows = await store.member_keys(tx, call.namespace)
        return answer(next(_key(row) for row in rows if row.member_key_id == made), 201)

    async def change_key(self, call: Call) -> Response:
        """At once, in every process: tokens are checked against what the database says."""
        missing = NotFound("There is no such key.")
        identifier: UUID = lists.uuid_or(missing, call.parameters["id"])
        body: ChangeKey = call.body
        async with self._parts.database.tx() as tx:
            if not await store.disable_member_key(
                tx, call.namespace, identifier, disabled=body.disabled
            ):
                raise missing
            action = "member-key.disabled" if body.disabled else "member-key.enabled"
            await self._audit(tx, call, action, str(identifier))
            rows = await store.member_keys(tx, call.namespace)
        return answer(next(_key(row) for row in rows if row.member_key_id == identifier))

    async def _audit(self, tx: Tx, call: Call, action: str, target: str) -> None:
        await store.audit(
            tx,
            namespace=call.namespace,
            actor=call.who.actor,
            action=action,
            target=target,
            detail={},
            address=call.address,
        )


def _answer(row: Row | None) -> Response:
    assert row is not None, "a key's namespace exists"
    shown: NamespaceAnswer = {
        "namespace": row.namespace,
        "tokenIssuer": row.token_issuer,
        "tokenAudience": row.token_audience,
        "allowedOrigins": row.allowed_origins,
        "version": row.version,
        "createdAt": rfc3339(row.created_at),
    }
    return answer(shown, headers={"ETag": f'"{row.version}"'})


def _key(row: Row) -> MemberKeyAnswer:
    return {
        "id": str(row.member_key_id),
        "kid": row.kid,
        "algorithm": row.algorithm,
        "publicKey": row.public_key,
        "label": row.label,
        "disabled": row.disabled_at is not None,
        "createdAt": rfc3339(row.created_at),
    }


def _vet_origins(origins: list[str]) -> None:
    wrong = []
    for number, origin in enumerate(origins):
        if _ORIGIN.fullmatch(origin) is None:
            detail = "must be an origin such as https://www.example.com"
            wrong.append({"pointer": f"/allowedOrigins/{number}", "detail": detail})
    if wrong:
        raise InvalidRequest("The namespace cannot be saved like this.", errors=wrong)


def _vet_key(body: NewKey) -> None:
    wrong = InvalidRequest(
        "This is not a public key of that algorithm.",
        errors=[
            {"pointer": "/publicKey", "detail": f"must be a PEM public key for {body.algorithm}"}
        ],
    )
    try:
        key = load_pem_public_key(body.public_key.encode())
    except (ValueError, UnsupportedAlgorithm) as trouble:
        raise wrong from trouble
    fits = {
        "RS256": isinstance(key, RSAPublicKey) and key.key_size >= 2048,
        "ES256": isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1),
        "EdDSA": isinstance(key, Ed25519PublicKey),
    }
    if not fits[body.algorithm]:
        raise wrong
