"""What a scenario is, what it works with, and how it ends.

A scenario is a coroutine that is given a :class:`Trial`, sends what it likes, and answers the
exchange that decided. What is wrong is :class:`Fails`; what cannot be seen is :class:`LeftOut`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from guerdon.conformance.listener import Listener
from guerdon.conformance.sender import Exchange, Sender


class Fails(Exception):
    """The endpoint does not do it; the text says what it did instead."""

    def __init__(self, detail: str, exchange: Exchange | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.exchange = exchange


class LeftOut(Exception):
    """It cannot be seen from here; the text says what would be needed."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What scenarios work with. ``first`` is the answer to the first ordinary message."""

    sender: Sender
    listener: Listener | None
    first: Exchange | None


Play = Callable[[Trial], Awaitable[Exchange | None]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One question to the endpoint. ``afterwards``: it is asked about all that was exchanged."""

    name: str
    title: str
    play: Play
    afterwards: bool = False


def decided(exchange: Exchange) -> Exchange:
    """The exchange, if it says what becomes of the redemption."""
    if not exchange.decides:
        raise Fails(exchange.in_words(), exchange)
    return exchange


def like_the_first(trial: Trial, exchange: Exchange) -> Exchange:
    """A variation of the ordinary message that must not make a difference."""
    first = trial.first
    decided(exchange)
    if first is not None and "F" == exchange.judged.evidence != first.judged.evidence:
        raise Fails("The answer is failure, and to an ordinary message it was not.", exchange)
    return exchange


def same_again(one: Exchange, other: Exchange) -> None:
    """The second answer to an ID may only be the first one, or what postponed has become."""
    decided(other)
    before, after = one.judged, other.judged
    if before.evidence not in (after.evidence, "P"):
        raise Fails(
            f"Asked again about one ID, the answer changed: {before.sentence} Then: "
            f"{after.sentence}",
            other,
        )
    if before.reference is not None and after.reference not in (before.reference, None):
        raise Fails(
            f"One ID was given two rewards: {before.reference!r} and {after.reference!r}.", other
        )
