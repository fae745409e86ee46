"""The OpenAPI 3.1 document, made from the table of routes and msgspec's own JSON Schema."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from guerdon import __version__
from guerdon.web.problems import STATUS_BY_CODE, TYPE_PREFIX
from guerdon.web.routes import Route

_PARAMETER = re.compile(r"\{(\w+)\}")
_EVERYWHERE = ("malformed-request", "too-many-requests", "internal", "unavailable")
_ABOUT = """Redeem loyalty tokens for rewards; every token is accounted for.

Authenticate with `Authorization: Bearer <API key>`. Errors are problem documents (RFC 9457) whose
`type` ends in a stable code. Lists are `{"items": […], "nextCursor": "…" | null}`. POSTs that ask
for an `Idempotency-Key` happen once for each key, however often they are sent."""

_PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail", "requestId"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "requestId": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
# What answers carry in their heads; problems carry the first four where they say so.
_HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-Id": {
        "description": "Names this answer in the logs; a problem document has it as `requestId`.",
        "schema": {"type": "string", "format": "uuid"},
    },
    "Retry-After": {
        "description": "Seconds until it may be tried again.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {
        "description": "How to authenticate.",
        "schema": {"type": "string", "const": "Bearer"},
    },
    "Idempotent-Replayed": {
        "description": "The key came before, and this is its first answer again.",
        "schema": {"type": "string", "const": "true"},
    },
    "Location": {
        "description": "Where what was made is.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "ETag": {
        "description": "The version, quoted; `If-Match` takes it.",
        "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
    },
}
_OF_PROBLEMS: dict[int, tuple[str, ...]] = {
    401: ("WWW-Authenticate",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}


def document(routes: Sequence[Route], base_path: str) -> dict[str, Any]:
    """The whole document."""
    shapes = [r.body for r in routes if _is_struct(r.body)]
    shapes += [r.answer for r in routes if r.answer is not None]
    unique = list(dict.fromkeys(shapes))
    found, components = msgspec.json.schema_components(
        unique, ref_template="#/components/schemas/{name}"
    )
    schemas = dict(zip(unique, found, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Guerdon", "version": __version__, "description": _ABOUT},
        "servers": [{"url": base_path.rstrip("/") or "/"}],
        "paths": paths,
        "components": {
            "schemas": {**components, "Problem": _PROBLEM},
            "headers": _HEADERS,
            "securitySchemes": {"apiKey": {"type": "http", "scheme": "bearer"}},
        },
    }


def _is_struct(shape: Any) -> bool:
    return isinstance(shape, type) and issubclass(shape, msgspec.Struct)


def _operation(route: Route, schemas: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "tags": [route.segments[1] if len(route.segments) > 1 else "system"],
        "parameters": _parameters(route),
        "responses": _responses(route, schemas),
    }
    if route.scopes:
        operation["security"] = [{"apiKey": []}]
        operation["description"] = f"Scope: {' or '.join(f'`{s}`' for s in route.scopes)}."
    if route.body is not None:
        schema = schemas.get(route.body, {"type": "object"})
        if route.body is bytes:
            schema = {"type": "string"}
        operation["requestBody"] = {
            "required": not route.bare,
            "content": {route.body_type: {"schema": schema}},
        }
    return operation


def _operation_id(route: Route) -> str:
    words = re.sub(r"[^A-Za-z0-9]+", " ", route.path).split()
    return route.method.lower() + "".join(word[:1].upper() + word[1:] for word in words)


def _parameters(route: Route) -> list[dict[str, Any]]:
    text = {"type": "string"}
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {**text, "minLength": 1}}
        for name in _PARAMETER.findall(route.path)
    ]
    if route.keyed:
        key = {**text, "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"}
        found.append({"name": "Idempotency-Key", "in": "header", "required": True, "schema": key})
    if "precondition-failed" in route.codes:
        about = "The version that is to be changed, as `ETag` told it."
        found.append({"name": "If-Match", "in": "header", "description": about, "schema": text})
    for name in route.query:
        schema: dict[str, Any] = dict(text)
        if name == "limit":
            schema = {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}
        elif name in ("createdFrom", "createdTo"):
            schema["format"] = "date-time"
        elif name in ("status", "option", "userId"):
            schema = {"type": "array", "items": text}
        found.append({"name": name, "in": "query", "schema": schema})
    return found


def _responses(route: Route, schemas: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    schema: dict[str, Any] = schemas.get(route.answer, {})
    if "limit" in route.query:
        schema = {
            "type": "object",
            "required": ["items", "nextCursor"],
            "properties": {
                "items": {"type": "array", "items": schema},
                "nextCursor": {"type": ["string", "null"]},
            },
        }
    replayed = ("Idempotent-Replayed",) if route.keyed else ()
    done = {"description": "Done.", "headers": _headers(*route.headers, *replayed)}
    answers: dict[str, Any] = {str(route.status): done}
    if route.status != 204:
        answers[str(route.status)]["content"] = {route.media_type: {"schema": schema}}
    if route.method == "PUT":
        answers["201"] = {**answers["200"], "description": "Created."}
    by_status: dict[int, list[str]] = {}
    for code in (*route.codes, *_always(route)):
        by_status.setdefault(STATUS_BY_CODE[code], []).append(code)
    for status, codes in sorted(by_status.items()):
        links = ", ".join(f"`{TYPE_PREFIX}{code}`" for code in dict.fromkeys(codes))
        answers[str(status)] = {
            "description": links,
            "headers": _headers(*_OF_PROBLEMS.get(status, ())),
            "content": {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            },
        }
    return answers


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id", *names)}


def _always(route: Route) -> list[str]:
    codes = [*_EVERYWHERE, "invalid-request"]
    if route.scopes:
        codes += ["unauthenticated", "not-permitted"]
    if route.body is not None:
        codes += ["too-large", "unsupported-media-type"]
    if "{" in route.path:
        codes.append("not-found")
    return codes
