"""``guerdon bench``."""

from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from guerdon.bench import compare
from guerdon.bench.compare import Plan


def bench(
    *,
    seconds: Annotated[int, Parameter(help="How long each part runs.")] = 10,
    connections: Annotated[int, Parameter(help="How many redemptions are under way.")] = 64,
) -> None:
    """Measure this machine: accepted and settled redemptions a second, beside pgbench.

    Uses an embedded PostgreSQL of its own in a temporary folder, and leaves nothing behind.
    """
    compare.run(Plan(seconds, connections), Console())
