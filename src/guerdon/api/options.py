"""Options: the catalogue as operators define it."""

from typing import Any
from uuid import UUID

from starlette.responses import Response

from guerdon.access.principal import Scope
from guerdon.api.answers import OptionAnswer
from guerdon.api.providers import if_match
from guerdon.errors import OptionNotFound
from guerdon.options import definition, model, store
from guerdon.redemption import curation
from guerdon.redemption.curation import Curator
from guerdon.web import lists
from guerdon.web.door import Call, answer
from guerdon.web.parts import Parts
from guerdon.web.routes import Route


class Doors:
    """The handlers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def routes(self) -> list[Route]:
        """Their place in the table."""
        read: tuple[Scope, ...] = ("read", "options")
        write: tuple[Scope, ...] = ("options",)
        gone = ("option-not-found",)
        return [
            Route(
                "GET",
                "/v1/options",
                self.page,
                "List options in the order they are shown; ?archived=true lists the archived",
                read,
                answer=OptionAnswer,
                query=("limit", "cursor", "archived"),
            ),
            Route(
                "POST",
                "/v1/options",
                self.create,
                "Create an option",
                write,
                body=dict[str, Any],
                answer=OptionAnswer,
                status=201,
                headers=("Location", "ETag"),
                codes=("invalid-request", "conformance-required"),
            ),
            Route(
                "GET",
                "/v1/options/{name}",
                self.one,
                "One option",
                read,
                headers=("ETag",),
                answer=OptionAnswer,
                codes=gone,
            ),
            Route(
                "PATCH",
                "/v1/options/{name}",
                self.change,
                "Make the next version of an option (JSON Merge Patch)",
                write,
                body=dict[str, Any],
                headers=("ETag",),
                answer=OptionAnswer,
                codes=(*gone, "conformance-required", "precondition-failed", "invalid-request"),
            ),
            Route(
                "DELETE",
                "/v1/options/{name}",
                self.archive,
                "Archive an option; open transactions continue",
                write,
                headers=("ETag",),
                answer=OptionAnswer,
                codes=(*gone, "precondition-failed"),
            ),
        ]

    async def page(self, call: Call) -> Response:
        """A page of the catalogue."""
        asked = lists.limit(call.query)
        archived = lists.single(call.query, "archived") or "false"
        if archived not in ("true", "false"):
            raise lists.invalid("archived", "must be true or false")
        after = _after(call.query)
        async with self._parts.database.read() as tx:
            found = await store.page(
                tx, call.namespace, archived=archived == "true", limit=asked + 1, after=after
            )
            shown, last = lists.split(found, asked)
            usage = await store.usage(tx, shown)
        items = [model.to_wire(option, usage[option.namespace, option.name]) for option in shown]
        return answer(lists.page(items, None if last is None else f"{last.order}|{last.name}"))

    async def create(self, call: Call) -> Response:
        """Stores the first version."""
        async with self._parts.database.tx() as tx:
            option = await curation.create(tx, self._parts.slots, _curator(call), call.body)
        headers = {"Location": f"{self._parts.base_path}/v1/options/{option.name}"}
        return await self._answer(call, option.name, 201, headers)

    async def one(self, call: Call) -> Response:
        """One option as it stands."""
        return await self._answer(call, _name(call))

    async def change(self, call: Call) -> Response:
        """The next version."""
        name, version = _name(call), if_match(call)
        async with self._parts.database.tx() as tx:
            await curation.change(tx, _curator(call), name, call.body, if_match=version)
        return await self._answer(call, name)

    async def archive(self, call: Call) -> Response:
        """Out of the catalogue."""
        name, version = _name(call), if_match(call)
        async with self._parts.database.tx() as tx:
            await curation.archive(tx, _curator(call), name, if_match=version)
        return await self._answer(call, name)

    async def _answer(
        self, call: Call, name: UUID, status: int = 200, headers: dict[str, str] | None = None
    ) -> Response:
        async with self._parts.database.read() as tx:
            option = await store.get(tx, call.namespace, name)
            usage = await store.usage(tx, [option])
        shown = model.to_wire(option, usage[option.namespace, option.name])
        return answer(shown, status, {"ETag": f'"{option.version}"', **(headers or {})})


def _curator(call: Call) -> Curator:
    return Curator(call.namespace, call.who.actor, call.address)


def _name(call: Call) -> UUID:
    missing = OptionNotFound("There is no such option.")
    return lists.uuid_or(missing, call.parameters["name"])


def _after(query: lists.Query) -> tuple[int, UUID] | None:
    said = lists.cursor(query)
    if said is None:
        return None
    wrong = lists.invalid("cursor", "is none of ours")
    order, _, name = said.partition("|")
    if not (order.removeprefix("-").isdigit() and order.isascii() and len(order) < 12):
        raise wrong
    if abs(int(order)) > definition.LARGEST_ORDER:
        raise wrong
    return int(order), lists.uuid_or(wrong, name)
