"""How a message goes to its provider, in words: its headers, and a command that would send it.

Secrets are never in it: the Authorization value is a variable's name, and signatures, which are
made anew for each try, are left out.
"""

import shlex
from datetime import datetime
from typing import Any

from guerdon.providers.model import Provider


def headers(provider: Provider, identifier: str, facts: dict[str, Any]) -> str:
    """The line and the headers of one try, as the provider is set now."""
    sent = [
        f"POST {provider.webhook_url}",
        "Content-Type: application/json",
        f'Idempotency-Key: "{identifier}"',
        f"webhook-id: {identifier}",
        f"webhook-timestamp: {int(datetime.fromisoformat(facts['startedAt']).timestamp())}",
        "webhook-signature: (made for each try, not kept)",
    ]
    if provider.authorization is not None:
        sent.append("Authorization: $AUTHORIZATION")
    return "\n".join(sent)


def as_curl(provider: Provider, identifier: str, body: str) -> str:
    """A command that sends the same body again, unsigned, for people who know what they do."""
    lines = [
        f"curl {shlex.quote(provider.webhook_url)}",
        "-H 'Content-Type: application/json'",
        f"-H {shlex.quote(f'Idempotency-Key: {chr(34)}{identifier}{chr(34)}')}",
    ]
    if provider.authorization is not None:
        lines.append('-H "Authorization: $AUTHORIZATION"')
    return " \\\n  ".join([*lines, f"--data-binary {shlex.quote(body)}"])
