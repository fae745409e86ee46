"""Scenarios about answers: variations of a message, and one reward for one ID."""

import asyncio
import itertools

from guerdon.conformance import messages
from guerdon.conformance.sender import Exchange
from guerdon.conformance.trial import Fails, LeftOut, Trial, decided, like_the_first, same_again

_AT_ONCE = 5
_TEXT = 'Tickets "für zwei" \\ <b>&amp;</b> 🎟 \u2028 {{7*7}}'


async def answers(trial: Trial) -> Exchange:
    """An ordinary message."""
    return decided(await trial.sender.ask())


async def null_personal_data(trial: Trial) -> Exchange:
    """Neither email nor address is known."""
    return decided(await trial.sender.ask(changes={"email": None, "address": None}))


async def unknown_fields(trial: Trial) -> Exchange:
    """Fields of a later release."""
    later = {"loyaltyTier": {"name": "gold", "since": [2024, 5]}, "note": None}
    return like_the_first(trial, await trial.sender.ask(changes=later))


async def any_text(trial: Trial) -> Exchange:
    """Quotes, markup, other alphabets and emoji."""
    changes = {"productName": _TEXT, "userId": "Ünal/7 +%41 漢字", "address": "1 Main St\n2nd door"}
    return like_the_first(trial, await trial.sender.ask(changes=changes))


async def reordered_fields(trial: Trial) -> Exchange:
    """The same object with its fields the other way round and blanks between them."""
    identifier = trial.sender.new_identifier()
    ordinary = messages.fields(trial.sender.plan, identifier, "success")
    turned = [messages.encoded({key: ordinary[key]})[1:-1] for key in reversed(ordinary)]
    body = b"{\n  " + b",\n  ".join(turned) + b"\n}\n"
    return like_the_first(trial, await trial.sender.deliver(identifier, body))


async def currency(trial: Trial) -> Exchange:
    """A message about a currency option."""
    identifier = trial.sender.new_identifier()
    body = messages.encoded(messages.conversion(trial.sender.plan, identifier))
    return decided(await trial.sender.deliver(identifier, body))


async def connection_reuse(trial: Trial) -> Exchange:
    """Two messages with a connection that may be kept."""
    sender, plan = trial.sender, trial.sender.plan
    for _ in range(2):
        identifier = sender.new_identifier()
        body = messages.encoded(messages.fields(plan, identifier, "success"))
        request = messages.posted(plan, sender.secret, identifier, body, reuse=True)
        exchange = decided(await sender.send(identifier, request))
    return exchange


async def failure(trial: Trial) -> Exchange:
    """A message that asks for a no: it must be said in so many words, and stay."""
    one = await trial.sender.ask("failure")
    if one.judged.evidence in ("S", "P"):
        raise LeftOut("The endpoint does not answer failure to a test message that asks for it.")
    if one.judged.evidence != "F":
        raise Fails(
            f'{one.in_words()} Only {{"status": "failure"}} returns tokens by machine.', one
        )
    other = await trial.sender.deliver(one.identifier, one.sent.body)
    same_again(one, other)
    return other


async def same_id_twice(trial: Trial) -> Exchange:
    """The same bytes again, after the answer."""
    one = decided(await trial.sender.ask())
    other = await trial.sender.deliver(one.identifier, one.sent.body)
    same_again(one, other)
    return other


async def same_id_at_once(trial: Trial) -> Exchange:
    """The same bytes on several connections at once."""
    identifier = trial.sender.new_identifier()
    body = messages.encoded(messages.fields(trial.sender.plan, identifier, "success"))
    all_of_them = await asyncio.gather(
        *(trial.sender.deliver(identifier, body) for _ in range(_AT_ONCE))
    )
    # Some may still be postponed while another has been decided.
    settled = sorted(map(decided, all_of_them), key=lambda one: one.judged.evidence != "P")
    for one, other in itertools.pairwise(settled):
        same_again(one, other)
    return settled[-1]


async def cut_connection(trial: Trial) -> Exchange:
    """The connection is cut before the answer; then the same bytes again, twice."""
    identifier = trial.sender.new_identifier()
    body = messages.encoded(messages.fields(trial.sender.plan, identifier, "success"))
    await trial.sender.hang_up(identifier, body)
    one = decided(await trial.sender.deliver(identifier, body))
    other = await trial.sender.deliver(identifier, body)
    same_again(one, other)
    return other


async def two_ids(trial: Trial) -> Exchange:
    """Two redemptions of one member: two rewards."""
    one = decided(await trial.sender.ask())
    other = decided(await trial.sender.ask())
    if one.judged.reference is not None and one.judged.reference == other.judged.reference:
        raise Fails(f"Two IDs were given one reward: {other.judged.reference!r}.", other)
    return other
