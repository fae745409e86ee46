"""The demo's programme: believable options of all three types, members with tokens, a provider.

Everything goes in over the public API, as an integrator would do it, and can be put in again.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from guerdon.demo.fake import FakeProvider
from guerdon.demo.translations import TRANSLATIONS
from guerdon.providers.sandbox import BEHAVIOURS

FREE_TICKETS = "5c787af5-d28e-4567-809c-b030877d9355"

MEMBERS = [
    ("User 123", "someone@example.com", "1 Main Street, Dublin", 1000, "gold"),
    ("amelia.hart", "amelia.hart@example.com", "12 Quay Road, Galway", 3200, "gold"),
    ("b.okafor", "b.okafor@example.com", "4 Palm Avenue, Lagos", 850, "silver"),
    ("chen.wei", "chen.wei@example.com", "88 Harbour View, Singapore", 12_400, "platinum"),
    ("dana.levi", "dana.levi@example.com", "7 Herzl Street, Haifa", 640, "silver"),
    ("elif.yilmaz", "elif.yilmaz@example.com", "31 Bahar Sokak, Izmir", 2100, "gold"),
    ("f.moreau", "f.moreau@example.com", "5 rue des Lilas, Lyon", 410, "bronze"),
    ("gabriel.souza", "gabriel.souza@example.com", "200 Rua Augusta, Recife", 5300, "gold"),
    ("hana.sato", "hana.sato@example.com", "3-2 Sakura, Nagoya", 7600, "platinum"),
    ("ivan.petrov", "ivan.petrov@example.com", "9 Lipa Street, Plovdiv", 150, "bronze"),
]

OPTIONS: list[dict[str, Any]] = [
    {
        "name": FREE_TICKETS,
        "type": "physical",
        "title": "Free Tickets",
        "description": "Two seats at any home match this season.",
        "group": "Experiences",
        "price": 200,
        "order": 1,
        "behaviour": "gives",
    },
    {
        "name": "0b6d1e0a-6f0e-4d0b-9d43-3a6f3c6b1a01",
        "type": "digital",
        "title": "Coffee on us",
        "description": "A voucher for any drink, good for 30 days.",
        "group": "Treats",
        "price": 120,
        "collectEmail": True,
        "order": 2,
        "behaviour": "gives",
    },
    {
        "name": "0b6d1e0a-6f0e-4d0b-9d43-3a6f3c6b1a02",
        "type": "physical",
        "title": "Canvas tote bag",
        "description": "Sent to your address within a week.",
        "group": "Things",
        "price": 450,
        "collectAddress": True,
        "order": 3,
        "behaviour": "later",
        "limits": {"total": 500, "perMember": 3},
        "usedUpMessage": "All gone, or you have three already.",
    },
    {
        "name": "0b6d1e0a-6f0e-4d0b-9d43-3a6f3c6b1a03",
        "type": "digital",
        "title": "Month of streaming",
        "description": "One month, all channels.",
        "group": "Treats",
        "price": 900,
        "order": 4,
        "behaviour": "ok",
        "limits": {"perMemberPeriod": {"count": 1, "days": 30}},
    },
    {
        "name": "0b6d1e0a-6f0e-4d0b-9d43-3a6f3c6b1a04",
        "type": "currency",
        "title": "Cash back",
        "description": "Turn tokens into money on your account.",
        "group": "Money",
        "minTokens": 100,
        "maxTokens": 10_000,
        "rates": [{"currency": "EUR", "rate": "0.01"}, {"currency": "GBP", "rate": "0.0085"}],
        "order": 5,
        "behaviour": "gives",
    },
    {
        "name": "0b6d1e0a-6f0e-4d0b-9d43-3a6f3c6b1a05",
        "type": "physical",
        "title": "Weekend in the mountains",
        "description": "Two nights for two; for gold and platinum members.",
        "group": "Experiences",
        "price": 4800,
        "order": 6,
        "behaviour": "postpones",
        "audience": [[{"attribute": "tier", "op": "in", "value": ["gold", "platinum"]}]],
        "blockedMessage": "For gold and platinum members.",
    },
]


# After these the provider is paused, or slowed down for a minute.
_STOPS_THE_PROVIDER = {"gone", "busy-once"}


def odd_options() -> list[dict[str, Any]]:
    """One option for each behaviour that leaves the others alone: all have the same provider."""
    return [
        {
            "name": f"0b6d1e0a-6f0e-4d0b-9d43-0000000000{number:02d}",
            "type": "digital",
            "title": f"Behaviour: {name}",
            "description": about,
            "group": "Behaviours",
            "price": 10,
            "order": 100 + number,
            "behaviour": name,
        }
        for number, (name, about) in enumerate(BEHAVIOURS.items())
        if name not in _STOPS_THE_PROVIDER
    ]


@dataclass(frozen=True, slots=True)
class Client:
    """The API as an integrator uses it."""

    session: aiohttp.ClientSession
    key: str

    async def call(
        self, method: str, path: str, body: object = None, *, key: str | None = None
    ) -> tuple[int, Any]:
        """The status and the JSON of an answer."""
        headers = {"Authorization": f"Bearer {self.key}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        async with self.session.request(method, path, json=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def must(self, method: str, path: str, body: object, *, key: str | None = None) -> Any:
        """The JSON of an answer; what is refused ends the demo."""
        status, answer = await self.call(method, path, body, key=key)
        if status >= 400:
            raise RuntimeError(f"{method} {path} answered {status}: {answer}")
        return answer


async def furnish(client: Client, fake: FakeProvider, data: Path) -> None:
    """Puts the programme in, or finds it there from last time."""
    await _provider(client, fake, data)
    for user_id, email, address, tokens, tier in MEMBERS:
        where = f"/v1/members/{user_id.replace(' ', '%20')}"
        profile = {"email": email, "address": address, "attributes": {"tier": tier}}
        await client.must("PUT", where, profile)
        grant = {"amount": tokens, "reason": "Welcome"}
        await client.must("POST", f"{where}/grants", grant, key=f"welcome-{user_id}")
    for option in [*OPTIONS, *odd_options()]:
        definition = {name: value for name, value in option.items() if name != "behaviour"}
        definition |= {"language": "en", "translations": TRANSLATIONS.get(option["name"], {})}
        fake.behaviours[option["name"]] = option["behaviour"]
        status, _ = await client.call("GET", f"/v1/options/{option['name']}")
        if status == 404:
            await client.must("POST", "/v1/options", definition | {"providerId": fake.provider_id})


async def _provider(client: Client, fake: FakeProvider, data: Path) -> None:
    """The provider and its secrets, which are kept beside the data: this is a demo."""
    kept = data / "demo-provider.json"
    url = f"http://127.0.0.1:{fake.port}/rewards"
    if kept.exists():
        made = msgspec.json.decode(kept.read_bytes())
        await client.must("PATCH", f"/v1/providers/{made['id']}", {"webhookUrl": url})
    else:
        settings = {"name": "Demo rewards", "webhookUrl": url, "timeoutSeconds": 5}
        made = await client.must("POST", "/v1/providers", settings)
        kept.touch(mode=0o600)
        kept.write_bytes(msgspec.json.encode(made))
    fake.provider_id = made["id"]
    fake.callback_secret = made["callbackSecret"]
    fake.secret_key = made["secretKey"]
