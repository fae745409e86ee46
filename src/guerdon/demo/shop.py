"""The demo's host site: a cinema that embeds the widget, and signs tokens for its members.

Whoever visits may choose whom to be, so this is for the demo alone and listens on the loopback.
"""

from collections.abc import Sequence
from html import escape
from importlib import resources
from pathlib import Path

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey

from guerdon import clock
from guerdon.demo.programme import Client

_LIFE_SECONDS = 15 * 60
_TYPES = {"shop.css": "text/css", "shop.js": "text/javascript"}


class Shop:
    """A site of its own, on another port than Guerdon: another origin, as hosts are.

    ``visiting`` are the members that somebody chose to be.
    """

    def __init__(self, port: int, guerdon_url: str, members: Sequence[str]) -> None:
        self.url = f"http://127.0.0.1:{port}/"
        self.visiting: set[str] = set()
        self._port = port
        self._guerdon = guerdon_url
        self._members = members
        self._key: ECKey | None = None
        self._runner: web.AppRunner | None = None

    async def open(self, client: Client, data: Path) -> None:
        """Registers its key, is allowed to embed the widget, and listens on the loopback."""
        self._key = await _key(client, data)
        status, settings = await client.call("GET", "/v1/namespace")
        origin = self.url.rstrip("/")
        if status == 200 and origin not in settings["allowedOrigins"]:
            origins = [*settings["allowedOrigins"], origin]
            await client.must("PATCH", "/v1/namespace", {"allowedOrigins": origins})
        application = web.Application()
        application.router.add_get("/", self._page)
        application.router.add_get("/{name}", _file)
        application.router.add_post("/token", self._token)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()

    async def close(self) -> None:
        """Stops listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _page(self, _request: web.Request) -> web.Response:
        members = "".join(f"<option>{escape(name)}</option>" for name in self._members)
        text = _read("index.html").replace("{members}", members)
        # What a strict host allows: its own things, and Guerdon's origin.
        policy = (
            f"default-src 'none'; style-src 'self'; script-src 'self' {self._guerdon}; "
            f"connect-src 'self' {self._guerdon}; img-src 'self' https: {self._guerdon}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return web.Response(
            text=text.replace("{guerdon}", self._guerdon),
            content_type="text/html",
            headers={"Content-Security-Policy": policy},
        )

    async def _token(self, request: web.Request) -> web.Response:
        """A real host would look at its own session here, and never at a parameter."""
        member = request.query.get("member")
        if member is None or member not in self._members:
            raise web.HTTPNotFound
        assert self._key is not None, "it listens once it has a key"
        now = clock.unix_seconds()
        claims = {"sub": member, "ns": "1", "iat": now, "exp": now + _LIFE_SECONDS}
        self.visiting.add(member)
        return web.Response(text=jwt.encode({"alg": "ES256"}, claims, self._key))


async def _file(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if name == "favicon.ico":
        return web.Response(status=204)
    if name not in _TYPES:
        raise web.HTTPNotFound
    return web.Response(text=_read(name), content_type=_TYPES[name])


def _read(name: str) -> str:
    return resources.files("guerdon.demo").joinpath("cinema", name).read_text("utf-8")


async def _key(client: Client, data: Path) -> ECKey:
    """The key that signs tokens: made once for a data directory, its public half registered."""
    path = data / "demo-member-key.pem"
    if path.exists():
        return ECKey.import_key(path.read_bytes())
    key = ECKey.generate_key("P-256")
    public = key.as_pem(private=False).decode()
    body = {"algorithm": "ES256", "publicKey": public, "label": "Harbour Lights Cinema"}
    await client.must("POST", "/v1/member-keys", body)
    path.touch(mode=0o600)
    path.write_bytes(key.as_pem(private=True))
    return key
