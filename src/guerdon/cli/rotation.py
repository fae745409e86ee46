"""``guerdon keys rotate-master``: the key that seals what is at rest."""

import asyncio

from rich.console import Console
from rich.progress import Progress

from guerdon import config, ids
from guerdon.access.second_steps import store as second_steps
from guerdon.cli.database import DEFAULT_DATA, Data, Place, Url, migrated, place
from guerdon.config import ConfigurationError
from guerdon.db import installation
from guerdon.outbox import store as outbox
from guerdon.providers import store as providers
from guerdon.redemption import resealing
from guerdon.transactions import store as transactions

_console = Console(stderr=True)


def rotate_master(*, data: Data = DEFAULT_DATA, database_url: Url = None) -> None:
    """Seal everything at rest under a new key. Stop Guerdon first; every serve and deliver.

    In a data directory the new key is made and put first in DIR/secret.key. With
    GUERDON_SECRET_KEY, put a new one, a comma and the old one there before. The old key stays
    last: erased members are recognised by it. Run again, it goes on where it was interrupted.
    """
    with place(data, database_url) as where:
        moved = asyncio.run(_rotate(where))
    _console.print(f"{moved} secrets and replies are now sealed with the new key.")


async def _rotate(where: Place) -> int:
    if where.server is not None and not where.server.owns_server:
        raise ConfigurationError(
            f"Guerdon is running on {where.data}. Stop it, rotate, and start it again: a running "
            "process does not know the new key."
        )
    ready, _ = await migrated(where)
    async with ready.opened(4) as database:
        async with database.read() as tx:
            if await outbox.live(tx):
                raise ConfigurationError(
                    "Guerdon is delivering from this database, or did 15 seconds ago. Stop every "
                    "serve and deliver, and rotate then: a running process does not know the key."
                )
            slots = await installation.slots(tx)
            parts = await transactions.replies_estimate(tx)
        _put_first(where)
        sealer = where.sealer()
        with Progress(console=_console, disable=not _console.is_terminal) as bar:
            task = bar.add_task("sealing anew", total=max(1, parts))
            async with database.tx() as tx:
                moved = await providers.seal_anew(tx, sealer)
                moved += await second_steps.seal_anew(tx, sealer)
            for slot in range(slots):
                async with database.read() as reading:
                    async for rows in transactions.sealed_replies(reading, slot):
                        async with database.tx() as tx:
                            moved += await resealing.replies(tx, slot, sealer, rows)
                        bar.advance(task, len(rows))
            bar.update(task, completed=max(1, parts))
    return moved


def _put_first(where: Place) -> None:
    """Makes the new key, unless the environment brings it."""
    if where.settings.secret_key is None and where.data is not None:
        where.sealer()  # a data directory without a key gets its first one
        config.add_secret_key(where.data, ids.secret_bytes(32))
        return
    if "," not in (where.settings.secret_key or ""):
        raise ConfigurationError(
            "Set GUERDON_SECRET_KEY to a new key (`openssl rand -hex 32`), a comma and the key "
            "that is there now; then rotate."
        )
