"""A transaction's history in words: what happened, when, how long after, and what it means.

The order is that of the events' numbers, not of any clock. An open transaction ends with a hollow
step that says what is waited for, and what happens by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from guerdon.console import moments, sending
from guerdon.console.choices import CLOSED_AS
from guerdon.console.pages import STATUS_TEXT, number, who
from guerdon.console.payloads import Payload, payload
from guerdon.console.standing import WISHES
from guerdon.providers.model import Provider
from guerdon.redemption.inquiry import Full
from guerdon.transactions.events import EventType
from guerdon.transactions.model import Transaction

Tone = Literal["good", "bad", "unsure", "plain", "note"]
_ORIGINS = {"api": "over the API", "widget": "in the widget"}
_EVIDENCE_TONE: Mapping[str, Tone] = {
    "S": "good",
    "P": "good",
    "F": "bad",
    "R": "unsure",
    "N": "unsure",
    "U": "unsure",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the timeline. ``since`` is the time from the one before."""

    seq: int
    title: str
    tone: Tone
    at: datetime
    since: timedelta | None
    meta: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Part:
    """What to look into of one event: its payload, or the sides of an attempt. ``curl`` is a
    command that would send the request again."""

    seq: int
    title: str
    note: str
    sides: tuple[tuple[str, Payload | None, str], ...]
    curl: str | None = None


@dataclass(frozen=True, slots=True)
class Contradiction:
    """News against what was concluded: what it said, by which way and in which words, and when."""

    what: str
    how: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Story:
    """The timeline and the payloads, and what an open transaction waits for."""

    steps: tuple[Step, ...]
    contradictions: tuple[Contradiction, ...]
    parts: tuple[Part, ...]
    waiting: tuple[str, str] | None
    masked: bool
    hidden: bool


def tell(
    t: Transaction, full: Full, provider: Provider | None, now: datetime, *, revealed: bool
) -> Story:
    """The story of a transaction as it was read with its history."""
    events = full.view.events
    assert isinstance(events, list), "a full view has its history"
    steps: list[Step] = []
    parts: list[Part] = []
    before: datetime | None = None
    for event in events:
        at = datetime.fromisoformat(event["at"])
        tone, meta, meaning = _meaning(t, event, provider)
        since = None if before is None else at - before
        steps.append(Step(event["seq"], event["title"], tone, at, since, meta, meaning))
        parts.append(_part(t, event, provider, revealed=revealed))
        before = at
    sides = [side for part in parts for _, side, _ in part.sides]
    against = [event for event in events if event["type"] == EventType.CONFLICT]
    return Story(
        tuple(steps),
        tuple(map(_contradiction, against)),
        tuple(parts),
        _waiting(t, full, now),
        masked=any(side is not None and side.masked for side in sides),
        hidden=any(note == "hidden" for part in parts for _, _, note in part.sides),
    )


def _contradiction(event: dict[str, Any]) -> Contradiction:
    facts: dict[str, Any] = event["payload"]
    what = "It was given." if facts["said"] == "succeeded" else "It was not given."
    how = f"{who(event['actor'])}, {_source(facts)}{_said(facts)}"
    return Contradiction(what, how, datetime.fromisoformat(event["at"]))


def _meaning(
    t: Transaction, event: dict[str, Any], provider: Provider | None
) -> tuple[Tone, str, str]:
    """The tone, who and where, and the sentence of one event."""
    facts: dict[str, Any] = event["payload"]
    actor = who(event["actor"])
    match event["type"]:
        case EventType.REQUESTED:
            return "good", f"{actor} · {_ORIGINS.get(facts['origin'], '')}", ""
        case EventType.WITHDRAWN:
            moved = _balances(facts)
            return "good", f"{moved} · {number(t.price)} on hold", ""
        case EventType.POSTED:
            return _posted(facts, provider)
        case EventType.CONFIRMED:
            return "good", actor, f"Confirmed {_source(facts)}{_said(facts)}. Tokens captured."
        case EventType.POSTPONED:
            return "unsure", actor, f"Said “later” {_source(facts)}{_said(facts)}."
        case EventType.UNKNOWN:
            return "unsure", "Guerdon", str(facts.get("why") or "Nobody knows if it was given.")
        case EventType.FAILED:
            return "bad", actor, f"Said “not given” {_source(facts)}{_said(facts)}."
        case EventType.RETURNED:
            why = f" {facts['why']}" if facts.get("why") else ""
            return "good", _balances(facts), f"{number(t.price)} tokens went back.{why}"
        case EventType.OPERATOR_CONFIRMED | EventType.OPERATOR_CANCELLED:
            return "good", actor, _reason(facts)
        case EventType.CONFLICT:
            stands = STATUS_TEXT.get(facts.get("stands", ""), "")
            said = f"Said {facts.get('said')} {_source(facts)}{_said(facts)}"
            return "bad", actor, f"{said}; {stands} stands, no tokens moved."
        case EventType.RESENT:
            return "plain", actor, f"The same message goes out once more. {_reason(facts)}"
        case EventType.SECOND_ASKED:
            wish = WISHES[facts["choice"]]
            return "unsure", actor, f"Asked to {wish}; another must approve. {_reason(facts)}"
        case EventType.SECOND_DECLINED:
            withdrawn = facts["who"] == facts["askedBy"]
            return "plain", actor, "Withdrawn." if withdrawn else "Declined; nothing was moved."
        case EventType.CORRECTED:
            how = "given back" if facts["choice"] == "grant" else "charged again"
            return "good", _balances(facts), f"{number(facts['amount'])} tokens {how}."
        case EventType.CASE_CLOSED:
            closed_as = CLOSED_AS[facts["choice"]]
            return "good", actor, f"{closed_as[0].upper()}{closed_as[1:]}. {_reason(facts)}"
    return "plain", actor, ""


def _reason(facts: dict[str, Any]) -> str:
    words = [f"Reason: {facts['reason']}"] if facts.get("reason") else []
    if facts.get("askedBy"):
        words.append(f"Asked for by {who(facts['askedBy'])}, approved by another person.")
    return " · ".join(words)


def _posted(facts: dict[str, Any], provider: Provider | None) -> tuple[Tone, str, str]:
    where = ""
    if provider is not None:
        url = urlsplit(provider.webhook_url)
        where = f"POST {url.netloc}{url.path}"
    took = facts.get("durationMs")
    told = [where, f"try {facts['attempt']}" if facts.get("attempt", 1) > 1 else ""]
    told.append(f"answered {facts['status']}" if facts.get("status") else "no whole answer")
    told.append("" if took is None else f"after {moments.span(timedelta(milliseconds=took))}")
    tone = _EVIDENCE_TONE.get(str(facts.get("verdict")), "plain")
    return tone, " · ".join(one for one in told if one), str(facts.get("meaning", ""))


def _balances(facts: dict[str, Any]) -> str:
    return f"available {number(facts['balanceBefore'])} → {number(facts['balanceAfter'])}"


def _source(facts: dict[str, Any]) -> str:
    words = {
        "reply": "in the reply",
        "callback": "by callback",
        "operator": "by an operator",
        "inquiry": "when asked",
    }
    return words.get(facts.get("source", ""), "")


def _said(facts: dict[str, Any]) -> str:
    parts = [f"reference {facts['reference']}"] if facts.get("reference") else []
    if facts.get("message"):
        parts.append(f"“{facts['message']}”")
    return "".join(f", {part}" for part in parts)


def _part(
    t: Transaction, event: dict[str, Any], provider: Provider | None, *, revealed: bool
) -> Part:
    facts: dict[str, Any] = event["payload"]
    if event["type"] != EventType.POSTED:
        text = msgspec.json.encode(facts).decode() if facts else ""
        side = payload(text, revealed=revealed) if text else None
        return Part(event["seq"], event["title"], "", (("Payload", side, ""),))
    raw: msgspec.Raw | None = facts.get("request")
    sent = None if raw is None else payload(bytes(raw).decode(), revealed=revealed)
    reply = facts.get("reply")
    answered, note = None, "There was no body." if facts.get("status") else "There was no answer."
    if reply == "hidden":
        note = "hidden"
    elif reply:
        answered, note = payload(reply, revealed=True), ""
    request_note = "" if sent is not None else "Not kept any longer, or the member was erased."
    sides = [("Request", sent, request_note), ("Response", answered, note)]
    curl = None
    if provider is not None:
        head = sending.headers(provider, str(t.transaction_id), facts)
        told = "As the provider is set now. The headers of answers are not kept."
        sides.append(("Headers", payload(head, revealed=True), told))
        if sent is not None:
            curl = sending.as_curl(provider, str(t.transaction_id), sent.text)
    attempt = facts.get("attempt", 1)
    status = facts.get("status")
    took = facts.get("durationMs")
    told = f"try {attempt} · " + (f"answered {status}" if status else "no answer")
    told += "" if took is None else f" · {moments.span(timedelta(milliseconds=took))}"
    return Part(event["seq"], event["title"], told, tuple(sides), curl)


def _waiting(t: Transaction, full: Full, now: datetime) -> tuple[str, str] | None:
    """What is waited for, and what happens by itself."""
    tokens = number(t.price)
    if t.closed_at is not None:
        return None
    if t.status == "pending":
        if t.open_reason == "acknowledged":
            return "Waiting for the provider's callback", _deadline(t, now)
        if full.view.next_attempt_at is not None:
            due = datetime.fromisoformat(full.view.next_attempt_at) - now
            soon = moments.age(due) if due > timedelta() else "a moment"
            return "Waiting to be sent again", f"The next try starts in {soon}."
        return "Waiting for the provider", "The message is on its way; the answer decides."
    if full.view.next_attempt_at is not None:
        return "Waiting to be sent again", "The provider is asked again; its answer decides."
    if t.open_reason == "second-person":
        return "Waiting for a second person", f"The {tokens} tokens stay on hold until they decide."
    if t.open_reason == "asking":
        return "Asking the provider what became of it", "Its answer counts as a callback."
    stay = f"The {tokens} tokens stay on hold until someone confirms or cancels"
    if t.status == "postponed":
        if t.due_at is not None:
            return "Waiting for the provider, or a decision", _deadline(t, now)
        return "Waiting for the provider, or a decision", f"{stay}, or the provider decides."
    return "Waiting for a decision", f"{stay}."


def _deadline(t: Transaction, now: datetime) -> str:
    if t.due_at is None:
        return "It has no deadline."
    left = t.due_at - now
    if left <= timedelta():
        return "Its deadline has passed: it becomes a recoverable failure any moment."
    return f"Becomes a recoverable failure in {moments.age(left)}, never a refund by itself."
