"""OpenID Connect, the part that can be thought without a network: what is asked of the issuer, and
what of its answers is believed.

    browser ─▶ issuer's page ─▶ back with a code ─▶ code + PKCE verifier for an ID token
    ─▶ signature, issuer, audience, times, nonce ─▶ a verified email

State, nonce and verifier are derived from one secret that only the browser's cookie holds: a code
that comes back to another browser is of no use there.
"""

import base64
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from authlib.oauth2 import ClientAuth, OAuth2Error
from authlib.oauth2.rfc6749.parameters import (
    parse_authorization_code_response,
    prepare_grant_uri,
    prepare_token_request,
)
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from guerdon import config, ids
from guerdon.config import OpenId

_ALGORITHMS = [f"{kind}{size}" for kind in ("RS", "PS", "ES") for size in (256, 384, 512)]
_KEY_TYPES: Mapping[object, type[RSAKey] | type[ECKey]] = {"RSA": RSAKey, "EC": ECKey}
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_SKEW_SECONDS = 60
# joserfc looks names of curves and fields up in tables of its own.
_NOT_ITS = (JoseError, ValueError, TypeError, KeyError)


class NotBelieved(Exception):
    """What came from the issuer, or in its name, is not believed; the text says why."""


@dataclass(frozen=True, slots=True)
class Browser:
    """One browser on its way to the issuer and back: ``secret`` is what its cookie holds."""

    secret: str

    @classmethod
    def fresh(cls) -> "Browser":
        """A new one."""
        return cls(_spelt(ids.secret_bytes(32)))

    @classmethod
    def known(cls, secret: str) -> "Browser | None":
        """The one that a cookie speaks of."""
        return cls(secret) if _SECRET.fullmatch(secret) else None

    @property
    def state(self) -> str:
        return self._derived(b"state")

    @property
    def nonce(self) -> str:
        return self._derived(b"nonce")

    @property
    def verifier(self) -> str:
        return self._derived(b"verifier")

    def _derived(self, name: bytes) -> str:
        return _spelt(hmac.digest(self.secret.encode(), name, "sha256"))


def _spelt(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the issuer publishes of itself."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    auth_method: str
    names_itself: bool


def discovery_url(settings: OpenId) -> str:
    """Where an issuer publishes what it is."""
    return settings.issuer.rstrip("/") + "/.well-known/openid-configuration"


def metadata(settings: OpenId, document: Mapping[str, Any]) -> Metadata:
    """Reads what was published. ``NotBelieved`` where it speaks for another issuer, or would have
    secrets sent in the clear."""
    if document.get("issuer") != settings.issuer:
        raise NotBelieved(f"The document is of another issuer: {document.get('issuer')!r}.")
    found = {}
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        url = document.get(name)
        if not isinstance(url, str) or not config.safe_to_ask(url):
            raise NotBelieved(f"The issuer's {name} is not an https URL.")
        found[name] = url
    methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    basic = not isinstance(methods, list) or "client_secret_basic" in methods
    return Metadata(
        **found,
        auth_method="client_secret_basic" if basic else "client_secret_post",
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
    )


def authorization_url(
    settings: OpenId, known: Metadata, browser: Browser, redirect_uri: str
) -> str:
    """Where the browser is sent."""
    return str(
        prepare_grant_uri(
            known.authorization_endpoint,
            settings.client_id,
            "code",
            redirect_uri,
            ["openid", "email"],
            browser.state,
            nonce=browser.nonce,
            code_challenge=create_s256_code_challenge(browser.verifier),
            code_challenge_method="S256",
        )
    )


def code_in(settings: OpenId, known: Metadata, browser: Browser, url: str) -> str:
    """The code that a browser came back with, if it is the browser that was sent."""
    try:
        given = parse_authorization_code_response(url, browser.state)
    except OAuth2Error as trouble:
        raise NotBelieved(f"The browser came back with {trouble.error}.") from trouble
    named = given.get("iss", None if known.names_itself else settings.issuer)
    if named != settings.issuer:
        raise NotBelieved(f"The code is from another issuer: {named!r}.")
    return str(given["code"])


def token_request(
    settings: OpenId, known: Metadata, browser: Browser, code: str, redirect_uri: str
) -> tuple[dict[str, str], bytes]:
    """The headers and body that turn a code into an ID token."""
    body = prepare_token_request(
        "authorization_code", "", redirect_uri, code=code, code_verifier=browser.verifier
    )
    client = ClientAuth(settings.client_id, settings.client_secret, known.auth_method)
    plain = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    _, headers, signed = client.prepare("POST", known.token_endpoint, plain, body)
    return dict(headers), signed.encode()


def verified_email(
    settings: OpenId,
    browser: Browser,
    answer: Mapping[str, Any],
    jwks: Mapping[str, Any],
    now: int,
) -> str:
    """The email of an ID token that is genuine, for us, from this sign-in, and of now."""
    text = answer.get("id_token")
    if not isinstance(text, str):
        raise NotBelieved("The issuer's answer has no id_token.")
    token = _opened(text, jwks.get("keys"))
    claims = CodeIDToken(
        token.claims,
        token.header,
        options={
            "iss": {"essential": True, "value": settings.issuer},
            "aud": {"essential": True, "value": settings.client_id},
        },
        params={
            "nonce": browser.nonce,
            "client_id": settings.client_id,
            "access_token": answer.get("access_token"),
        },
    )
    try:
        claims.validate(now, _SKEW_SECONDS)
    except (JoseError, TypeError, ValueError) as trouble:
        raise NotBelieved(f"The ID token does not hold: {trouble}") from trouble
    email = claims.get("email")
    if not isinstance(email, str) or not email or "\x00" in email:
        raise NotBelieved("The ID token names no email.")
    if claims.get("email_verified") is not True:
        raise NotBelieved("The issuer has not verified the email (email_verified).")
    return email


def _opened(text: str, keys: object) -> jwt.Token:
    """A token that one of the issuer's public keys signed."""
    for key in _signing_keys(keys if isinstance(keys, list) else []):
        try:
            return jwt.decode(text, key, algorithms=_ALGORITHMS)
        except _NOT_ITS:
            continue
    raise NotBelieved("No key of the issuer signed the ID token.")


def _signing_keys(keys: Sequence[Any]) -> list[RSAKey | ECKey]:
    found: list[RSAKey | ECKey] = []
    for key in keys:
        kind = _KEY_TYPES.get(key.get("kty")) if isinstance(key, dict) else None
        if kind is None or key.get("use", "sig") != "sig":
            continue
        try:
            found.append(kind.import_key(key))
        except _NOT_ITS:
            continue  # issuers publish keys of curves that we do not know beside those we do
    return found
