"""Asks the OpenID issuer: what it publishes, and for the ID token of a code. Each time anew, since
people sign in rarely and issuers change their keys when they like."""

from typing import Any

from guerdon import clock, strict_json
from guerdon.access import openid
from guerdon.access.openid import Browser, Metadata, NotBelieved
from guerdon.config import OpenId
from guerdon.errors import MalformedRequest
from guerdon.providers import egress
from guerdon.providers.client import Outbound, ProviderClient

_TIMEOUT_SECONDS = 10.0
# Whoever runs this installation names the issuer, so it may well be on a private network.
_ANYWHERE = egress.networks("0.0.0.0/0,::/0")


class IssuerAway(Exception):
    """The issuer did not answer as it should; the text says how."""


class Issuer:
    """The one issuer of this installation."""

    def __init__(self, settings: OpenId) -> None:
        self._settings = settings
        self._client = ProviderClient(_ANYWHERE)

    async def close(self) -> None:
        """Ends every connection."""
        await self._client.close()

    async def departure(self, browser: Browser, redirect_uri: str) -> str:
        """Where to send a browser. Raises ``IssuerAway`` and ``NotBelieved``."""
        known = await self._metadata()
        return openid.authorization_url(self._settings, known, browser, redirect_uri)

    async def email(self, browser: Browser, came_back: str, redirect_uri: str) -> str:
        """Whose verified email it is that came back. Raises ``IssuerAway`` and ``NotBelieved``."""
        known = await self._metadata()
        code = openid.code_in(self._settings, known, browser, came_back)
        headers, body = openid.token_request(self._settings, known, browser, code, redirect_uri)
        answer = await self._ask(
            Outbound("POST", known.token_endpoint, headers, body, _TIMEOUT_SECONDS)
        )
        jwks = await self._get(known.jwks_uri)
        now = int(clock.now().timestamp())
        return openid.verified_email(self._settings, browser, answer, jwks, now)

    async def _metadata(self) -> Metadata:
        document = await self._get(openid.discovery_url(self._settings))
        return openid.metadata(self._settings, document)

    async def _get(self, url: str) -> dict[str, Any]:
        headers = {"Accept": "application/json"}
        return await self._ask(Outbound("GET", url, headers, b"", _TIMEOUT_SECONDS))

    async def _ask(self, request: Outbound) -> dict[str, Any]:
        seen = await self._client.send(request)
        if seen.status is None or not seen.whole:
            raise IssuerAway(f"{request.url}: {seen.detail or 'the answer broke off'}")
        if request.method == "POST" and seen.status in (400, 401):
            raise NotBelieved(f"The issuer refused the code with {seen.status}.")
        if seen.status != 200:
            raise IssuerAway(f"{request.url} answered {seen.status}")
        try:
            document = strict_json.parse(seen.body)
        except MalformedRequest as trouble:
            raise IssuerAway(f"{request.url}: {trouble.detail}") from trouble
        if not isinstance(document, dict):
            raise IssuerAway(f"{request.url} did not answer with an object")
        return document
