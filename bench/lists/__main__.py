"""``python -m bench.lists``: the console's lists at ten million transactions."""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Annotated

from bench.lists import data, trial
from bench.lists.data import NoRoom, Size
from cyclopts import Parameter, run
from rich.console import Console

from guerdon.db.embedded import EmbeddedServer
from guerdon.db.migrate import migrate
from guerdon.sealing import Sealer

# The key that `guerdon serve` is given as well.
_KEY = bytes(range(32))


def main(
    *,
    rows: Annotated[int, Parameter(help="How many transactions there are.")] = 10_000_000,
    folder: Annotated[
        Path | None,
        Parameter(name="--data", help="Where to make the data set, or where it was made; stays."),
    ] = None,
    streams: Annotated[int, Parameter(help="How many people watch at once.")] = 1000,
) -> None:
    """Measure the console's lists. Without --data everything is thrown away at the end."""
    console = Console(width=120)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        _measure(folder, Size(rows), streams, console)
        return
    with tempfile.TemporaryDirectory(prefix="guerdon-lists-") as temporary:
        Path(temporary).chmod(0o755)
        _measure(Path(temporary), Size(rows), streams, console)


def _measure(folder: Path, size: Size, streams: int, console: Console) -> None:
    made = (folder / "postgres").exists()
    if not made:
        data.check_room(folder, size)
    server = EmbeddedServer.open(folder)
    try:
        asyncio.run(migrate(server.owner_url))
        if not made:
            slots, offers = asyncio.run(trial.furnish(server.service_url, Sealer(_KEY)))
            data.fill(server.owner_url, slots, size, offers, console)
        asyncio.run(trial.measure(server, folder, _KEY, streams, console))
    finally:
        server.close()


if __name__ == "__main__":
    try:
        run(main)
    except NoRoom as trouble:
        sys.exit(str(trouble))
