"""News to Guerdon: a provider says later what became of a transaction, and signs it."""

import hashlib
from dataclasses import dataclass

import httpx

from guerdon_client import calls, signatures
from guerdon_client.calls import Call
from guerdon_client.drivers import Awaiting, Blocking, Settings
from guerdon_client.endpoints import Driver, Resource, endpoint
from guerdon_client.exchange import Retries
from guerdon_client.lifetimes import AsyncClosing, Closing
from guerdon_client.reading import one
from guerdon_client.transactions import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """How the transaction stands now. ``applied``: this callback moved it."""

    transaction_id: str
    status: Status
    applied: bool


class Callbacks(Resource[Driver]):
    """Callbacks of one provider, signed with its callback secret."""

    def __init__(self, driver: Driver, provider_id: str, callback_secret: str) -> None:
        super().__init__(driver)
        self._path = calls.path("v1", "providers", provider_id, "callbacks")
        signatures.keys_of(callback_secret)
        self._secret = callback_secret

    @endpoint
    def send(
        self,
        transaction_id: str,
        status: Status,
        *,
        message: str | None = None,
        reference: str | None = None,
        webhook_id: str | None = None,
    ) -> Call[News]:
        """Says that the reward was given (``success``), was not (``failure``), or will be decided.

        ``status`` is one of the four that a reply may have. The same news has the same
        ``webhook_id`` however often it is sent, so it may be sent again at any time; name one of
        your own to say the same thing anew. Raises ``AlreadyFinal`` where it contradicts what was
        concluded, ``TransactionNotFound``, ``Unauthenticated`` (the secret, the provider's ID or
        this machine's clock is wrong).
        """
        body = calls.body(
            calls.said(
                transactionId=transaction_id, status=status, message=message, reference=reference
            )
        )
        told_as = webhook_id or hashlib.sha256(body).hexdigest()[:32]
        return Call(
            method="POST",
            path=self._path,
            read=one(News),
            content=body,
            headers=calls.JSON_TYPE,
            repeatable=True,
            # Signed anew each time: a signature counts for five minutes.
            stamp=lambda: signatures.sign(self._secret, told_as, body),
        )


class CallbackSender(Callbacks[Blocking], Closing):
    """Sends callbacks, and waits for the answer. ``url`` is where Guerdon is."""

    def __init__(
        self,
        url: str,
        provider_id: str,
        callback_secret: str,
        *,
        timeout: float = 10.0,
        retries: Retries = Retries(),  # noqa: B008 - frozen
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        settings = Settings(url, {}, timeout, retries)
        super().__init__(Blocking(settings, transport), provider_id, callback_secret)


class AsyncCallbackSender(Callbacks[Awaiting], AsyncClosing):
    """Sends callbacks, awaited. ``url`` is where Guerdon is."""

    def __init__(
        self,
        url: str,
        provider_id: str,
        callback_secret: str,
        *,
        timeout: float = 10.0,
        retries: Retries = Retries(),  # noqa: B008 - frozen
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        settings = Settings(url, {}, timeout, retries)
        super().__init__(Awaiting(settings, transport), provider_id, callback_secret)
