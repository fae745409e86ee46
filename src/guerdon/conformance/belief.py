"""Scenarios about who is believed: signatures and Authorization, right and wrong."""

from collections.abc import Mapping
from dataclasses import replace

from guerdon import clock
from guerdon.conformance import messages
from guerdon.conformance.sender import Exchange
from guerdon.conformance.trial import Fails, LeftOut, Trial, like_the_first
from guerdon.providers import signing

_STALE_SECONDS = 600


def _refused(exchange: Exchange) -> Exchange:
    if exchange.refuses:
        return exchange
    if exchange.judged.evidence in ("S", "P"):
        raise Fails("It was believed. Answer 401, and give no reward.", exchange)
    raise Fails(f"{exchange.in_words()} Answer 401: that is a refusal.", exchange)


async def _forged(trial: Trial, headers: Mapping[str, str | None], body: bytes = b"") -> Exchange:
    """An ordinary message with other headers (``None``: without) or with another body."""
    sender = trial.sender
    if sender.plan.signing_secret is None:
        raise LeftOut("Give --signing-secret.")
    identifier = sender.new_identifier()
    ordinary = messages.encoded(messages.fields(sender.plan, identifier, "success"))
    request = messages.posted(sender.plan, sender.secret, identifier, ordinary)
    changed = {**request.headers, **headers}
    kept = {name: value for name, value in changed.items() if value is not None}
    forged = replace(request, headers=kept, body=ordinary + body)
    return _refused(await sender.send(identifier, forged))


async def no_signature(trial: Trial) -> Exchange:
    """Without the three headers."""
    gone = dict.fromkeys(("webhook-id", "webhook-timestamp", "webhook-signature"))
    return await _forged(trial, gone)


async def wrong_signature(trial: Trial) -> Exchange:
    """Signed with a secret that is not the provider's."""
    return await _signed_at(trial, 0, signing.new_secret())


async def changed_body(trial: Trial) -> Exchange:
    """One blank more than was signed."""
    return await _forged(trial, {}, b" ")


async def stale_signature(trial: Trial) -> Exchange:
    """A right signature, of a message recorded ten minutes ago."""
    return await _signed_at(trial, -_STALE_SECONDS)


async def early_signature(trial: Trial) -> Exchange:
    """A right signature, dated ten minutes ahead."""
    return await _signed_at(trial, _STALE_SECONDS)


async def borrowed_signature(trial: Trial) -> Exchange:
    """A signature recorded from another message, with that message's ID."""
    if trial.first is None:
        raise LeftOut("No ordinary message was answered.")
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    return await _forged(trial, {name: trial.first.sent.headers[name] for name in names})


async def redated_signature(trial: Trial) -> Exchange:
    """An old signature under a new date: the date is signed too."""
    return await _signed_at(trial, -_STALE_SECONDS, dated=clock.unix_seconds())


async def _signed_at(
    trial: Trial, offset: int, secret: str | None = None, dated: int | None = None
) -> Exchange:
    sender = trial.sender
    if sender.plan.signing_secret is None:
        raise LeftOut("Give --signing-secret.")
    identifier = sender.new_identifier()
    body = messages.encoded(messages.fields(sender.plan, identifier, "success"))
    moment = clock.unix_seconds() + offset
    request = messages.posted(
        sender.plan, secret or sender.secret, identifier, body, sent_at=moment
    )
    if dated is not None:
        request = replace(request, headers={**request.headers, "webhook-timestamp": str(dated)})
    return _refused(await sender.send(identifier, request))


async def two_signatures(trial: Trial) -> Exchange:
    """While a secret is rotated: two signatures, the provider's own second."""
    sender = trial.sender
    identifier = sender.new_identifier()
    body = messages.encoded(messages.fields(sender.plan, identifier, "success"))
    request = messages.posted(sender.plan, sender.secret, identifier, body)
    rotated = signing.sign(
        [signing.new_secret(), sender.secret], identifier, clock.unix_seconds(), body
    )
    exchange = await sender.send(
        identifier, replace(request, headers={**request.headers, **rotated})
    )
    return like_the_first(trial, exchange)


async def wrong_authorization(trial: Trial) -> Exchange:
    """Another Authorization value, everything else right."""
    given = trial.sender.plan.authorization
    if given is None:
        raise LeftOut("Give --authorization.")
    sender = trial.sender
    identifier = sender.new_identifier()
    body = messages.encoded(messages.fields(sender.plan, identifier, "success"))
    request = messages.posted(sender.plan, sender.secret, identifier, body)
    headers = {**request.headers, "Authorization": given + "x"}
    return _refused(await sender.send(identifier, replace(request, headers=headers)))


async def not_json(trial: Trial) -> Exchange:
    """Signed bytes that are no JSON object."""
    sender = trial.sender
    identifier = sender.new_identifier()
    request = messages.posted(sender.plan, sender.secret, identifier, b'{"transactionId": ')
    exchange = await sender.send(identifier, request)
    if not exchange.refuses:
        raise Fails(f"{exchange.in_words()} Answer 400: that is a refusal.", exchange)
    return exchange
