"""Runs the demo beside a Guerdon that is at work: a provider, a programme, live redemptions."""

import asyncio
from contextlib import suppress
from pathlib import Path

import aiohttp
from rich.console import Console

from guerdon.demo.contradictions import contradict
from guerdon.demo.fake import FakeProvider
from guerdon.demo.programme import FREE_TICKETS, MEMBERS, Client, furnish
from guerdon.demo.shop import Shop
from guerdon.demo.trickle import trickle


async def show(
    url: str, key: str, fake_port: int, shop_port: int, data: Path, sign_in: tuple[str, str]
) -> None:
    """Furnishes the programme, prints what to try, and redeems until cancelled. ``sign_in``: the
    email and the password of the operator."""
    fake = FakeProvider(fake_port, guerdon_url=url)
    shop = Shop(shop_port, url, [name for name, *_ in MEMBERS])
    await fake.start()
    try:
        async with aiohttp.ClientSession(url) as session:
            client = Client(session, key)
            await furnish(client, fake, data)
            await shop.open(client, data)
            await contradict(client)
            _print(url, shop.url, fake_port, data, sign_in)
            with suppress(asyncio.CancelledError):
                await trickle(client, shop.visiting)
    finally:
        await shop.close()
        await fake.close()


def _print(url: str, shop_url: str, fake_port: int, data: Path, sign_in: tuple[str, str]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print("\n[bold]Guerdon's demo is ready.[/]\n")
    console.print(f"The console          [bold cyan]{url}/sign-in[/]")
    console.print(f"  email              [bold]{sign_in[0]}[/]")
    console.print(f"  password           [bold]{sign_in[1]}[/]\n")
    console.print(f"A site with a widget [bold cyan]{shop_url}[/]")
    console.print(f"The API              [cyan]{url}[/]")
    console.print(f"Reference to read    [cyan]{url}/docs[/]")
    console.print(f"The provider         http://127.0.0.1:{fake_port} (answers in every way)")
    console.print(f"The API key is in    {data}/demo.key")
    console.print("\nA redemption in four curls, in another terminal:\n")
    for line in curls(url, data):
        console.print(f"  {line}", style="green")
    console.print("\nCtrl-C ends everything.\n")


def curls(url: str, data: Path) -> list[str]:
    """The four curls; the README shows the same."""
    return [
        f"KEY=$(cat {data}/demo.key)",
        f'curl -X PUT {url}/v1/members/ada -H "Authorization: Bearer $KEY" '
        """-H 'Content-Type: application/json' -d '{"email": "ada@example.com"}'""",
        f'curl {url}/v1/members/ada/grants -H "Authorization: Bearer $KEY" '
        """-H 'Content-Type: application/json' -H "Idempotency-Key: $(date +%s%N)" """
        """-d '{"amount": 1000, "reason": "Welcome"}'""",
        f'ID=$(curl -s {url}/v1/redemptions -H "Authorization: Bearer $KEY" '
        """-H 'Content-Type: application/json' -H "Idempotency-Key: $(date +%s%N)" """
        f"""-d '{{"optionName": "{FREE_TICKETS}", "userId": "ada"}}' """
        "| tee /dev/stderr | cut -d'\"' -f4)",
        f'curl {url}/v1/transactions/$ID -H "Authorization: Bearer $KEY"',
    ]
