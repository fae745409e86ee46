"""``python -m bench.soak --minutes 30``: the faults come at random, from a seed that is printed."""

import asyncio
import random
import secrets
import sys
import tempfile
from pathlib import Path
from typing import Annotated

from bench.soak.watching import TooMuch
from bench.soak.weather import soak
from cyclopts import Parameter, run
from rich.console import Console
from tests.acceptance.site import empty_database

from guerdon.db.embedded import EmbeddedServer


def main(
    *,
    minutes: Annotated[float, Parameter(help="For how long.")] = 30.0,
    seed: Annotated[int | None, Parameter(help="Where the chance begins; else by chance.")] = None,
) -> None:
    """Soak a serve and two delivering processes in faults; exit 1 where something does not hold."""
    chosen = secrets.randbelow(1_000_000) if seed is None else seed
    console = Console(width=120)
    console.print(f"seed {chosen}")
    with tempfile.TemporaryDirectory(prefix="guerdon-soak-") as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)
        server = EmbeddedServer.open(folder / "postgresql")
        try:
            with empty_database(server.superuser_url) as url:
                asyncio.run(soak(folder, url, minutes * 60, random.Random(chosen), console))
        finally:
            server.close()


if __name__ == "__main__":
    try:
        run(main)
    except (AssertionError, TooMuch) as broken:
        sys.exit(f"Something does not hold: {broken}")
