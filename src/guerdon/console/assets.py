"""The console's own files: scripts, style, icons. Served from memory under a name that changes
with their content, so that browsers keep them for good. What only people need, comments on lines of
their own and indentation, is left out."""

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response

from guerdon.errors import NotFound

_TYPES: Mapping[str, str] = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_FOR_PEOPLE = re.compile(rb"^[ \t]*(?://.*\n)?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Asset:
    plain: bytes
    packed: bytes
    media_type: str


class Assets:
    """Every file of ``static/``; ``version`` is a hash over them all."""

    def __init__(self) -> None:
        folder = resources.files("guerdon.console").joinpath("static")
        self._files: dict[str, _Asset] = {}
        digest = hashlib.sha256()
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
            media_type = _TYPES.get(entry.name.rpartition(".")[2])
            if media_type is not None:
                plain = served(entry.name)
                digest.update(entry.name.encode() + plain)
                packed = gzip.compress(plain, 9, mtime=0)
                self._files[entry.name] = _Asset(plain, packed, media_type)
        self.version = digest.hexdigest()[:12]

    def answer(self, request: Request, name: str) -> Response:
        """One file."""
        asset = self._files.get(name)
        if asset is None:
            raise NotFound("There is nothing at this address.")
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}
        return packed(request, asset.plain, asset.media_type, headers, asset.packed)


def served(name: str) -> bytes:
    """A file as browsers get it; what others made stays as it is."""
    source = resources.files("guerdon.console").joinpath("static", name).read_bytes()
    return source if ".min." in name else _FOR_PEOPLE.sub(b"", source)


def packed(
    request: Request,
    body: bytes,
    media_type: str,
    headers: Mapping[str, str],
    compressed: bytes | None = None,
    status: int = 200,
) -> Response:
    """A body, compressed where the browser takes that and it pays."""
    sent = {"Vary": "Accept-Encoding", **headers}
    accepted = request.headers.get("accept-encoding", "")
    if "gzip" in accepted and len(body) > 600:
        body = gzip.compress(body, 5, mtime=0) if compressed is None else compressed
        sent["Content-Encoding"] = "gzip"
    return Response(body, status_code=status, headers=sent, media_type=media_type)
