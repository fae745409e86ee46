"""Whether a decision may be carried out by one person alone: a rule on locked rows.

From a price on, which the namespace sets, what one operator asks for another must approve. It is
asked where decisions are carried out, whichever door they come by.
"""

from guerdon.errors import NotOpen, NotPermitted, SecondPersonRequired
from guerdon.transactions.model import Transaction
from guerdon.transactions.requests.store import Request, Wish


def required(t: Transaction, second_person_from: int | None) -> bool:
    """Whether a decision about a transaction takes a second person."""
    return second_person_from is not None and t.price >= second_person_from


def vouched(
    t: Transaction,
    request: Request | None,
    second_person_from: int | None,
    *,
    choice: Wish,
    actor: str,
    approves: int | None,
) -> Request | None:
    """The request that ``actor`` approves by this; ``None`` where nobody else has to.

    Raises ``SecondPersonRequired``, ``NotOpen`` (what was asked for is settled or void) and
    ``NotPermitted`` (it is their own).
    """
    if approves is None:
        if required(t, second_person_from):
            raise SecondPersonRequired(
                f"From {second_person_from} tokens on another operator must approve: somebody asks "
                "for it in the console, and somebody else approves.",
                secondPersonFrom=second_person_from,
            )
        return None
    if (
        request is None
        or (request.n, request.choice) != (approves, choice)
        or not request.stands(t)
    ):
        raise NotOpen("What was asked for is settled, or void: something happened since.")
    if request.asked_by == actor:
        raise NotPermitted("You asked for this yourself: another operator decides about it.")
    return request
