"""Liveness, readiness, metrics, the OpenAPI document and its page."""

import hmac
from functools import cached_property
from importlib import resources
from typing import Any

import jinja2
from psycopg import Error as DatabaseError
from starlette.responses import Response

from guerdon import __version__, metrics
from guerdon.api import openapi
from guerdon.db import installation
from guerdon.errors import Unauthenticated, Unavailable
from guerdon.web.door import Call, answer
from guerdon.web.parts import Parts
from guerdon.web.routes import Route

_DOCS_POLICY = "default-src 'none'; style-src 'self'; frame-ancestors 'none'"


class Doors:
    """The handlers. ``describes`` is the whole table, once it is complete."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.describes: list[Route] = []
        folder = resources.files("guerdon.api")
        self._style = folder.joinpath("docs.css").read_bytes()
        self._template = folder.joinpath("docs.html").read_text("utf-8")

    def routes(self) -> list[Route]:
        """Their place in the table."""
        return [
            Route("GET", "/healthz", self.health, "Whether the process lives"),
            Route(
                "GET", "/readyz", self.ready, "Whether it can do its work", codes=("unavailable",)
            ),
            Route("GET", "/openapi.json", self.openapi, "This API as OpenAPI 3.1"),
            Route("GET", "/docs", self.docs, "This API to read", media_type="text/html"),
            Route("GET", "/docs.css", self.style, "How /docs looks", media_type="text/css"),
            Route(
                "GET",
                "/metrics",
                self.metrics,
                "Metrics for Prometheus, with the bearer token GUERDON_METRICS_TOKEN",
                media_type="text/plain",
                codes=("unauthenticated",),
            ),
        ]

    @cached_property
    def _document(self) -> dict[str, Any]:
        """Made when it is first asked for: a process starts without it."""
        return openapi.document(self.describes, self._parts.base_path)

    @cached_property
    def _page(self) -> bytes:
        environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
        return environment.from_string(self._template).render(document=self._document).encode()

    async def health(self, _call: Call) -> Response:
        """It answers, so it lives."""
        return answer({"status": "ok", "version": __version__})

    async def ready(self, _call: Call) -> Response:
        """It can read the database."""
        try:
            async with self._parts.database.read() as tx:
                await installation.slots(tx)
        except DatabaseError as trouble:
            raise Unavailable("The database does not answer.", retryAfter=1) from trouble
        return answer({"status": "ready"})

    async def openapi(self, _call: Call) -> Response:
        """The document."""
        return answer(self._document)

    async def docs(self, _call: Call) -> Response:
        """The page: no script, nothing from elsewhere."""
        headers = {"Content-Security-Policy": _DOCS_POLICY}
        return Response(self._page, media_type="text/html; charset=utf-8", headers=headers)

    async def style(self, _call: Call) -> Response:
        """Its style."""
        return Response(self._style, media_type="text/css; charset=utf-8")

    async def metrics(self, call: Call) -> Response:
        """Only for who brings the token; without one set, for nobody."""
        scheme, _, given = call.request.headers.get("authorization", "").partition(" ")
        token = self._parts.metrics_token
        if token is None or scheme.lower() != "bearer" or not _same(given, token):
            raise Unauthenticated("Metrics ask for the bearer token GUERDON_METRICS_TOKEN.")
        return Response(metrics.exposition(), media_type="text/plain; version=0.0.4")


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())
