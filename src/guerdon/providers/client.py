"""The only file that speaks HTTP outwards: one attempt, one deadline, one observation.

A fresh connection for each attempt (unless the provider opts into reuse) makes "never sent"
provable: whatever fails before a connection stands left no byte. The address is looked up once,
vetted, and dialled by that address; the name stays in SNI and Host. No redirects, no proxies, no
compression; the answer is read as a stream and dropped past 64 KiB.

aiohttp tolerates obsolete line folding, LF-only headers and interim responses, and so do we.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cache
from ipaddress import IPv4Address, ip_address
from types import SimpleNamespace
from typing import Any

import aiohttp
from yarl import URL

from guerdon import __version__, clock
from guerdon.providers import egress, sandbox
from guerdon.providers.egress import Address, Network, Target
from guerdon.providers.outcomes import Observation, Trouble

LARGEST_ANSWER = 64 * 1024
_HERE = IPv4Address("127.0.0.1")
_ADDRESSES_TRIED = 3
_LOOK_UP_THREADS = 32
_NO_SUCH_HOST = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


@dataclass(frozen=True, slots=True)
class Outbound:
    """One request to make. ``timeout_seconds`` bounds all of it, from look-up to last byte."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    timeout_seconds: float
    reuse: bool = False


class _Failed(Exception):
    """An attempt ended before a connection stood."""

    def __init__(self, trouble: Trouble, detail: str) -> None:
        super().__init__(detail)
        self.trouble: Trouble = trouble
        self.detail = detail


@cache
def _trust_of_the_system() -> ssl.SSLContext:
    """Building one costs more than an attempt, so one serves all."""
    return ssl.create_default_context()


class ProviderClient:
    """Makes attempts. One for each process; ``allowed`` are networks that may be private."""

    def __init__(self, allowed: Sequence[Network], *, trust: ssl.SSLContext | None = None) -> None:
        self._allowed = allowed
        self._tls = trust if trust is not None else _trust_of_the_system()
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        # A look-up cannot be ended. Threads of their own, and one at a time for each host: a name
        # server that hangs then holds up its own providers only.
        self._threads = ThreadPoolExecutor(_LOOK_UP_THREADS, thread_name_prefix="look-up")
        self._look_ups: dict[tuple[str, int], asyncio.Future[list[Any]]] = {}
        # Where the provider that is built in listens, if this process has one: the only address
        # that is not vetted, and the database lets none but a test programme's provider have it.
        self.built_in: Callable[[], Awaitable[int]] | None = None

    def _session(self, reuse: bool) -> aiohttp.ClientSession:
        if reuse not in self._sessions:
            trace = aiohttp.TraceConfig()
            trace.on_connection_create_end.append(_note_connected)
            trace.on_connection_reuseconn.append(_note_connected)
            self._sessions[reuse] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, force_close=not reuse, ssl=self._tls, use_dns_cache=False
                ),
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                trace_configs=[trace],
            )
        return self._sessions[reuse]

    async def close(self) -> None:
        """Ends every connection."""
        for session in self._sessions.values():
            await session.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def send(self, request: Outbound) -> Observation:
        """Makes the attempt. Whatever happens is an observation; only cancellation raises."""
        seen = _Seen()
        try:
            async with asyncio.timeout(request.timeout_seconds):
                await self._exchange(request, seen)
        except _Failed as failed:
            return Observation(trouble=failed.trouble, sent=False, detail=failed.detail)
        except TimeoutError:
            return seen.ended("timed-out", "the deadline passed")
        except aiohttp.ClientError as trouble:
            return seen.ended("broken", f"{type(trouble).__name__}: {trouble}")
        except (OSError, ValueError) as trouble:
            return seen.ended("broken", f"{type(trouble).__name__}: {trouble}")
        return seen.observation()

    async def _exchange(self, request: Outbound, seen: "_Seen") -> None:
        within = sandbox.path_within(request.url)
        if within is not None and self.built_in is not None:
            port = await self.built_in()
            inward = replace(request, url=f"http://{_HERE}:{port}{within}", reuse=False)
            target = Target("http", str(_HERE), port)
            await self._ask(inward, target, _HERE, request.timeout_seconds, seen)
            return
        try:
            target = egress.target(request.url, self._allowed)
        except egress.Blocked as blocked:
            raise _Failed("unusable-url", str(blocked)) from blocked
        addresses = list(dict.fromkeys(await self._resolve(target)))[:_ADDRESSES_TRIED]
        # One address that swallows connections must leave time for the others.
        share = request.timeout_seconds / len(addresses)
        last: Exception | None = None
        for address in addresses:
            try:
                await self._ask(request, target, address, share, seen)
            except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError) as trouble:
                if seen.connected:
                    raise
                raise _Failed("tls", str(trouble)) from trouble
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as trouble:
                if seen.connected:
                    raise
                last = trouble
            else:
                return
        raise _Failed("connect", str(last)) from last

    async def _resolve(self, target: Target) -> list[Address]:
        """Every address of the host, all of them vetted."""
        try:
            addresses: list[Address] = [ip_address(target.host)]
        except ValueError:
            addresses = await self._look_up(target)
        try:
            egress.vet(addresses, self._allowed)
        except egress.Blocked as blocked:
            raise _Failed("blocked-address", str(blocked)) from blocked
        if target.scheme == "http" and not all(
            egress.is_allow_listed(address, self._allowed) for address in addresses
        ):
            raise _Failed("unusable-url", "Only allow-listed addresses are spoken to in the clear.")
        return addresses

    async def _look_up(self, target: Target) -> list[Address]:
        try:
            # Shielded: the others that wait for it must not lose it to one attempt's deadline.
            found = await asyncio.shield(self._looking_up(target.host, target.port))
        except socket.gaierror as trouble:
            if trouble.errno in _NO_SUCH_HOST:
                raise _Failed("no-such-host", f"{target.host}: {trouble.strerror}") from trouble
            raise _Failed("dns", f"{target.host}: {trouble.strerror}") from trouble
        except UnicodeError as trouble:
            detail = "The host is not a name that can be looked up."
            raise _Failed("unusable-url", detail) from trouble
        return [ip_address(entry[4][0]) for entry in found]

    def _looking_up(self, host: str, port: int) -> asyncio.Future[list[Any]]:
        """The look-up of a host that is under way, or a new one. Nothing is remembered."""
        under_way = self._look_ups.get((host, port))
        if under_way is None:
            asked = (host, port, 0, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            loop = asyncio.get_running_loop()
            under_way = loop.run_in_executor(self._threads, lambda: socket.getaddrinfo(*asked))
            under_way.add_done_callback(lambda ended: self._looked_up((host, port), ended))
            self._look_ups[host, port] = under_way
        return under_way

    def _looked_up(self, asked: tuple[str, int], ended: asyncio.Future[list[Any]]) -> None:
        del self._look_ups[asked]
        if not ended.cancelled():
            # Whoever waited hears of a failure; nobody may be left.
            ended.exception()

    async def _ask(
        self, request: Outbound, target: Target, address: Address, share: float, seen: "_Seen"
    ) -> None:
        url = URL(request.url, encoded=True)
        host = url.raw_authority
        secure = target.scheme == "https"
        async with self._session(request.reuse).request(
            request.method,
            url.with_host(str(address)),
            data=request.body or None,
            headers={
                "Host": host,
                "User-Agent": f"Guerdon/{__version__}",
                "Accept-Encoding": "identity",
                **request.headers,
            },
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=share),
            server_hostname=target.host.rstrip(".") if secure else None,
            trace_request_ctx=seen,
        ) as response:
            seen.status = response.status
            seen.retry_after = _seconds(response.headers.get("Retry-After"))
            async for chunk in response.content.iter_any():
                seen.body += chunk
                if len(seen.body) > LARGEST_ANSWER:
                    response.close()
                    return
            seen.whole = True


class _Seen:
    """What is known of an attempt so far."""

    __slots__ = ("body", "connected", "retry_after", "status", "whole")

    def __init__(self) -> None:
        self.connected = False
        self.status: int | None = None
        self.retry_after: int | None = None
        self.body = bytearray()
        self.whole = False

    def observation(self) -> Observation:
        return Observation(
            status=self.status,
            body=bytes(self.body[:LARGEST_ANSWER]),
            whole=self.whole,
            retry_after=self.retry_after,
        )

    def ended(self, trouble: Trouble, detail: str) -> Observation:
        """An attempt that did not come to its end: before a connection stood, nothing was sent."""
        if not self.connected:
            return Observation(trouble="connect", sent=False, detail=detail)
        if self.status is not None:
            return self.observation()
        return Observation(trouble=trouble, detail=detail)


async def _note_connected(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _parameters: Any
) -> None:
    context.trace_request_ctx.connected = True


def _seconds(header: str | None) -> int | None:
    """``Retry-After`` in seconds, from either of its forms; ``None`` if it makes no sense."""
    if header is None:
        return None
    if header.isascii() and header.isdigit() and len(header) < 10:
        return int(header)
    try:
        moment: datetime = parsedate_to_datetime(header)
        return max(0, int((moment - clock.now()).total_seconds()))
    except (ValueError, TypeError, OverflowError):
        return None
