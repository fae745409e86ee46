"""``python -m guerdon`` and the command ``guerdon``."""

import sys

from rich.console import Console
from rich.markup import escape

from guerdon.cli import front
from guerdon.errors import GuerdonError


def main() -> None:
    """Runs the command; what it refuses is a sentence, not a stack."""
    try:
        front.run()
    except GuerdonError as error:
        Console(stderr=True).print(f"[bold red]guerdon:[/] {escape(error.detail)}", highlight=False)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
