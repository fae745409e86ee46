"""What a programme of some size looks like after a year: rows as COPY takes them, from one seed.

Days are busier than nights and weekends than weekdays; a few options and a few members make most
of the redemptions. All that is still open began in the last sixty days. What is left out is what
the lists never read: only the newest redemptions have their postings and the body that was sent.
"""

import random
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from guerdon import ids

NAMESPACE = "1"
DAYS = 365
_OPEN_DAYS = 60
_OPEN_SHARE = 0.015
# Of a hundred redemptions that are old enough to be over.
_FAILURES = 0.05
_CONTRADICTED = 0.0001
_BY_HOUR = (2, 1, 1, 1, 1, 2, 4, 7, 10, 12, 13, 14, 15, 14, 13, 12, 12, 13, 15, 16, 14, 10, 7, 4)
_ATTEMPTS = {"success": "S", "failure": "F", "postponed": "P", "recoverable-failure": "U"}
_NULL = "\\N"
_HTTP = {"S": "200", "F": "200", "P": "202"}
_RULES = {
    "S": ("status-200", "The provider answered 200: given."),
    "F": ("body-failure", "The provider said that it was not given."),
    "P": ("status-202", "The provider answered 202: later."),
    "U": ("timeout", "No whole answer came in time, so nobody knows."),
}
_LAST = {
    "success": ["confirmation.received"],
    "failure": ["provider.failed", "tokens.returned"],
    "postponed": ["provider.postponed"],
    "recoverable-failure": ["outcome.unknown"],
    "pending": [],
}
_PAYLOADS = {
    "confirmation.received": '{"source": "reply", "message": null, "reference": "R-%d"}',
    "provider.failed": '{"source": "reply", "message": "sold out", "reference": null}',
    "provider.postponed": '{"source": "reply", "message": null, "reference": null}',
    "outcome.unknown": '{"why": "No whole answer came in time.", "rule": "timeout"}',
    "tokens.returned": '{"balanceBefore": 800, "balanceAfter": 1000}',
}


@dataclass(frozen=True, slots=True)
class Member:
    """Who redeems."""

    slot: int
    bucket: int
    member_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Offer:
    """What is redeemed."""

    name: UUID
    title: str
    type: str
    price: int
    provider_id: UUID


@dataclass(slots=True)
class Rows:
    """Lines for COPY, by table: those of one hour."""

    transaction: list[str]
    event: list[str]
    attempt: list[str]
    personal: list[str]
    posting: list[str]


def members(count: int, slots: int, seed: int = 1) -> list[Member]:
    """Members with their IDs."""
    chance = random.Random(seed)
    made = []
    for number in range(count):
        user_id = f"User {number}"
        bucket = ids.bucket_of(NAMESPACE, user_id)
        member_id = f"{chance.getrandbits(48):012x}8{bucket:03x}{_tail(chance)}"
        made.append(Member(bucket % slots, bucket, member_id, user_id))
    return made


def _tail(chance: random.Random) -> str:
    return f"{0b10 << 62 | chance.getrandbits(61) << 1:016x}"


def _stamp(moment: datetime, milliseconds: int) -> str:
    return (moment + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds")


class Year:
    """A year of redemptions that ends now, hour by hour, the oldest first."""

    def __init__(
        self, count: int, people: list[Member], offers: list[Offer], now: datetime, detailed: int
    ) -> None:
        self._count = count
        self._people = people
        self._offers = offers
        self._detailed_from = count - detailed
        self._chance = random.Random(count)
        self._start = (now - timedelta(days=DAYS)).replace(minute=0, second=0, microsecond=0)
        self._end = now
        self._open_from = now - timedelta(days=_OPEN_DAYS)
        self._open_share = _OPEN_SHARE * DAYS / _OPEN_DAYS
        weights = [1 / (rank + 1) for rank in range(len(offers))]
        self._reach = [sum(weights[: n + 1]) / sum(weights) for n in range(len(weights))]
        self._seqs: dict[str, int] = {}
        self._made = 0

    def hours(self) -> Iterator[Rows]:
        """The rows of each hour."""
        hours = int((self._end - self._start) / timedelta(hours=1)) + 1
        weights = [self._weight(self._start + timedelta(hours=n)) for n in range(hours)]
        whole, passed = sum(weights), 0.0
        for number, weight in enumerate(weights):
            passed += weight
            yield self._hour(
                self._start + timedelta(hours=number), round(self._count * passed / whole)
            )

    def _weight(self, hour: datetime) -> float:
        open_for = min(1.0, (self._end - hour) / timedelta(hours=1))
        return _BY_HOUR[hour.hour] * (1.3 if hour.weekday() >= 5 else 1.0) * max(open_for, 0.0)

    def _hour(self, hour: datetime, until: int) -> Rows:
        rows = Rows([], [], [], [], [])
        length = min(3_600_000, int((self._end - hour) / timedelta(milliseconds=1)))
        moments = sorted(self._chance.randrange(length) for _ in range(until - self._made))
        first = int(hour.timestamp() * 1000)
        for moment in moments:
            self._redemption(rows, hour, first, moment)
        return rows

    def _redemption(self, rows: Rows, hour: datetime, first: int, moment: int) -> None:
        chance = self._chance
        draw = chance.random()
        # The cube makes few members redeem often and many seldom.
        member = self._people[int(draw * draw * draw * len(self._people))]
        offer = self._offers[bisect_right(self._reach, chance.random() * 0.999999)]
        identifier = f"{first + moment:012x}8{member.bucket:03x}{_tail(chance)}"
        status = self._status(hour)
        kinds = ["redeem.requested", "tokens.withdrawn"]
        tries = 0 if status == "pending" else 1 if chance.random() < 0.97 else 2
        kinds += ["message.posted"] * tries + _LAST[status]
        took = 40 + int(chance.expovariate(1 / 180))
        created, over = _stamp(hour, moment), _stamp(hour, moment + took)
        closed = status in ("success", "failure")
        asking = status == "recoverable-failure" and chance.random() < 0.05
        rows.transaction.append(
            f"{member.slot}\t{identifier}\t{NAMESPACE}\t{member.member_id}\t{offer.name.hex}\t1\t"
            f"{offer.title}\t{offer.provider_id.hex}\t{offer.type}\t{offer.price}\tapi\t{status}\t"
            f"{len(kinds)}\t{'t' if status == 'recoverable-failure' else 'f'}\t"
            f"{'t' if closed and chance.random() < _CONTRADICTED else 'f'}\t"
            f"{'asking' if asking else _NULL}\t{created}\t{over}\t"
            f"{over if closed else _NULL}\t{'provider' if closed else _NULL}\n"
        )
        self._history(rows, member.slot, identifier, kinds, created, over)
        for n in range(1, tries + 1):
            evidence = _ATTEMPTS[status] if n == tries else "N"
            rule, sentence = _RULES.get(evidence, ("refused", "The connection was refused."))
            rows.attempt.append(
                f"{member.slot}\t{identifier}\t{n}\t{created}\t{took}\t"
                f"{_HTTP.get(evidence, _NULL)}\t{evidence}\t{rule}\t{sentence}\n"
            )
        if self._made >= self._detailed_from:
            self._details(rows, member, offer, identifier, status, created)
        self._made += 1

    def _status(self, hour: datetime) -> str:
        draw = self._chance.random()
        if hour >= self._open_from and draw < self._open_share:
            part = draw / self._open_share
            return (
                "postponed" if part < 0.66 else "recoverable-failure" if part < 0.93 else "pending"
            )
        return "failure" if self._chance.random() < _FAILURES else "success"

    def _history(
        self, rows: Rows, slot: int, identifier: str, kinds: list[str], created: str, over: str
    ) -> None:
        for seq, kind in enumerate(kinds, 1):
            payload = _PAYLOADS.get(kind, _NULL)
            if kind == "tokens.withdrawn":
                payload = '{"balanceBefore": 1000, "balanceAfter": 800}'
            elif kind == "message.posted":
                payload = f'{{"attempt": {seq - 2}}}'
            elif "%d" in payload:
                payload %= self._made
            rows.event.append(
                f"{slot}\t{identifier}\t{seq}\t{kind}\t{created if seq < 3 else over}\t"
                f"{'member' if seq == 1 else 'system' if seq == 2 else 'provider'}\t{payload}\n"
            )

    def _details(
        self,
        rows: Rows,
        member: Member,
        offer: Offer,
        identifier: str,
        status: str,
        created: str,
    ) -> None:
        body = (
            f'{{"event":"redeem.static","redeemOptionName":"{offer.name}","namespace":"1",'
            f'"transactionId":"{UUID(identifier)}","userId":"{member.user_id}",'
            f'"address":"1 Main Street, Dublin","email":"someone@example.com",'
            f'"price":{offer.price},"productName":"{offer.title}"}}'
        )
        rows.personal.append(
            f"{member.slot}\t{identifier}\t0\tsomeone@example.com\t1 Main Street, Dublin\t"
            f"\\\\x{body.encode().hex()}\n"
        )
        legs = [("hold", "available", "held")]
        if status == "success":
            legs.append(("capture", "held", "redeemed"))
        elif status == "failure":
            legs.append(("release", "held", "available"))
        for leg, (movement, left, entered) in enumerate(legs):
            seq = self._seqs[member.member_id] = self._seqs.get(member.member_id, 0) + 1
            rows.posting.append(
                f"{member.slot}\t{identifier}\t{leg}\t{NAMESPACE}\t{member.member_id}\t{seq}\t"
                f"{movement}\t{left}\t{entered}\t{offer.price}\t800\t200\t{created}\t"
                f"\\\\x{'00' * 32}\n"
            )
