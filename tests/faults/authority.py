"""A certificate authority for the tests, and the contexts of both sides."""

import ssl
from dataclasses import dataclass, field

import trustme


@dataclass(frozen=True, slots=True)
class Authority:
    """Made once: keys cost time."""

    _ca: trustme.CA = field(default_factory=trustme.CA)

    def serves(self, *names: str) -> ssl.SSLContext:
        """The server's side, with a certificate for these names or addresses."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*names).configure_cert(context)
        return context

    def trusts(self) -> ssl.SSLContext:
        """The client's side: it trusts this authority and checks names."""
        context = ssl.create_default_context()
        self._ca.configure_trust(context)
        return context
