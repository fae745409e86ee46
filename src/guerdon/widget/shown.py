"""What a member is shown, as JSON-ready values: transactions, offers, balances."""

from typing import Any

from guerdon.clock import rfc3339
from guerdon.errors import GuerdonError
from guerdon.ledger.posting import Account
from guerdon.options import model as option_model
from guerdon.redemption.catalogue import Offer
from guerdon.transactions.histories.store import Case
from guerdon.transactions.model import Transaction
from guerdon.transactions.states import Status

_OPTION_FACTS = ("description", "image", "details", "group", "order", "collectEmail")
_TOKENS = {Status.SUCCESS: "spent", Status.FAILURE: "returned"}


def balance(account: Account) -> dict[str, int]:
    """The member's tokens; ``balance`` is available and held together."""
    return {"balance": account.balance, "available": account.available, "held": account.held}


def offer(offered: Offer) -> dict[str, Any]:
    """An option, and what stands against redeeming it, if anything does."""
    option = offered.option
    made = option_model.definition(option)
    shown = {name: made[name] for name in _OPTION_FACTS}
    return {
        "name": str(option.name),
        "type": option.type,
        "title": option.title,
        **shown,
        "collectAddress": option.collect_address,
        **option_model.terms(option),
        "redeemable": offered.obstacle is None,
        "obstacle": None if offered.obstacle is None else _obstacle(offered.obstacle),
        "onCompletionRedirect": option.on_completion_redirect,
    }


def _obstacle(obstacle: GuerdonError) -> dict[str, Any]:
    return {"code": obstacle.code, "detail": obstacle.detail, **obstacle.facts}


def transaction(t: Transaction) -> dict[str, Any]:
    """A transaction in words that concern its member."""
    shown: dict[str, Any] = {
        "id": str(t.transaction_id),
        "status": str(t.status),
        "tokens": _TOKENS.get(t.status, "held"),
        "optionName": str(t.option_name),
        "optionTitle": t.option_title,
        "type": t.type,
        "price": t.price,
        "createdAt": rfc3339(t.created_at),
        "updatedAt": rfc3339(t.updated_at),
        "closedAt": None if t.closed_at is None else rfc3339(t.closed_at),
    }
    if t.currency is not None:
        shown |= {"tokenAmount": t.price, "currency": t.currency}
        shown |= {"currencyAmount": t.currency_amount}
    return shown


def case(opened: Case) -> dict[str, Any]:
    """A case that the member opened."""
    return {"openedAt": rfc3339(opened.opened_at), "message": opened.message}
