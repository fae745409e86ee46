"""Whether a decision may be carried out by one person alone: a rule on locked rows.

From a price on, which the namespace sets, what one operator asks for another must approve. It is
asked where decisions are carried out, whichever door they come by.
"""

from typing import TypeVar

from guerdon.errors import NotOpen, NotPermitted, SecondPersonRequired
from guerdon.transactions.requests.store import Asked

_Wanted = TypeVar("_Wanted", bound=Asked)


def required(tokens: int, second_person_from: int | None) -> bool:
    """Whether a decision about so many tokens takes a second person."""
    return second_person_from is not None and tokens >= second_person_from


def vouched(
    tokens: int,
    asked: _Wanted | None,
    second_person_from: int | None,
    *,
    actor: str,
    approves: int | None,
) -> _Wanted | None:
    """What ``actor`` approves by this; ``None`` where nobody else has to. ``asked`` is what stands
    and is about the same.

    Raises ``SecondPersonRequired``, ``NotOpen`` (what was asked for is settled or void) and
    ``NotPermitted`` (it is their own).
    """
    if approves is None:
        if required(tokens, second_person_from):
            raise SecondPersonRequired(
                f"From {second_person_from} tokens on another operator must approve: somebody asks "
                "for it in the console, and somebody else approves.",
                secondPersonFrom=second_person_from,
            )
        return None
    if asked is None or asked.n != approves:
        raise NotOpen("What was asked for is settled, or void: something happened since.")
    if asked.asked_by == actor:
        raise NotPermitted("You asked for this yourself: another operator decides about it.")
    return asked
