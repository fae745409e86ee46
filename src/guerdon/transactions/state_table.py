"""The life of a transaction as a Mermaid diagram and a table: read from ``states.TABLE``.

    python -m guerdon.transactions.state_table

prints what ``docs/states.md`` holds below its marker; a test fails when the two differ.
"""

import sys

from guerdon.transactions.states import CLOSED, TABLE, News, Status, advance

_TITLES = {
    News.POSTPONED: "postponed",
    News.SUCCEEDED: "succeeded",
    News.FAILED: "failed",
    News.UNKNOWN: "unknown",
    News.DEADLINE: "deadline",
    News.CONFIRM: "operator confirms",
    News.CANCEL: "operator cancels",
}


def markdown() -> str:
    """The whole section: the diagram of what moves, and the table of everything."""
    return f"## What moves\n\n{_diagram()}\n\n## What each piece of news does\n\n{_table()}\n"


def _diagram() -> str:
    news: dict[tuple[Status, Status], list[str]] = {}
    for (status, heard), step in TABLE.items():
        if step.effect == "moves":
            news.setdefault((status, step.to), []).append(_TITLES[heard])
    lines = ["```mermaid", "stateDiagram-v2"]
    lines += [f"    {_name(status)}: {status}" for status in Status]
    lines.append(f"    [*] --> {_name(Status.PENDING)}: tokens are held")
    lines += [
        f"    {_name(status)} --> {_name(to)}: {', '.join(titles)}"
        for (status, to), titles in news.items()
    ]
    lines += [f"    {_name(status)} --> [*]" for status in CLOSED]
    return "\n".join([*lines, "```"])


def _name(status: Status) -> str:
    """A word that Mermaid takes for an identifier."""
    return status.replace("-", "_")


def _table() -> str:
    titles = ["status", *_TITLES.values()]
    rows = [titles, ["---"] * len(titles)]
    rows += [[f"`{status}`", *(_cell(status, news) for news in _TITLES)] for status in Status]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(status: Status, news: News) -> str:
    usual, acknowledged = _spelt(status, news, False), _spelt(status, news, True)
    if usual == acknowledged:
        return usual
    return f"{acknowledged} once acknowledged, else {usual}"


def _spelt(status: Status, news: News, acknowledged: bool) -> str:
    step = advance(status, news, acknowledged=acknowledged)
    return f"→ `{step.to}`" if step.effect == "moves" else step.effect


if __name__ == "__main__":
    sys.stdout.write(markdown())
