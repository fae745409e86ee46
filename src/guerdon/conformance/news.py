"""Scenarios about news that comes later, by callback."""

from guerdon.conformance import messages
from guerdon.conformance.listener import Listener
from guerdon.conformance.sender import Exchange
from guerdon.conformance.trial import Fails, LeftOut, Trial, decided


async def _postponed(trial: Trial, *, away: bool) -> tuple[Exchange, Listener]:
    if trial.listener is None:
        raise LeftOut("Give --callback-url, where your server sends its callbacks.")
    sender = trial.sender
    identifier = sender.new_identifier()
    if away:
        # Before the message is sent: the callback may be faster than the answer.
        trial.listener.away.add(identifier)
    body = messages.encoded(messages.fields(sender.plan, identifier, "postponed"))
    exchange = decided(await sender.deliver(identifier, body))
    if exchange.judged.evidence != "P":
        raise LeftOut("The endpoint does not postpone a test message that asks for it.")
    return exchange, trial.listener


async def later(trial: Trial) -> Exchange:
    """Postponed, and then a callback that is believed and decides."""
    exchange, listener = await _postponed(trial, away=False)
    patience = trial.sender.plan.patience_seconds
    if not await listener.news_of(exchange.identifier, 1, patience):
        asked = {one.identifier for one in trial.sender.exchanges}
        strays = [one for one in listener.heard if one.transaction_id not in asked]
        if strays:
            raise Fails(
                strays[0].wrong or f"It names another transaction: {strays[0].transaction_id!r}.",
                exchange,
            )
        raise Fails(f"No callback within {patience:g} s.", exchange)
    news = listener.about(exchange.identifier)[0]
    if news.wrong is not None:
        raise Fails(news.wrong, exchange)
    if news.status not in ("success", "failure"):
        raise Fails(f"The callback says {news.status}: that decides nothing.", exchange)
    return exchange


async def later_again(trial: Trial) -> Exchange:
    """The first callback is answered 503; it must come again, with its ID and its bytes."""
    exchange, listener = await _postponed(trial, away=True)
    patience = trial.sender.plan.patience_seconds
    came = await listener.news_of(exchange.identifier, 2, patience)
    if len(came) < 2:
        raise Fails(
            f"The callback was answered 503, and did not come again within {patience:g} s."
            if came
            else f"No callback within {patience:g} s.",
            exchange,
        )
    one, other = listener.about(exchange.identifier)[:2]
    if one.webhook_id != other.webhook_id:
        raise Fails("The same news came again under another webhook-id.", exchange)
    if one.body != other.body:
        raise Fails("The same news came again with another body: Guerdon answers 422.", exchange)
    return exchange
