"""Which addresses may be dialled. Pure: the caller resolves, this file judges.

Refused unless allow-listed: everything that is not a plain public unicast address, and every IPv6
form that embeds one that is not (mapped, NAT64, 6to4). If any answer of a look-up is refused, all
are: a name that points inside once would point there when it matters.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import urlsplit

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_NAT64 = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = IPv6Network("2002::/16")
# Python's lists of what is not public grow with its versions, and what they do not name counts as
# global: IPv6 must be of what is handed out to the public, and of none of these.
_UNICAST = IPv6Network("2000::/3")
_NOT_PUBLIC: tuple[Network, ...] = (
    IPv4Network("100.64.0.0/10"),
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv6Network("2001::/23"),
    IPv6Network("3fff::/20"),
)
_REFUSED_PORTS = frozenset(
    {0, 20, 21, 22, 23, 25, 53, 110, 111, 135, 139, 143, 161, 389, 445, 465, 587, 993, 995}
    | {1433, 1521, 2049, 2375, 2379, 3306, 3389, 5432, 5672, 5984, 6379, 6443, 9042, 9200, 9300}
    | {10250, 11211, 15672, 27017}
)

# A last label that resolvers read as a number, however they spell it: 127.1, 0x7f000001.
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")


class Blocked(ValueError):
    """The URL or address may not be dialled; the text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that passed: where to connect and what to ask for."""

    scheme: str
    host: str
    port: int


def networks(text: str) -> tuple[Network, ...]:
    """A comma-separated list of networks, as in ``GUERDON_PROVIDER_ALLOW``."""
    return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())


def target(url: str, allowed: Sequence[Network]) -> Target:
    """Vets what can be vetted without a look-up; ``Blocked`` says what is wrong."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as trouble:
        raise Blocked("This is not a URL.") from trouble
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise Blocked("The URL must start with https:// and name a host.")
    if parts.username is not None or parts.password is not None:
        raise Blocked(
            "The URL must not carry a user name or password; use the Authorization value."
        )
    if not url.isascii() or any(letter <= " " for letter in url) or "\\" in url:
        raise Blocked("The URL has characters that must be percent-encoded.")
    if parts.fragment:
        raise Blocked("The URL must not have a fragment.")
    port = port if port is not None else (443 if parts.scheme == "https" else 80)
    if port in _REFUSED_PORTS:
        raise Blocked(f"Port {port} belongs to another service and is never dialled.")
    host = parts.hostname
    literal = _literal(host)
    if literal is not None:
        vet([literal], allowed)
    elif "%" in host or _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        raise Blocked("The host is neither a name nor a plain address.")
    return Target(parts.scheme, host, port)


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def vet(addresses: Iterable[Address], allowed: Sequence[Network]) -> None:
    """``Blocked`` if any of the addresses may not be dialled."""
    for address in addresses:
        if not permitted(address, allowed):
            raise Blocked(
                f"{address} is not a public address. Name it in GUERDON_PROVIDER_ALLOW if "
                "providers live there."
            )


def is_allow_listed(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether the operator of this installation named this address's network."""
    return _within(address, allowed)


def permitted(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether one address may be dialled."""
    if is_allow_listed(address, allowed):
        return True
    if isinstance(address, IPv4Address):
        return _public(address)
    if address.scope_id is not None:
        return False
    inner = _embedded(address)
    if inner is not None:
        return _public(inner)
    return address in _UNICAST and _public(address)


def _public(address: Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not _within(address, _NOT_PUBLIC)
    )


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address carries inside, where gateways take it out."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.sixtofour if address in _SIX_TO_FOUR else None


def _within(address: Address, nets: Sequence[Network]) -> bool:
    return any(address.version == net.version and address in net for net in nets)
