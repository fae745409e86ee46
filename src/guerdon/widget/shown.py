"""What a member is shown, as JSON-ready values: transactions, offers, balances."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from guerdon.clock import rfc3339
from guerdon.db.pool import Row
from guerdon.errors import GuerdonError
from guerdon.ledger.chart import CORRECTING
from guerdon.ledger.posting import Account
from guerdon.options import languages
from guerdon.options import model as option_model
from guerdon.options.languages import Said
from guerdon.options.model import Option
from guerdon.redemption.catalogue import Offer
from guerdon.transactions.cases.store import Case
from guerdon.transactions.model import Transaction
from guerdon.transactions.states import Status

_OPTION_FACTS = ("image", "group", "order", "collectEmail")
_OPTION_TEXTS = ("title", "description", "details")
# The operators' own sentence for what stands in the way.
_SENTENCES = {"not-eligible": "blockedMessage", "limit-reached": "usedUpMessage"}
_TOKENS = {Status.SUCCESS: "spent", Status.FAILURE: "returned"}


def balance(account: Account) -> dict[str, int]:
    """The member's tokens; ``balance`` is available and held together."""
    return {"balance": account.balance, "available": account.available, "held": account.held}


def offer(offered: Offer, language: str | None) -> dict[str, Any]:
    """An option, and what stands against redeeming it, if anything does; its texts in the member's
    ``language`` where they are translated, and in ``languages`` which each of them is in."""
    option, obstacle = offered.option, offered.obstacle
    made = option_model.definition(option)
    shown = {name: made[name] for name in _OPTION_FACTS}
    texts = {name: languages.said(option, name, language) for name in _OPTION_TEXTS}
    return {
        "name": str(option.name),
        "type": option.type,
        **{name: text for name, (text, _) in texts.items()},
        "languages": {name: tag for name, (_, tag) in texts.items()},
        **shown,
        "collectAddress": option.collect_address,
        **option_model.terms(option),
        "redeemable": obstacle is None,
        "obstacle": None if obstacle is None else _obstacle(obstacle, option, language),
        "onCompletionRedirect": option.on_completion_redirect,
    }


def _obstacle(obstacle: GuerdonError, option: Option, language: str | None) -> dict[str, Any]:
    shown = {"code": obstacle.code, "detail": obstacle.detail, **obstacle.facts}
    if obstacle.code in _SENTENCES:
        text, tag = languages.said(option, _SENTENCES[obstacle.code], language)
        if text is not None:
            shown |= {"detail": text, "message": text, "languages": {"message": tag}}
    return shown


def transaction(t: Transaction, title: Said | None = None) -> dict[str, Any]:
    """A transaction in words that concern its member; ``title``: as they read the option's."""
    text, language = (t.option_title, None) if title is None else title
    shown: dict[str, Any] = {
        "id": str(t.transaction_id),
        "status": str(t.status),
        "tokens": _TOKENS.get(t.status, "held"),
        "optionName": str(t.option_name),
        "optionTitle": text,
        "languages": {"optionTitle": language},
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


def correction(t: Transaction, legs: Mapping[tuple[UUID, int], Row]) -> dict[str, Any] | None:
    """What people did about its tokens once it was closed: given back, or taken after all."""
    leg = legs.get((t.transaction_id, CORRECTING))
    if leg is None:
        return None
    sign = 1 if t.status is Status.SUCCESS else -1
    return {"tokens": sign * leg.amount, "at": rfc3339(leg.at)}


def case(opened: Case) -> dict[str, Any]:
    """A case that the member opened, and when people closed it."""
    assert opened.complained_at is not None, "contradicting news is not the member's to see"
    closed = opened.closed_at
    return {
        "openedAt": rfc3339(opened.complained_at),
        "message": opened.message,
        "closedAt": None if closed is None else rfc3339(closed),
    }
