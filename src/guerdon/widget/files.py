"""What browsers load: the widget's one module, its languages, and the page for frames.

The module is joined from its parts when the process starts: there is no build step, and what is
served is the source without its comments.
"""

import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response

from guerdon import ids
from guerdon.access import store as access
from guerdon.errors import GuerdonError, MethodNotAllowed, NotFound
from guerdon.web import problems, words
from guerdon.web.parts import Parts
from guerdon.widget import lean

_PARTS = ("ground.js", "words.js", "server.js", "redeeming.js", "views.js", "element.js")
# Pages of any site load these, as a module must be, with CORS; nothing in them is secret.
_OPEN = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
_FOR_GOOD = "public, max-age=31536000, immutable"
_A_WHILE = "public, max-age=300, stale-while-revalidate=86400"


def module() -> str:
    """The module as it is served."""
    style = lean.style(_source("style.css"))
    head = (
        f"const CSS={json.dumps(style)},VERSION={json.dumps(_version())},"
        'HOME=new URL("..",import.meta.url).href;'
    )
    return head + lean.script("".join(_source(name) for name in _PARTS))


def _source(name: str) -> str:
    folder = resources.files("guerdon.widget").joinpath("static")
    return folder.joinpath(name).read_text("utf-8")


def language(code: str) -> bytes:
    """The words of one language, as they are served."""
    return json.dumps(words.table(code), ensure_ascii=False, separators=(",", ":")).encode()


def _version() -> str:
    digest = hashlib.sha256(b"".join(language(code) for code in words.LANGUAGES))
    return digest.hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class _File:
    plain: bytes
    packed: bytes
    tag: str
    media_type: str
    caching: str


def _file(plain: bytes, media_type: str, caching: str) -> _File:
    tag = f'"{hashlib.sha256(plain).hexdigest()[:16]}"'
    return _File(plain, gzip.compress(plain, 9, mtime=0), tag, media_type, caching)


@cache
def _files() -> Mapping[str, _File]:
    script = "text/javascript; charset=utf-8"
    return {
        "/widget/v1.js": _file(module().encode(), script, _A_WHILE),
        "/widget/frame.js": _file(lean.script(_source("frame.js")).encode(), script, _A_WHILE),
    } | {
        f"/widget/lang/{code}.json": _file(language(code), "application/json", _FOR_GOOD)
        for code in words.LANGUAGES
    }


class Files:
    """Answers for what needs no token."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._files = _files()

    def has(self, path: str) -> bool:
        """Whether a path, without the base path, is answered here."""
        return path in self._files or path.startswith("/widget/lang/") or path == "/widget/frame"

    async def answer(self, request: Request, path: str) -> Response:
        """A file, or the page for frames."""
        try:
            if request.method not in ("GET", "HEAD"):
                raise MethodNotAllowed("This path answers GET.", allow="GET")
            if path == "/widget/frame":
                return await self._frame(request)
            if path not in self._files:
                raise NotFound("There is nothing at this path.")
        except GuerdonError as refusal:
            return problems.response(refusal, str(ids.random_id()))
        return _served(request, self._files[path])

    async def _frame(self, request: Request) -> Response:
        """Only pages that the namespace allows may frame it, and talk with it."""
        named = request.query_params.get("ns")
        async with self._parts.database.read() as tx:
            name = named if named is not None else await access.only_namespace(tx)
            found = None if name is None or "\x00" in name else await access.namespace(tx, name)
        if found is None:
            raise NotFound("There is no such namespace: say which with ?ns=.")
        origins = " ".join(found.allowed_origins)
        body = _FRAME.format(
            origins=escape(origins), script=f"{self._parts.base_path}/widget/v1.js"
        )
        policy = (
            "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' https:; "
            "style-src 'self'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors " + (origins or "'none'")
        )
        headers = {
            "Content-Security-Policy": policy,
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }
        return Response(body, headers=headers, media_type="text/html")


_FRAME = """<!doctype html>
<html data-origins="{origins}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<title>Rewards</title>
<script type="module" src="{base}/widget/v1.js"></script>
<script type="module" src="{base}/widget/frame.js"></script>
</head>
<body>
<main><guerdon-widget></guerdon-widget></main>
</body>
</html>
"""


def _served(request: Request, file: _File) -> Response:
    headers = {
        **_OPEN,
        "Cache-Control": file.caching,
        "ETag": file.tag,
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    if request.headers.get("if-none-match") == file.tag:
        return Response(status_code=304, headers=headers)
    body = file.plain
    if "gzip" in request.headers.get("accept-encoding", ""):
        body, headers["Content-Encoding"] = file.packed, "gzip"
    return Response(body, headers=headers, media_type=file.media_type)
