"""A redemption is asked for: refusals first, each with a name, then the writes, all in one ``Tx``.

Everything takes many: a batch of one slot is locked in order, decided in arrival order by plain
Python on the locked rows, and written with set-based SQL. This file does not know that a dispatcher
exists: an accepted redemption leaves a row in the outbox, and where a place on the wire was free,
that row is born leased to this process.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from guerdon import clock, ids
from guerdon.db.pool import Tx
from guerdon.errors import (
    GuerdonError,
    IdempotencyKeyReused,
    LimitReached,
    MemberFrozen,
    MemberNotFound,
    NotEligible,
    OptionNotFound,
    OptionUnavailable,
    ProviderUnavailable,
)
from guerdon.ledger import posting
from guerdon.ledger import store as ledger
from guerdon.ledger.posting import Account, Posting
from guerdon.members import store as members
from guerdon.members.model import Member
from guerdon.options import eligibility
from guerdon.options import store as options
from guerdon.options.model import Option
from guerdon.outbox import store as outbox
from guerdon.outbox.message import LEASE_MARGIN_SECONDS, Departure
from guerdon.outbox.places import Places
from guerdon.outbox.store import Owed
from guerdon.providers import store as providers
from guerdon.providers import wire
from guerdon.providers.model import Standing
from guerdon.redemption import terms
from guerdon.transactions import store as transactions
from guerdon.transactions.events import Event, EventType
from guerdon.transactions.model import Key, Personal, Transaction
from guerdon.transactions.states import Status

OptionKey = tuple[str, UUID]


class ShareEmpty(LimitReached):
    """This slot's share of a total limit is used up; another slot's may not be."""


@dataclass(slots=True)
class Request:
    """One redemption as asked for. ``scope`` and ``body`` are hashes of its idempotency key;
    ``test``: of a test programme, which no figures count.

    ``departure`` and ``accepted_id`` are what the last drive of it decided: a place on the wire
    that was taken, and the ID under which it was accepted. They outlive a COMMIT whose reply was
    lost: driven again, the key tells whether that ID is in the database.
    """

    namespace: str
    user_id: str
    option_name: UUID
    email: str | None
    address: str | None
    expected_price: int | None
    token_amount: int | None
    currency: str | None
    expected_currency_amount: int | None
    origin: str
    actor: str
    scope: bytes
    body: bytes
    departure: Departure | None = None
    accepted_id: UUID | None = None
    test: bool = False

    @property
    def option_key(self) -> OptionKey:
        return (self.namespace, self.option_name)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The transaction as it was when it was accepted; ``replayed``: this key came before."""

    transaction: Transaction
    user_id: str
    replayed: bool


@dataclass(slots=True)
class _Writes:
    """What a batch will write, gathered while it is decided."""

    opened: list[Transaction] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    personal: list[Personal] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    owed: list[Owed] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    taken: dict[OptionKey, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Scene:
    """The locked rows that a batch is decided upon; decisions change it as they go."""

    at: datetime
    slot: int
    lease_base: float
    known: dict[tuple[str, str], Member]
    accounts: dict[UUID, Account]
    answered: dict[bytes, Key]
    catalogue: dict[OptionKey, Option]
    standings: dict[UUID, Standing]
    spare: dict[OptionKey, int | None]
    used: dict[tuple[UUID, UUID], tuple[int, int]]
    writes: _Writes = field(default_factory=_Writes)


class RequestVerb:
    """Accepts or refuses many redemptions in one ``Tx``.

    ``process_id`` owns the leases; ``places`` is ``None`` in a process that does not deliver, whose
    messages are all born queued. ``announce`` is told of every answer once it is committed: it puts
    the departures on the wire, at once, whoever still listens for the answer.
    """

    name = "request"
    sheds = True

    def __init__(
        self,
        process_id: UUID,
        places: Places | None,
        announce: Callable[[Request, Accepted | GuerdonError], None],
    ) -> None:
        self._process_id = process_id
        self._places = places
        self._announce = announce

    async def drive(
        self, tx: Tx, slot: int, works: Sequence[Request]
    ) -> list[Accepted | GuerdonError]:
        """Decides in arrival order; a refusal leaves no trace."""
        scene = await _set_scene(tx, slot, works)
        results: list[Accepted | GuerdonError] = []
        replays: list[tuple[int, Request, Key]] = []
        for number, work in enumerate(works):
            earlier = scene.answered.get(work.scope)
            try:
                if earlier is not None:
                    replays.append((number, work, _same_body(work, earlier)))
                    results.append(OptionNotFound("replaced below"))
                else:
                    results.append(self._decide(scene, work))
            except GuerdonError as refusal:
                self._give_back(work)
                results.append(refusal)
        await self._write(tx, slot, scene)
        for number, work, key in replays:
            if key.cause_id != work.accepted_id:
                self._give_back(work)
            results[number] = await _replay(tx, slot, work, key)
        return results

    def committed(
        self, works: Sequence[Request], results: Sequence[Accepted | GuerdonError]
    ) -> None:
        """Tells of each answer; what was leased to this process departs."""
        for work, result in zip(works, results, strict=True):
            self._announce(work, result)

    def abandoned(self, works: Sequence[Request]) -> None:
        """Gives back the places on the wire; what was to depart may be stored, and will not."""
        for work in works:
            self._give_back(work, stray=True)

    def _give_back(self, work: Request, *, stray: bool = False) -> None:
        if work.departure is not None:
            assert self._places is not None, "only a delivering process takes places"
            self._places.give_back(work.departure.provider_id)
            if stray:
                self._places.strays.append(work.departure)
            work.departure = None

    def _decide(self, scene: _Scene, work: Request) -> Accepted:
        option = scene.catalogue.get(work.option_key)
        if option is None:
            raise OptionNotFound(f"There is no option {work.option_name}.")
        member = scene.known.get((work.namespace, work.user_id))
        # Found before the lock, and wiped by who held it: a sandbox.
        if member is None or member.member_id not in scene.accounts:
            raise MemberNotFound(f"There is no member {work.user_id!r}.")
        email, address = terms.contact(option, member, work.email, work.address)
        price, minor, rate = terms.price(option, work.token_amount, work.currency)
        _refuse(scene, option, member)
        terms.refuse_other_price(price, minor, work.expected_price, work.expected_currency_amount)
        account = scene.accounts[member.member_id]
        posting.require(account, price)
        standing = scene.standings[option.provider_id]
        if standing.blocked is not None:
            raise ProviderUnavailable(standing.blocked, retryAfter=standing.retry_after)
        transaction_id = ids.new_id(ids.bucket_in(member.member_id), scene.at)
        before = account.available
        scene.writes.postings.append(posting.hold(account, transaction_id, price, scene.at))
        made = Transaction(
            slot=scene.slot,
            transaction_id=transaction_id,
            namespace=work.namespace,
            member_id=member.member_id,
            option_name=option.name,
            option_version=option.version,
            option_title=option.title,
            provider_id=option.provider_id,
            type=option.type,
            price=price,
            currency=work.currency if option.type == "currency" else None,
            currency_amount=minor,
            conversion_rate=rate,
            origin=work.origin,
            status=Status.PENDING,
            events=2,
            dirty=False,
            conflict=False,
            open_reason=None,
            due_at=None,
            next_ask_at=None,
            asked=0,
            reference=None,
            created_at=scene.at,
            updated_at=scene.at,
            closed_at=None,
            closed_by=None,
        )
        body = wire.message_body(
            option_name=str(option.name),
            namespace=work.namespace,
            transaction_id=str(transaction_id),
            user_id=work.user_id,
            address=address if option.send_address else None,
            email=email if option.send_email else None,
            price=price,
            product_name=option.title,
            currency=made.currency,
            currency_amount=minor,
            conversion_rate=rate,
        )
        _note_count(scene, option, member)
        self._record(scene, work, made, before, account.available)
        scene.writes.personal.append(Personal(transaction_id, 0, email, address, body))
        scene.writes.owed.append(
            Owed(transaction_id, option.provider_id, self._lease(scene, standing, work, made, body))
        )
        work.accepted_id = transaction_id
        return Accepted(made, work.user_id, replayed=False)

    def _record(
        self, scene: _Scene, work: Request, made: Transaction, before: int, after: int
    ) -> None:
        writes = scene.writes
        writes.opened.append(made)
        writes.events.append(
            Event(made.transaction_id, 1, EventType.REQUESTED, scene.at, work.actor, None)
        )
        balances = f'{{"balanceBefore": {before}, "balanceAfter": {after}}}'
        writes.events.append(
            Event(made.transaction_id, 2, EventType.WITHDRAWN, scene.at, "system", balances)
        )
        key = Key(work.scope, work.body, made.transaction_id, None)
        writes.keys.append(key)
        scene.answered[work.scope] = key
        writes.taken[work.option_key] = writes.taken.get(work.option_key, 0) + 1

    def _lease(
        self, scene: _Scene, standing: Standing, work: Request, made: Transaction, body: bytes
    ) -> datetime | None:
        """When the lease ends, if the message is born sending; ``None``: born queued."""
        if self._places is None or standing.waits:
            return None
        # A batch that is driven again keeps the places it has.
        if work.departure is None and not self._places.take(
            made.provider_id, standing.max_in_flight, standing.rate_per_second
        ):
            return None
        seconds = standing.timeout_seconds + LEASE_MARGIN_SECONDS
        until = scene.at + timedelta(seconds=seconds)
        work.departure = Departure(
            slot=scene.slot,
            transaction_id=made.transaction_id,
            namespace=made.namespace,
            provider_id=made.provider_id,
            attempt=1,
            body=body,
            lease_ends=scene.lease_base + seconds,
            accepted=scene.lease_base,
            leased_until=until,
        )
        return until

    async def _write(self, tx: Tx, slot: int, scene: _Scene) -> None:
        writes = scene.writes
        if not writes.opened:
            return
        await ledger.post(tx, slot, scene.accounts.values(), writes.postings)
        await transactions.add(tx, slot, scene.at, writes.opened)
        await transactions.add_personal(tx, slot, writes.personal)
        await transactions.add_events(tx, slot, writes.events)
        await transactions.add_keys(tx, slot, scene.at, writes.keys)
        await outbox.enqueue(tx, slot, scene.at, self._process_id, writes.owed)
        await options.take(tx, slot, writes.taken)


async def _set_scene(tx: Tx, slot: int, works: Sequence[Request]) -> _Scene:
    lease_base = clock.monotonic()
    wanted = {work.option_key for work in works}
    known, catalogue, standings = await tx.together(
        members.find(tx, slot, {(work.namespace, work.user_id) for work in works}),
        options.current(tx, wanted),
        providers.standing(tx, {work.namespace for work in works}),
    )
    # Keys are looked up after the lock: a twin in another process has committed by then, or waits.
    accounts, answered, spare = await tx.together(
        ledger.lock_accounts(tx, slot, {member.member_id for member in known.values()}),
        transactions.find_keys(tx, slot, {work.scope for work in works}),
        options.lock_shares(tx, slot, wanted),
    )
    scene = _Scene(
        tx.at, slot, lease_base, known, accounts, answered, catalogue, standings, spare, {}
    )
    await _count_uses(tx, scene, works)
    return scene


async def _count_uses(tx: Tx, scene: _Scene, works: Sequence[Request]) -> None:
    """Counts what the members of the batch used of options that limit each member."""
    wanted: dict[tuple[UUID, UUID], UUID] = {}
    for work in works:
        option = scene.catalogue.get(work.option_key)
        member = scene.known.get((work.namespace, work.user_id))
        if option is not None and member is not None and eligibility.needs_member_counts(option):
            since = ids.first_id_at(eligibility.period_start(option, scene.at))
            wanted[member.member_id, option.name] = since
    if wanted:
        counted = await transactions.counts(
            tx, scene.slot, [(member, option, since) for (member, option), since in wanted.items()]
        )
        scene.used = dict(zip(wanted, counted, strict=True))


def _note_count(scene: _Scene, option: Option, member: Member) -> None:
    """An acceptance counts for those that come after it in the same batch."""
    key = (option.namespace, option.name)
    left = scene.spare.get(key)
    if left is not None:
        scene.spare[key] = left - 1
    used = scene.used.get((member.member_id, option.name))
    if used is not None:
        scene.used[member.member_id, option.name] = (used[0] + 1, used[1] + 1)


def _refuse(scene: _Scene, option: Option, member: Member) -> None:
    """Whatever stands against an otherwise sound request, in the order people are told."""
    unavailable = eligibility.unavailable(option, scene.at)
    if unavailable is not None:
        raise OptionUnavailable(unavailable)
    if member.frozen:
        raise MemberFrozen("This member may not redeem at present.")
    if not eligibility.in_audience(option, member.attributes):
        raise NotEligible("This option is not offered to this member.")
    used, in_period = scene.used.get((member.member_id, option.name), (0, 0))
    reached = eligibility.member_limit(option, used, in_period)
    if reached is not None:
        raise LimitReached(reached)
    spare = scene.spare.get((option.namespace, option.name))
    if spare is not None and spare <= 0:
        raise ShareEmpty("None of this option is left.")


def _same_body(work: Request, earlier: Key) -> Key:
    if earlier.body_hash != work.body:
        raise IdempotencyKeyReused("This Idempotency-Key came before with another body.")
    return earlier


async def _replay(tx: Tx, slot: int, work: Request, key: Key) -> Accepted | GuerdonError:
    """The first answer again: the transaction as it was when it was accepted."""
    made = await transactions.get(tx, slot, key.cause_id)
    if made is None:
        return GuerdonError(f"The transaction {key.cause_id} of this key is gone.")
    made.status, made.events = Status.PENDING, 2
    made.updated_at, made.closed_at, made.closed_by = made.created_at, None, None
    made.open_reason = made.reference = made.due_at = made.next_ask_at = None
    made.conflict = made.dirty = False
    return Accepted(made, work.user_id, replayed=work.accepted_id != made.transaction_id)
