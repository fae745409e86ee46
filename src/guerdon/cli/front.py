"""The front gate: one command with many words."""

from cyclopts import App

from guerdon import __version__
from guerdon.cli import conforming, demo, keeping, lists, measuring, rotation, serve

app = App(
    name="guerdon",
    version=__version__,
    help="Self-hosted redemption of loyalty tokens. Begin with `guerdon demo`.",
)
app.command(demo.demo)
app.command(serve.serve)
app.command(serve.deliver)
app.command(keeping.migrate)
app.command(keeping.verify)
keeping.keys.command(rotation.rotate_master)
app.command(keeping.keys)
app.command(keeping.operators)
app.command(lists.members)
app.command(lists.transactions)
app.command(demo.provider)
app.command(measuring.bench)
app.command(conforming.conformance)
