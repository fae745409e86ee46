"""Callbacks: providers' authenticated news, in both dialects."""

import hashlib
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import structlog
from starlette.responses import Response

from guerdon import clock, ids, strict_json
from guerdon.api.answers import CallbackAnswer
from guerdon.errors import GuerdonError, TransactionNotFound, Unauthenticated
from guerdon.options import store as options
from guerdon.providers import signing, store
from guerdon.providers.model import Provider
from guerdon.redemption.news import Told
from guerdon.transactions import store as transactions
from guerdon.transactions.states import News
from guerdon.web import lists
from guerdon.web.door import LARGEST_BODY, Call, answer, read_bounded
from guerdon.web.parts import Parts
from guerdon.web.routes import Route

_NEWS = {
    "success": News.SUCCEEDED,
    "failure": News.FAILED,
    "postponed": News.POSTPONED,
    "recoverable-failure": News.UNKNOWN,
}
_ALL_LATE = 3
_log = structlog.get_logger("guerdon.callbacks")


class Callback(msgspec.Struct, rename="camel"):
    """What a provider says. Members that we do not know are the provider's own affair."""

    transaction_id: str
    status: Literal["success", "failure", "postponed", "recoverable-failure"]
    message: Any = None
    reference: Any = None


class Original(msgspec.Struct, rename="camel"):
    """A callback of the original product: the secret stands in the body."""

    secret_key: Annotated[str, msgspec.Meta(max_length=1000)]
    transaction_id: str


class Doors:
    """The handlers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        # Signatures that were right and too old or too new, since the last that was in time.
        self._out_of_time = 0

    def routes(self) -> list[Route]:
        """Their place in the table."""
        codes = ("unauthenticated", "transaction-not-found", "already-final", "unavailable")
        original = "/fed/providers/{optionName}/events/redeem.static."
        return [
            Route(
                "POST",
                "/v1/providers/{providerId}/callbacks",
                self.signed,
                "A provider's news, signed (Standard Webhooks)",
                body=Callback,
                answer=CallbackAnswer,
                raw=True,
                codes=(*codes, "webhook-id-reused"),
            ),
            Route(
                "POST",
                f"{original}success",
                self.original_success,
                "The original product's confirmation",
                body=Original,
                answer=CallbackAnswer,
                raw=True,
                codes=codes,
            ),
            Route(
                "POST",
                f"{original}failure",
                self.original_failure,
                "The original product's failure",
                body=Original,
                answer=CallbackAnswer,
                raw=True,
                codes=codes,
            ),
        ]

    async def signed(self, call: Call) -> Response:
        """Verified against the callback secrets of the provider in the path."""
        raw = await read_bounded(call.request, LARGEST_BODY)
        provider = await self._provider(call.parameters["providerId"])
        secrets = () if provider is None else provider.secrets["callbackSecret"]
        webhook_id = signing.verify(secrets, call.request.headers, raw, clock.unix_seconds())
        if provider is None or webhook_id is None:
            self._note_time(signing.signed(secrets, call.request.headers, raw))
            raise await self._not_authentic(call, [] if provider is None else [provider])
        self._out_of_time = 0
        said = strict_json.fit(strict_json.parse(raw), Callback)
        return await self._hear(
            Told(
                _transaction_id(said.transaction_id),
                _NEWS[said.status],
                "callback",
                "provider",
                namespace=provider.namespace,
                provider_id=provider.provider_id,
                message=_clipped(said.message, 500),
                reference=_clipped(said.reference, 128),
                rule="callback",
                why="The provider's callback says recoverable-failure.",
                webhook_id=webhook_id,
                body_hash=hashlib.sha256(raw).digest()[:16],
            )
        )

    async def original_success(self, call: Call) -> Response:
        """``redeem.static.success``."""
        return await self._original(call, News.SUCCEEDED)

    async def original_failure(self, call: Call) -> Response:
        """``redeem.static.failure``."""
        return await self._original(call, News.FAILED)

    async def _original(self, call: Call, news: News) -> Response:
        raw = await read_bounded(call.request, LARGEST_BODY)
        body = strict_json.parse(raw)
        # A body without a secret is not authentic, whatever else is wrong with it.
        if not isinstance(body, dict) or not isinstance(body.get("secretKey"), str):
            raise await self._not_authentic(call, [])
        behind = await self._behind(call.parameters["optionName"], body.get("transactionId"))
        said_by = [
            provider
            for provider in behind
            if signing.same_secret(body["secretKey"], provider.secrets["secretKey"])
        ]
        if not said_by:
            raise await self._not_authentic(call, behind)
        said = strict_json.fit(body, Original)
        provider = said_by[0]
        return await self._hear(
            Told(
                _transaction_id(said.transaction_id),
                news,
                "callback",
                "provider",
                namespace=provider.namespace,
                provider_id=provider.provider_id,
            )
        )

    async def _hear(self, told: Told) -> Response:
        concluded = await self._parts.settlement.hear(told)
        t = concluded.transaction
        return answer(
            {
                "transactionId": str(t.transaction_id),
                "status": str(t.status),
                "applied": concluded.applied,
            }
        )

    async def _provider(self, text: str) -> Provider | None:
        provider_id = _uuid(text)
        if provider_id is None:
            return None
        async with self._parts.database.read() as tx:
            return await store.load(tx, self._parts.sealer, provider_id)

    async def _behind(self, text: str, told_of: object) -> list[Provider]:
        """Who may speak by an option's name: the provider of the transaction told of, which the
        option may have had before, then those behind options of this name in any namespace."""
        name = _uuid(text)
        if name is None:
            return []
        about = _uuid(told_of)
        async with self._parts.database.read() as tx:
            behind = await options.providers_of(tx, name)
            if about is not None:
                slot = ids.bucket_in(about) % self._parts.slots
                own = await transactions.get(tx, slot, about)
                if own is not None and own.option_name == name:
                    behind.insert(0, (own.namespace, own.provider_id))
            wanted = dict.fromkeys(provider_id for _, provider_id in behind)
            loaded = [await store.load(tx, self._parts.sealer, one) for one in wanted]
        return [provider for provider in loaded if provider is not None]

    def _note_time(self, signed: tuple[str, int] | None) -> None:
        """One late callback is a replay, or the network; where all are, a clock is wrong."""
        if signed is None:
            return
        self._out_of_time += 1
        if self._out_of_time % _ALL_LATE == 0:
            behind = clock.unix_seconds() - signed[1]
            _log.error("clock skew", seconds=behind, callbacks=self._out_of_time)

    async def _not_authentic(self, call: Call, meant: list[Provider]) -> GuerdonError:
        """One identical answer, whether the provider, the option or the secret is wrong. Operators
        of the provider that was meant see how many there were."""
        _log.warning("callback refused", address=call.address, path=call.request.url.path)
        self._parts.throttle.refuse_if_hot(call.address)
        self._parts.throttle.note(call.address)
        if meant:
            async with self._parts.database.tx() as tx:
                await store.note_refused_callback(tx, {one.provider_id for one in meant})
        return Unauthenticated("This callback is not authentic.")


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _transaction_id(text: str) -> UUID:
    return lists.uuid_or(TransactionNotFound("There is no such transaction."), text)


def _clipped(value: object, length: int) -> str | None:
    return value[:length] if isinstance(value, str) else None
