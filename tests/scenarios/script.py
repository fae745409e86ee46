"""Reads a scenario: a plain table of steps that a bookkeeper can follow.

    redeem   r1 alice coffee 30   -> pending      # what happens -> what must come of it
    events   r1
             1 User initially triggered redeem option

A line that starts with a space belongs to the step above it. Settings are written ``name=value``.
"""

from dataclasses import dataclass, field


@dataclass
class Step:
    """One line: ``verb``, its ``words``, its ``settings``, and what is expected of it."""

    line: int
    text: str
    verb: str
    words: list[str]
    settings: dict[str, str]
    expected: list[str]
    rows: list[str] = field(default_factory=list)


def read(text: str) -> list[Step]:
    """The steps of a scenario, in their order."""
    steps: list[Step] = []
    for number, line in enumerate(text.splitlines(), start=1):
        content = _without_comment(line)
        if not content.strip():
            continue
        if content.startswith(" "):
            steps[-1].rows.append(content.strip())
            continue
        said, _, expected = content.partition("->")
        verb, *rest = said.split()
        words = [word for word in rest if "=" not in word]
        settings = dict(word.split("=", 1) for word in rest if "=" in word)
        steps.append(Step(number, content.strip(), verb, words, settings, expected.split()))
    return steps


def _without_comment(line: str) -> str:
    if line.startswith("#"):
        return ""
    return line.split(" #", 1)[0].rstrip()
