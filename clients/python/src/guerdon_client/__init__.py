"""Guerdon's API from Python: for the host's back end, and for those who hand out rewards.

``Client`` and ``AsyncClient`` redeem, credit and look; ``WSGIReceiver`` and ``ASGIReceiver`` take
a provider's messages; ``CallbackSender`` and ``AsyncCallbackSender`` send its news. Errors are in
``guerdon_client.errors``, member tokens in ``guerdon_client.tokens``.
"""

from guerdon_client.asgi import ASGIReceiver
from guerdon_client.callbacks import AsyncCallbackSender, CallbackSender, News
from guerdon_client.calls import UNSET, Call
from guerdon_client.cases import Case, Choice
from guerdon_client.clients import AsyncClient, Client
from guerdon_client.exchange import Retries
from guerdon_client.members import Line, LineResult, Member, Posting, Receipt
from guerdon_client.options import Option
from guerdon_client.reading import Page
from guerdon_client.receiving import CurrencyMessage, Decision, Message, RewardMessage
from guerdon_client.signatures import sign, verify
from guerdon_client.transactions import Attempt, Event, FullTransaction, Status, Transaction
from guerdon_client.version import __version__
from guerdon_client.wsgi import WSGIReceiver

__all__ = [
    "UNSET",
    "ASGIReceiver",
    "AsyncCallbackSender",
    "AsyncClient",
    "Attempt",
    "Call",
    "CallbackSender",
    "Case",
    "Choice",
    "Client",
    "CurrencyMessage",
    "Decision",
    "Event",
    "FullTransaction",
    "Line",
    "LineResult",
    "Member",
    "Message",
    "News",
    "Option",
    "Page",
    "Posting",
    "Receipt",
    "Retries",
    "RewardMessage",
    "Status",
    "Transaction",
    "WSGIReceiver",
    "__version__",
    "sign",
    "verify",
]
