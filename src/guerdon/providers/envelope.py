"""A message in its envelope: where it goes and the signed headers it goes with."""

from guerdon import clock
from guerdon.providers import sandbox, signing
from guerdon.providers.client import Outbound
from guerdon.providers.model import Provider


def post(provider: Provider, identifier: str, body: bytes) -> Outbound:
    """The signed POST of a message, with the headers of the contract."""
    headers = _signed(provider, identifier, body)
    headers |= {"Content-Type": "application/json", "Idempotency-Key": f'"{identifier}"'}
    return Outbound(
        "POST",
        sandbox.outward(provider.webhook_url, provider.provider_id),
        headers,
        body,
        provider.timeout_seconds,
        provider.reuse_connections,
    )


def enquiry(provider: Provider, status_url: str, identifier: str) -> Outbound:
    """The signed GET that asks what became of a transaction."""
    separator = "&" if "?" in status_url else "?"
    asked = sandbox.outward(status_url, provider.provider_id)
    url = f"{asked}{separator}transactionId={identifier}"
    headers = _signed(provider, identifier, b"")
    return Outbound("GET", url, headers, b"", provider.timeout_seconds)


def _signed(provider: Provider, identifier: str, body: bytes) -> dict[str, str]:
    secrets = provider.secrets["signingSecret"]
    headers = signing.sign(secrets, identifier, clock.unix_seconds(), body)
    if provider.authorization is not None:
        headers["Authorization"] = provider.authorization
    return headers
