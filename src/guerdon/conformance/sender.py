"""Sends a scenario's messages as delivery would, and keeps what went over the wire."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from guerdon import __version__, clock, ids
from guerdon.conformance import messages
from guerdon.conformance.messages import Plan
from guerdon.providers import egress, outcomes, signing
from guerdon.providers.client import LARGEST_ANSWER, Outbound, ProviderClient
from guerdon.providers.outcomes import Judgement, Observation

# People name the endpoint themselves: it may be anywhere, their own machine included.
ANYWHERE = egress.networks("0.0.0.0/0,::/0")
_LATER = frozenset({408, 425, 429})
_TRIES = 4
_LONGEST_WAIT_SECONDS = 5
_SHOWN = 2000
_HIDDEN = "(hidden)"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One message and its answer, judged as a redemption's would be."""

    identifier: str
    sent: Outbound
    seen: Observation
    judged: Judgement
    seconds: float
    cut_here: bool = False

    @property
    def decides(self) -> bool:
        """Whether it says what becomes of the redemption."""
        return self.judged.evidence in ("S", "F", "P")

    @property
    def refuses(self) -> bool:
        """Whether it says no, and that no reward was given."""
        return self.judged.evidence in ("R", "F")

    @property
    def too_large(self) -> bool:
        """Whether the answer was dropped because of its length."""
        return not self.seen.whole and len(self.seen.body) >= LARGEST_ANSWER

    @property
    def reply(self) -> str:
        """The beginning of the answer's body, as text."""
        return self.seen.body.decode("utf-8", "replace").replace("\x00", "")[:_SHOWN]

    def in_words(self) -> str:
        """What came back, and what that means."""
        if self.too_large:
            return f"An answer of more than {LARGEST_ANSWER // 1024} KiB came: it is dropped."
        return self.judged.sentence

    def trace(self) -> dict[str, object]:
        """What went over the wire, for people and programs; the Authorization value is hidden."""
        shown = {"Authorization": _HIDDEN} if "Authorization" in self.sent.headers else {}
        return {
            "request": {
                "method": self.sent.method,
                "url": self.sent.url,
                "headers": {**self.sent.headers, **shown},
                "body": self.sent.body.decode("utf-8", "replace"),
            },
            "status": self.seen.status,
            "reply": self.reply,
            "durationMs": round(self.seconds * 1000),
            "trouble": self.seen.trouble,
            "verdict": self.judged.evidence,
            "rule": self.judged.rule,
            "meaning": self.judged.sentence,
        }


@dataclass(slots=True)
class Sender:
    """Speaks to one endpoint. ``exchanges`` are those of all scenarios so far, in order."""

    plan: Plan
    client: ProviderClient
    trust: ssl.SSLContext
    exchanges: list[Exchange] = field(default_factory=list)
    # An endpoint that checks nothing takes any signature.
    secret: str = ""

    def __post_init__(self) -> None:
        self.secret = self.plan.signing_secret or signing.new_secret()

    def new_identifier(self) -> str:
        """The ID of a transaction that nobody knows yet."""
        return str(ids.random_id())

    async def ask(
        self, asks: str = "success", changes: Mapping[str, object] | None = None
    ) -> Exchange:
        """Sends an ordinary message with a new ID, with ``changes`` to its fields."""
        identifier = self.new_identifier()
        message = messages.fields(self.plan, identifier, asks) | dict(changes or {})
        return await self.deliver(identifier, messages.encoded(message))

    async def deliver(self, identifier: str, body: bytes) -> Exchange:
        """Sends a body, signed; where the answer asks to come again later, comes again."""
        for tried in range(1, _TRIES + 1):
            exchange = await self.send(
                identifier, messages.posted(self.plan, self.secret, identifier, body)
            )
            if exchange.seen.status not in _LATER or tried == _TRIES:
                break
            await asyncio.sleep(min(exchange.seen.retry_after or 1, _LONGEST_WAIT_SECONDS))
        return exchange

    async def send(self, identifier: str, request: Outbound) -> Exchange:
        """One request as it stands, and the judgement of its answer."""
        started = clock.monotonic()
        seen = await self.client.send(request)
        dialect: outcomes.Dialect = "json" if self.plan.dialect == "json" else "status-code"
        judged = outcomes.classify(seen, dialect, identifier)
        exchange = Exchange(identifier, request, seen, judged, clock.monotonic() - started)
        self.exchanges.append(exchange)
        return exchange

    async def hang_up(self, identifier: str, body: bytes) -> None:
        """Sends a whole request, and cuts the connection before the answer can be read."""
        request = messages.posted(self.plan, self.secret, identifier, body)
        parts = urlsplit(request.url)
        secure = parts.scheme == "https"
        _, writer = await asyncio.open_connection(
            parts.hostname,
            parts.port or (443 if secure else 80),
            ssl=self.trust if secure else None,
        )
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {
            "Host": parts.netloc,
            "User-Agent": f"Guerdon/{__version__}",
            **request.headers,
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await writer.drain()
        writer.transport.abort()
        seen = Observation(trouble="broken", detail="cut by this command, on purpose")
        judged = replace(
            outcomes.classify(seen, "json", identifier),
            sentence="The connection was cut here, on purpose, before the answer was read.",
        )
        self.exchanges.append(Exchange(identifier, request, seen, judged, 0, True))
