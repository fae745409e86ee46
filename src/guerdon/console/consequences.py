"""What confirming or cancelling will do, in words, before anybody commits to it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from guerdon.console.moments import Zone
from guerdon.console.pages import STATUS_TEXT, number
from guerdon.ledger.posting import Account
from guerdon.transactions.model import Attempt, Transaction

CONFIRM: Final = "confirm"
CANCEL: Final = "cancel"


@dataclass(frozen=True, slots=True)
class Consequences:
    """A dialog: its question, what changes from what to what, what to know, and its buttons."""

    verb: str
    question: str
    changes: tuple[tuple[str, str, str], ...]
    points: tuple[tuple[str, str], ...]
    button: str
    grave: bool
    reason_required: bool
    quick: tuple[str, ...]
    done: str
    keep: str = "Keep it open"


def of(
    verb: str,
    t: Transaction,
    user_id: str,
    account: Account,
    attempts: list[Attempt],
    postponed_at: datetime | None,
    zone: Zone,
) -> Consequences:
    """What the verb does to this transaction as it stands."""
    if verb == CONFIRM:
        return _confirm(t, user_id, account, attempts, zone)
    return _cancel(t, user_id, account, attempts, postponed_at, zone)


def asked_for(will: Consequences, second_person_from: int | None) -> Consequences:
    """The same where it can only be asked for, because another operator must approve."""
    limit = number(second_person_from or 0)
    return replace(
        will,
        points=(
            (
                "Another operator must approve this.",
                f"From {limit} tokens on, nobody decides alone. Nothing moves until they do.",
            ),
            *will.points,
        ),
        button=f"Ask to {will.button[0].lower()}{will.button[1:]}",
        done="Asked for. Nothing moved: another operator must approve it.",
    )


def _confirm(
    t: Transaction, user_id: str, account: Account, attempts: list[Attempt], zone: Zone
) -> Consequences:
    unknown = t.status == "recoverable-failure"
    points = []
    if unknown:
        known = f"{_last_try(attempts, zone)} Check {t.reference or t.transaction_id} with them."
        points.append(("We do not know whether it was delivered.", known))
    points += [
        (
            "We do not contact the provider.",
            "Only confirm if the reward was delivered; check with them first.",
        ),
        ("", "The provider's later confirmation will be accepted and change nothing."),
        ("", "This cannot be undone."),
    ]
    return Consequences(
        verb=CONFIRM,
        question=f"Mark as redeemed for {user_id}?",
        changes=(
            ("Status", STATUS_TEXT[t.status], "Success (final)"),
            ("On hold", number(account.held), number(account.held - t.price)),
            ("Available", number(account.available), "stays"),
        ),
        points=tuple(points),
        button=f"Confirm and redeem {number(t.price)} tokens",
        grave=False,
        reason_required=unknown,
        quick=("Provider says it was delivered", "Member says it arrived"),
        done=f"Confirmed. {number(t.price)} tokens of {user_id} are redeemed.",
    )


def _cancel(
    t: Transaction,
    user_id: str,
    account: Account,
    attempts: list[Attempt],
    postponed_at: datetime | None,
    zone: Zone,
) -> Consequences:
    unknown = t.status == "recoverable-failure"
    if unknown:
        warning = (
            f"{_last_try(attempts, zone)} Check with them first, or the member may get the reward "
            "and the tokens."
        )
    else:
        when = "" if postponed_at is None else f" at {zone.clock(postponed_at)}"
        warning = (
            f"It accepted this{when}: stop it on their side first, or the member gets the reward "
            "and the tokens."
        )
    return Consequences(
        verb=CANCEL,
        question=f"Cancel and return {number(t.price)} tokens to {user_id}?",
        changes=(
            ("Status", STATUS_TEXT[t.status], "Failure (final)"),
            ("On hold", number(account.held), number(account.held - t.price)),
            ("Available", number(account.available), number(account.available + t.price)),
        ),
        points=(
            ("The provider is not told.", warning),
            ("", "A confirmation that arrives later will be refused (409) and flagged here."),
            ("", "This cannot be undone."),
        ),
        button=f"Cancel and return {number(t.price)} tokens",
        grave=unknown,
        reason_required=unknown,
        quick=("Provider says it was not given", "Stopped at the provider"),
        done=f"Cancelled. {number(t.price)} tokens returned to {user_id}.",
    )


def _last_try(attempts: list[Attempt], zone: Zone) -> str:
    if not attempts:
        return "No try to deliver it has ended."
    last = attempts[-1]
    return f"The last POST was at {zone.clock(last.started_at)}. {last.sentence}"
