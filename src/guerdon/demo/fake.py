"""The provider of the demo and of ``guerdon provider fake``: one, in many ways."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from guerdon.sandbox.receiver import Part, Receiver

_LATER_SECONDS = 8


@dataclass(slots=True)
class FakeProvider:
    """A server on ``port``. ``behaviours`` maps option names to the names of behaviours."""

    port: int
    guerdon_url: str = ""
    provider_id: str = ""
    callback_secret: str = ""
    secret_key: str = ""
    default: str = "gives"
    behaviours: dict[str, str] = field(default_factory=dict)
    _receiver: Receiver | None = None

    async def start(self) -> None:
        """Listens on the loopback."""
        self._receiver = Receiver(self._part, _LATER_SECONDS)
        await self._receiver.start(self.port)

    async def close(self) -> None:
        """Stops, and forgets the callbacks it still owed."""
        if self._receiver is not None:
            await self._receiver.close()

    async def _part(self, _request: web.Request, _raw: bytes, fields: Mapping[str, object]) -> Part:
        return Part(
            self.behaviours.get(str(fields.get("redeemOptionName")), self.default),
            self.guerdon_url,
            self.provider_id,
            self.callback_secret,
            self.secret_key,
        )
