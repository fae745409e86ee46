"""Members come, change and go: one by one, by the batch, and by their own token.

A member's accounts are opened in the ``Tx`` that makes the member. Whoever changes or erases a
member holds the lock on their row first and the one on their account second, so that no profile
outlives an erasure.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from guerdon import ids
from guerdon.access import store as access
from guerdon.amount import MAX_TOKENS
from guerdon.db.pool import ReadTx, Tx
from guerdon.errors import (
    GuerdonError,
    IdempotencyKeyReused,
    MemberErased,
    MemberNotFound,
    OpenTransactions,
    Unavailable,
)
from guerdon.fields import Fields
from guerdon.ledger import store as ledger
from guerdon.ledger.posting import Account
from guerdon.members import model
from guerdon.members import store as members
from guerdon.members.model import Change, Member
from guerdon.members.notes import store as notes
from guerdon.members.store import MemberKey
from guerdon.redemption import issuance
from guerdon.redemption.issuance import Receipt
from guerdon.sealing import Sealer
from guerdon.transactions import store as transactions
from guerdon.transactions.exports import store as exports
from guerdon.transactions.model import Key
from guerdon.transactions.requests import store as requests

_CREATED, _CHANGED = '"created"', '"changed"'


async def put_member(
    tx: Tx, slots: int, namespace: str, user_id: str, change: Change
) -> tuple[Member, bool]:
    """Creates or changes a member; answers the member, and whether they are new.

    Raises ``InvalidRequest`` where nobody may carry such a userId.
    """
    model.check_user_id(user_id)
    slot = ids.bucket_of(namespace, user_id) % slots
    key = (namespace, user_id)
    known, new = await _lock_or_create(tx, slot, {key})
    member = model.changed(known[key], change)
    if member != known[key]:
        await members.save(tx, slot, tx.at, [member])
    return member, key in new


async def of_token(tx: Tx, slots: int, sealer: Sealer, namespace: str, user_id: str) -> Member:
    """The member a valid member token speaks for, made with 0 tokens if unknown so far.

    Raises ``MemberErased`` where that userId was erased: an old token does not bring it back.
    """
    model.check_user_id(user_id)
    slot = ids.bucket_of(namespace, user_id) % slots
    key = (namespace, user_id)
    found = await members.find(tx, slot, {key})
    if key in found:
        return found[key]
    if await members.was_erased(tx, slot, namespace, _user_hash(sealer, namespace, user_id)):
        raise MemberErased("This member's data was erased.")
    known, _ = await _lock_or_create(tx, slot, {key})
    return known[key]


async def profile(tx: ReadTx, slots: int, namespace: str, user_id: str) -> tuple[Member, Account]:
    """A member and their accounts as they stand, or ``MemberNotFound``."""
    slot = ids.bucket_of(namespace, user_id) % slots
    found = await members.find(tx, slot, {(namespace, user_id)})
    if not found:
        raise MemberNotFound(f"There is no member {user_id!r}.")
    member = found[namespace, user_id]
    return member, await ledger.account(tx, slot, member.member_id)


async def locked(tx: Tx, slots: int, namespace: str, user_id: str) -> Member:
    """A member under lock, or ``MemberNotFound``."""
    slot = ids.bucket_of(namespace, user_id) % slots
    found = await members.lock(tx, slot, {(namespace, user_id)})
    if not found:
        raise MemberNotFound(f"There is no member {user_id!r}.")
    return found[namespace, user_id]


async def erase(
    tx: Tx, slots: int, sealer: Sealer, namespace: str, user_id: str, reason: str
) -> None:
    """Removes what is personal about a member; the money stays, and tokens left are taken out.
    Kept exports of the programme with personal data go as well.

    Raises ``MemberNotFound``, and ``OpenTransactions`` while tokens are held.
    """
    member = await locked(tx, slots, namespace, user_id)
    slot = member.slot
    account = (await ledger.lock_accounts(tx, slot, {member.member_id}))[member.member_id]
    if account.held:
        raise OpenTransactions(
            "This member has open transactions. Erase when they are closed; an operator may "
            "confirm or cancel those that need a decision.",
            held=account.held,
        )
    asked = await requests.of_member(tx, slot, member.member_id)
    if asked is not None:
        await requests.settle(tx, slot, asked, "system", "void")
    await issuance.adjust_out(tx, slot, account, reason)
    await transactions.erase_personal(tx, slot, member.member_id)
    await notes.remove(tx, slot, member.member_id)
    await members.erase(tx, member, _user_hash(sealer, namespace, user_id), tx.at)
    withdrawn = await exports.withdraw(tx, namespace)
    if withdrawn:
        await access.audit(
            tx,
            namespace=namespace,
            actor="system",
            action="exports.withdrawn",
            target=namespace,
            detail={"files": withdrawn},
            address=None,
        )


def _user_hash(sealer: Sealer, namespace: str, user_id: str) -> bytes:
    return sealer.keyed_hash(f"{namespace}\x00{user_id}")


async def _lock_or_create(
    tx: Tx, slot: int, wanted: Iterable[MemberKey]
) -> tuple[dict[MemberKey, Member], set[MemberKey]]:
    """Members under lock, made where missing; and which of them are new."""
    keys = set(wanted)
    known = await members.lock(tx, slot, keys)
    missing = keys - known.keys()
    if not missing:
        return known, set()
    made = await members.create(tx, slot, tx.at, missing)
    await ledger.open_accounts(tx, slot, [(member.member_id, member.namespace) for member in made])
    created = {(member.namespace, member.user_id): member for member in made}
    known |= created
    lost = missing - created.keys()
    if lost:  # another session made them first, and has committed
        known |= await members.lock(tx, slot, lost)
    if keys - known.keys():
        # Somebody made them before us and they are gone again: a sandbox is being wiped.
        raise Unavailable("A member came and went meanwhile. Send it again.", retryAfter=1)
    return known, set(created)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a batch. ``scope`` and ``body`` are hashes of its reference, if it has one."""

    number: int
    namespace: str
    user_id: str
    change: Change
    grant: int | None
    reference: str | None
    scope: bytes | None
    body: bytes

    @property
    def key(self) -> MemberKey:
        return (self.namespace, self.user_id)


@dataclass(frozen=True, slots=True)
class LineDone:
    """What became of a line: the member is new, or was changed, or ``refusal``."""

    number: int
    user_id: str
    created: bool
    refusal: GuerdonError | None = None


def read_line(namespace: str, number: int, value: object) -> Line:
    """A line as parsed: ``{userId, email?, address?, attributes?, grant?, reference?}``.

    Raises ``InvalidRequest``. A grant needs a reference, or sent again it would be given again.
    """
    fields = Fields(value)
    user_id = fields.raw("userId")
    wrong = model.wrong_user_id(user_id)
    if wrong is not None:
        fields.wrong("userId", wrong)
    change = model.change_from(fields, with_frozen=False)
    grant = fields.integer("grant", lowest=1, highest=MAX_TOKENS, default=None)
    reference = fields.text("reference", shortest=1, longest=255, default=None)
    if grant is not None and reference is None:
        fields.wrong("reference", "is required with a grant, so that it is given once")
    fields.done("This line cannot be taken.")
    scope = None
    if reference is not None:
        scope = issuance.scope_hash(namespace, "api", "members/batch", str(user_id), reference)
    body = issuance.body_hash(value)
    return Line(number, namespace, str(user_id), change, grant, reference, scope, body)


def by_slot(lines: Iterable[Line], slots: int, most: int) -> Iterator[tuple[int, list[Line]]]:
    """The lines in portions of one slot each, at most ``most`` long; a member's stay in order."""
    grouped: dict[int, list[Line]] = {}
    for line in lines:
        grouped.setdefault(ids.bucket_of(*line.key) % slots, []).append(line)
    for slot, portion in grouped.items():
        for start in range(0, len(portion), most):
            yield slot, portion[start : start + most]


async def enrol_batch(tx: Tx, slot: int, lines: Sequence[Line]) -> list[LineDone]:
    """Creates, changes and credits the members of one slot, line by line in their order.

    A line is whole or not at all. One with a reference that came before is not done again: its
    first result is answered, or ``IdempotencyKeyReused`` where the line differs. Line numbers are
    distinct.
    """
    fresh, answered = await _unanswered(tx, slot, lines)
    known, new = await _lock_or_create(tx, slot, {line.key for line in fresh})
    # Under the locks: a twin of this batch has committed its keys by now, or waits for ours.
    fresh, twins = await _unanswered(tx, slot, fresh)
    done = {**answered, **twins}
    first, repeated = _first_of_each(fresh)
    receipts = await _grant(tx, slot, known, first)
    changed: dict[MemberKey, Member] = {}
    keys: list[Key] = []
    for line in first:
        receipt = receipts.get(line.number)
        if isinstance(receipt, GuerdonError):
            done[line.number] = LineDone(line.number, line.user_id, False, receipt)
            continue
        member = changed.get(line.key, known[line.key])
        changed[line.key] = model.changed(member, line.change)
        done[line.number] = LineDone(line.number, line.user_id, line.key in new)
        new.discard(line.key)
        if line.scope is not None:
            cause = member.member_id if receipt is None else receipt.posting_id
            answer = _CREATED if done[line.number].created else _CHANGED
            keys.append(Key(line.scope, line.body, cause, answer))
    for line, earlier in repeated:
        done[line.number] = _repeat(line, earlier, done[earlier.number])
    if changed:
        await members.save(tx, slot, tx.at, list(changed.values()))
    await transactions.add_keys(tx, slot, tx.at, keys)
    return [done[line.number] for line in lines]


async def _unanswered(
    tx: Tx, slot: int, lines: Sequence[Line]
) -> tuple[list[Line], dict[int, LineDone]]:
    """The lines whose reference is new, and what came of the others, by number."""
    scopes = {line.scope for line in lines if line.scope is not None}
    answered = await transactions.find_keys(tx, slot, scopes) if scopes else {}
    fresh: list[Line] = []
    done: dict[int, LineDone] = {}
    for line in lines:
        key = None if line.scope is None else answered.get(line.scope)
        if key is None:
            fresh.append(line)
        elif key.body_hash != line.body:
            done[line.number] = _reused(line)
        else:
            done[line.number] = LineDone(line.number, line.user_id, key.answer == _CREATED)
    return fresh, done


def _first_of_each(lines: Sequence[Line]) -> tuple[list[Line], list[tuple[Line, Line]]]:
    """Lines apart from those that repeat an earlier one's reference, each with that one."""
    by_scope: dict[bytes, Line] = {}
    first: list[Line] = []
    repeated: list[tuple[Line, Line]] = []
    for line in lines:
        if line.scope is not None and line.scope in by_scope:
            repeated.append((line, by_scope[line.scope]))
            continue
        if line.scope is not None:
            by_scope[line.scope] = line
        first.append(line)
    return first, repeated


async def _grant(
    tx: Tx, slot: int, known: Mapping[MemberKey, Member], lines: Sequence[Line]
) -> dict[int, Receipt | GuerdonError]:
    """Posts the grants of the lines that have one; receipts and refusals by line number."""
    crediting = [(line, line.grant) for line in lines if line.grant is not None]
    if not crediting:
        return {}
    owners = {known[line.key].member_id for line, _ in crediting}
    accounts = await ledger.lock_accounts(tx, slot, owners)
    receipts = await issuance.grant_many(
        tx,
        slot,
        [
            (accounts[known[line.key].member_id], grant, f"Batch grant {line.reference}")
            for line, grant in crediting
        ],
    )
    return {line.number: receipt for (line, _), receipt in zip(crediting, receipts, strict=True)}


def _repeat(line: Line, earlier: Line, done: LineDone) -> LineDone:
    if line.body != earlier.body:
        return _reused(line)
    return replace(done, number=line.number)


def _reused(line: Line) -> LineDone:
    refusal = IdempotencyKeyReused("This reference came before with another line.")
    return LineDone(line.number, line.user_id, False, refusal)
