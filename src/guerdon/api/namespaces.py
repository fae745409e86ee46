"""A namespace's own settings, and the public keys that member tokens are signed with."""

from typing import Any
from uuid import UUID

import msgspec
from starlette.responses import Response

from guerdon import strict_json
from guerdon.access import embedding, store
from guerdon.access.embedding import By, NewKey, Settings
from guerdon.access.principal import Scope
from guerdon.api.answers import MemberKeyAnswer, NamespaceAnswer
from guerdon.api.providers import if_match
from guerdon.clock import rfc3339
from guerdon.db.pool import Row
from guerdon.errors import NotFound, PreconditionFailed
from guerdon.fields import merge_patch
from guerdon.web import lists
from guerdon.web.door import Call, answer
from guerdon.web.parts import Parts
from guerdon.web.routes import Route


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
                headers=("ETag",),
                answer=NamespaceAnswer,
            ),
            Route(
                "PATCH",
                "/v1/namespace",
                self.change,
                "Change the namespace's settings (JSON Merge Patch)",
                scope,
                body=dict[str, Any],
                headers=("ETag",),
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
            merged = merge_patch(embedding.as_body(row), call.body)
            await embedding.change(tx, row, strict_json.fit(merged, Settings), _by(call))
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
        shown, last = lists.split(items, asked)
        return answer(lists.page(shown, None if last is None else last["id"]))

    async def add_key(self, call: Call) -> Response:
        """Registers it, if it is a public key of the algorithm it says."""
        body: NewKey = call.body
        async with self._parts.database.tx() as tx:
            made = await embedding.add_key(tx, call.namespace, body, _by(call))
            rows = await store.member_keys(tx, call.namespace)
        return answer(next(_key(row) for row in rows if row.member_key_id == made), 201)

    async def change_key(self, call: Call) -> Response:
        """At once, in every process: tokens are checked against what the database says."""
        identifier: UUID = lists.uuid_or(NotFound("There is no such key."), call.parameters["id"])
        body: ChangeKey = call.body
        async with self._parts.database.tx() as tx:
            await embedding.switch_key(
                tx, call.namespace, identifier, _by(call), disabled=body.disabled
            )
            rows = await store.member_keys(tx, call.namespace)
        return answer(next(_key(row) for row in rows if row.member_key_id == identifier))


def _by(call: Call) -> By:
    return By(call.who.actor, call.address)


def _answer(row: Row | None) -> Response:
    assert row is not None, "a key's namespace exists"
    shown: NamespaceAnswer = {
        "namespace": row.namespace,
        "tokenIssuer": row.token_issuer,
        "tokenAudience": row.token_audience,
        "allowedOrigins": row.allowed_origins,
        "limits": msgspec.to_builtins(embedding.limits_of(row)),
        "test": row.test,
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
