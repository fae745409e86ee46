"""The front gate: one command with many words."""

import sys

from cyclopts import App

from guerdon import __version__

# By name: a word brings in what it needs when it is said, so that each begins at once.
_WORDS = {
    "demo": "demo:demo",
    "serve": "serve:serve",
    "deliver": "serve:deliver",
    "migrate": "keeping:migrate",
    "verify": "keeping:verify",
    "restored": "restored:restored",
    "keys": "keeping:keys",
    "operators": "keeping:operators",
    "members": "lists:members",
    "transactions": "lists:transactions",
    "options": "options:options",
    "provider": "demo:provider",
    "bench": "measuring:bench",
    "conformance": "conforming:conformance",
}

app = App(
    name="guerdon",
    version=__version__,
    help="Self-hosted redemption of loyalty tokens. Begin with `guerdon demo`.",
)
for word, place in _WORDS.items():
    app.command(f"guerdon.cli.{place}", name=word)


def run() -> None:
    """Does what the command line says."""
    if not sys.argv[1:] or sys.argv[1] in app.help_flags:
        for word in _WORDS:
            app[word]  # only what is brought in can say what it does
    app()
