"""The table of routes: what is there, who may, what goes in and out.

Paths are matched on the raw request path (its bytes, read as Latin-1), segment by segment, and each
segment is decoded once: a userId may hold a ``/``. The OpenAPI document and the tests of
authorisation come from this table.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from starlette.responses import Response

from guerdon.access.principal import Scope
from guerdon.errors import MethodNotAllowed, NotFound

if TYPE_CHECKING:
    from guerdon.web.door import Call

Handler = Callable[["Call"], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """One route. ``scopes`` empty: no key is asked for. ``body``: the shape of the JSON that comes
    in; ``bare``: nothing at all stands for an empty object; ``query``: the parameters it knows;
    ``raw``: the handler reads the body itself; ``headers``: what its answer has of its own."""

    method: str
    path: str
    handler: Handler
    summary: str
    scopes: tuple[Scope, ...] = ()
    body: Any = None
    answer: Any = None
    status: int = 200
    query: tuple[str, ...] = ()
    keyed: bool = False
    bare: bool = False
    raw: bool = False
    codes: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    media_type: str = "application/json"
    body_type: str = "application/json"

    @property
    def segments(self) -> list[str]:
        return self.path.strip("/").split("/")


class Router:
    """Finds routes. Literal paths win over parameters where they know the method."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._exact: dict[str, dict[str, Route]] = {}
        self._patterns: list[tuple[list[str], dict[str, Route]]] = []
        for route in routes:
            if "{" not in route.path:
                self._exact.setdefault(route.path, {})[route.method] = route
                continue
            for segments, methods in self._patterns:
                if segments == route.segments:
                    methods[route.method] = route
                    break
            else:
                self._patterns.append((route.segments, {route.method: route}))

    def find(self, method: str, raw_path: str) -> tuple[Route, dict[str, str]]:
        """The route and its decoded path parameters; ``NotFound`` or ``MethodNotAllowed``."""
        methods, parameters = self._match(method, raw_path)
        route = methods.get(method) or (methods.get("GET") if method == "HEAD" else None)
        if route is None:
            allow = ", ".join(sorted(methods))
            raise MethodNotAllowed(f"This path answers {allow}.", allow=allow)
        return route, parameters

    def _match(self, method: str, raw_path: str) -> tuple[dict[str, Route], dict[str, str]]:
        """The methods at a path. A literal path may also be a member's: a userId can be "batch"."""
        exact = self._exact.get(raw_path, {})
        if method in exact:
            return exact, {}
        given = raw_path.removeprefix("/").split("/")
        for segments, methods in self._patterns:
            if len(segments) == len(given):
                parameters = _parameters(segments, given)
                if parameters is not None:
                    return methods | exact, parameters
        if not exact:
            raise NotFound("There is nothing at this path.")
        return exact, {}


def _parameters(segments: list[str], given: list[str]) -> dict[str, str] | None:
    found = {}
    for segment, part in zip(segments, given, strict=True):
        if segment.startswith("{"):
            try:
                found[segment[1:-1]] = unquote_to_bytes(part.encode("latin-1")).decode("utf-8")
            except UnicodeDecodeError as trouble:
                raise NotFound("The path is not UTF-8.") from trouble
        elif segment != part:
            return None
    return found
