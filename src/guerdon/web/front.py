"""The front of the house: sends a request to the door that its path belongs to."""

from collections.abc import Sequence
from typing import Protocol

from starlette.types import ASGIApp, Receive, Scope, Send


class Site(Protocol):
    """A door that knows which paths are its own."""

    def serves(self, path: str) -> bool:
        """Whether a path, without the base path, belongs here."""
        ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        ...


class Front:
    """The whole web application: sites for people, and the API for everything else."""

    def __init__(self, sites: Sequence[Site], api: ASGIApp, base_path: str) -> None:
        self._sites = sites
        self._api = api
        self._base = base_path.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands the request on."""
        if scope["type"] == "http":
            path: str = scope["path"]
            below = path == self._base or path.startswith(self._base + "/")
            inside = path.removeprefix(self._base) or "/"
            whole = path if path != self._base else path + "/"
            for site in self._sites if below else ():
                if site.serves(inside):
                    await site({**scope, "root_path": self._base, "path": whole}, receive, send)
                    return
        await self._api(scope, receive, send)
