"""How a case may be closed, and what each choice will do, in words, before anybody makes it."""

from collections.abc import Mapping
from dataclasses import dataclass

from guerdon.access.operators import Operator, Right, least_role
from guerdon.console.consequences import Consequences
from guerdon.console.pages import STATUS_TEXT, number
from guerdon.ledger.posting import Account
from guerdon.redemption.resolution import CORRECTIONS
from guerdon.transactions.cases.store import Case, Choice
from guerdon.transactions.model import Transaction

RIGHTS: Mapping[Choice, Right] = {"leave": "operate", "grant": "members", "charge": "members"}
_NAMES: Mapping[Choice, str] = {
    "leave": "Leave it as it is…",
    "grant": "Give the tokens back…",
    "charge": "Charge the member again…",
}
# What became of it, for the case's own line once it is closed.
CLOSED_AS: Mapping[Choice, str] = {
    "leave": "left as it is",
    "grant": "the tokens were given back",
    "charge": "the member was charged again",
}


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to close a case; ``obstacle`` says why not, if it cannot be taken now."""

    choice: Choice
    name: str
    obstacle: str | None


def offers(
    t: Transaction, case: Case, account: Account, operator: Operator, *, corrected: bool
) -> list[Offer]:
    """The ways to close an open case, with what stands against each."""
    if case.closed_at is not None:
        return []
    found = [Offer("leave", _NAMES["leave"], _missing_right("leave", operator))]
    correction = CORRECTIONS.get(t.status)
    if correction is not None:
        obstacle = _missing_right(correction, operator)
        if corrected:
            obstacle = "The tokens of this transaction were corrected before; that is done once."
        elif correction == "charge" and account.available < t.price:
            obstacle = (
                f"{number(account.available)} tokens are available, {number(t.price)} are needed."
            )
        found.append(Offer(correction, _NAMES[correction], obstacle))
    return found


def _missing_right(choice: Choice, operator: Operator) -> str | None:
    right = RIGHTS[choice]
    if operator.may(right):
        return None
    return f"Takes the role {least_role(right)}; yours is {operator.role}."


def of(choice: Choice, t: Transaction, user_id: str, account: Account) -> Consequences:
    """What a choice does to this transaction's member as things stand."""
    match choice:
        case "grant":
            return _grant(t, user_id, account)
        case "charge":
            return _charge(t, user_id, account)
    return _leave(t, user_id, account)


def _leave(t: Transaction, user_id: str, account: Account) -> Consequences:
    return Consequences(
        verb="leave",
        question="Close the case and leave everything as it is?",
        changes=(
            ("Status", STATUS_TEXT[t.status], "stays"),
            ("Available", number(account.available), "stays"),
        ),
        points=(
            ("No tokens move.", f"{user_id} and the provider are not told."),
            ("", "Other news that contradicts this, or a complaint, opens the case again."),
        ),
        button="Close the case, move nothing",
        grave=False,
        reason_required=True,
        quick=("Settled with the provider", "The provider was wrong"),
        done="The case is closed. Nothing was moved.",
        keep="Keep the case open",
    )


def _grant(t: Transaction, user_id: str, account: Account) -> Consequences:
    return Consequences(
        verb="grant",
        question=f"Give {number(t.price)} tokens back to {user_id}?",
        changes=(
            ("Status", STATUS_TEXT[t.status], "stays"),
            ("Available", number(account.available), number(account.available + t.price)),
            ("Adjusted", "", f"{number(t.price)} tokens, once"),
        ),
        points=(
            ("Only if the reward was not given.", "Check with the provider, who is not told."),
            (
                "It is a new posting.",
                f"{user_id}'s statement shows it with your reason. The redemption stays a success "
                "and still counts towards limits.",
            ),
            ("", "It is done once for this transaction, and cannot be undone here."),
        ),
        button=f"Give {number(t.price)} tokens back",
        grave=True,
        reason_required=True,
        quick=("Provider says it was not given", "Goodwill: it never arrived"),
        done=f"The case is closed. {number(t.price)} tokens were given back to {user_id}.",
        keep="Keep the case open",
    )


def _charge(t: Transaction, user_id: str, account: Account) -> Consequences:
    return Consequences(
        verb="charge",
        question=f"Charge {user_id} {number(t.price)} tokens again?",
        changes=(
            ("Status", STATUS_TEXT[t.status], "stays"),
            ("Available", number(account.available), number(account.available - t.price)),
            ("Adjusted", "", f"{number(t.price)} tokens, once"),
        ),
        points=(
            (
                "Only if the reward was given.",
                f"The tokens went back when this failed, so {user_id} would have both.",
            ),
            (
                "It is a new posting.",
                f"{user_id}'s statement shows it with your reason. The redemption stays a failure.",
            ),
            ("", "It is done once for this transaction, and cannot be undone here."),
        ),
        button=f"Charge {number(t.price)} tokens",
        grave=True,
        reason_required=True,
        quick=("Provider says it was delivered", "Agreed with the member"),
        done=f"The case is closed. {number(t.price)} tokens were taken from {user_id}.",
        keep="Keep the case open",
    )
