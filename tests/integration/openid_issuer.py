"""An OpenID issuer on the loopback: real HTTP, real signatures, and lies on request."""

import base64
import hashlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import BasicAuth, web
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from guerdon import clock, ids
from guerdon.config import OpenId

CLIENT_ID, CLIENT_SECRET = "guerdon-console", "a secret: of the client"


@dataclass
class Granted:
    """What a code stands for."""

    redirect_uri: str
    nonce: str
    challenge: str
    email: str


@dataclass
class OpenIdIssuer:
    """Signs in whoever ``email`` says, without asking."""

    url: str
    email: str = "ann@example.com"
    key: Any = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    algorithm: str = "RS256"
    signs_with: Any = None
    published: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    checks_challenge: bool = True
    down: bool = False
    asked: list[dict[str, str]] = field(default_factory=list)
    exchanged: list[dict[str, str]] = field(default_factory=list)
    granted: dict[str, Granted] = field(default_factory=dict)
    forged: Callable[[str], str] = str

    @property
    def settings(self) -> OpenId:
        return OpenId(self.url, CLIENT_ID, CLIENT_SECRET)

    async def discovery(self, _request: web.Request) -> web.Response:
        if self.down:
            return web.Response(status=502, text="gone")
        return web.json_response(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize?kept=yes",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [self.algorithm],
                **self.published,
            }
        )

    async def authorize(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        self.asked.append(asked)
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT_ID
        assert asked["code_challenge_method"] == "S256"
        assert set(asked["scope"].split()) == {"openid", "email"}
        code = ids.secret_bytes(12).hex()
        self.granted[code] = Granted(
            asked["redirect_uri"], asked["nonce"], asked["code_challenge"], self.email
        )
        query = urlencode({"code": code, "state": asked["state"]})
        raise web.HTTPFound(f"{asked['redirect_uri']}?{query}")

    async def token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.exchanged.append(form)
        if "client_secret" in form:
            client = form["client_id"], form["client_secret"]
        else:
            given = BasicAuth.decode(request.headers["Authorization"], "utf-8")
            client = given.login, given.password
        if client != (CLIENT_ID, CLIENT_SECRET):
            return web.json_response({"error": "invalid_client"}, status=401)
        known = self.granted.get(form["code"])
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            known is None
            or known.redirect_uri != form["redirect_uri"]
            or (self.checks_challenge and known.challenge != challenge)
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        del self.granted[form["code"]]
        answer = {"access_token": "opaque", "token_type": "Bearer", "id_token": self._signed(known)}
        return web.json_response(answer)

    def _signed(self, known: Granted) -> str:
        now = int(clock.now().timestamp())
        claims = {
            "iss": self.url,
            "sub": "248289761001",
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": known.nonce,
            "email": known.email,
            "email_verified": True,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": self.algorithm, "kid": "one"}
        key = self.signs_with or self.key
        return self.forged(jwt.encode(header, claims, key, algorithms=[self.algorithm]))

    async def keys(self, _request: web.Request) -> web.Response:
        other = OctKey.generate_key(256).as_dict()
        strange = {"kty": "OKP", "crv": "X448", "x": "AA", "kid": "strange"}
        unknown_curve = {"kty": "EC", "crv": "P-000", "x": "AA", "y": "AA"}
        known = KeySet([self.key]).as_dict(private=False)["keys"]
        return web.json_response({"keys": [other, strange, unknown_curve, *known]})


def elliptic() -> ECKey:
    """A key of another kind."""
    return ECKey.generate_key("P-256", {"kid": "one"})


@asynccontextmanager
async def issuing() -> AsyncIterator[OpenIdIssuer]:
    """The issuer at work on a free port."""
    listening = socket.create_server(("127.0.0.1", 0))
    issuer = OpenIdIssuer(f"http://127.0.0.1:{listening.getsockname()[1]}")
    application = web.Application()
    application.router.add_get("/.well-known/openid-configuration", issuer.discovery)
    application.router.add_get("/authorize", issuer.authorize)
    application.router.add_post("/token", issuer.token)
    application.router.add_get("/keys", issuer.keys)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    try:
        yield issuer
    finally:
        await runner.cleanup()
