"""A small programme for tests of the verbs: a provider, options, members with tokens.

The verbs are driven as lanes drive them, in a ``Tx`` each, without a process around them.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg

from guerdon import ids
from guerdon.access import store as access
from guerdon.clock import now
from guerdon.db.pool import Database
from guerdon.errors import GuerdonError
from guerdon.ledger import store as ledger
from guerdon.ledger.posting import Account
from guerdon.members import model as member_model
from guerdon.members import store as members
from guerdon.options import definition
from guerdon.options import store as options
from guerdon.options.model import Option
from guerdon.outbox import store as outbox
from guerdon.providers import outcomes
from guerdon.providers import store as providers
from guerdon.providers.model import Settings
from guerdon.providers.outcomes import Judgement, Observation
from guerdon.redemption import audit, complaint, enrolment, resending, resolution
from guerdon.redemption.audit import Fault
from guerdon.redemption.issuance import Issuance, IssuanceVerb, Issued, body_hash, scope_hash
from guerdon.redemption.news import AttemptEnded, Concluded, Heard, Told
from guerdon.redemption.request import Accepted, Request, RequestVerb
from guerdon.redemption.resending import Resend
from guerdon.redemption.resolution import Resolve, Resolved
from guerdon.redemption.settlement import SettlementVerb
from guerdon.sealing import Sealer
from guerdon.transactions import store as transactions
from guerdon.transactions.cases.store import Case, Choice
from guerdon.transactions.model import Transaction
from guerdon.transactions.states import News

SLOTS = 2
PROCESS = ids.random_id()


def request(namespace: str, option: UUID, user_id: str, key: str = "", **asked: Any) -> Request:
    """A redemption as the API's door makes it; without a key, one that nobody has used."""
    fields = {
        "email": None,
        "address": None,
        "expected_price": None,
        "token_amount": None,
        "currency": None,
        "expected_currency_amount": None,
    } | asked
    return Request(
        namespace=namespace,
        user_id=user_id,
        option_name=option,
        origin="api",
        actor="member",
        scope=scope_hash(namespace, "api", "redemptions", user_id, key or str(ids.random_id())),
        body=body_hash({"option": str(option), **fields}),
        **fields,
    )


def judged(**seen: Any) -> Judgement:
    """What an observation means in the default dialect."""
    return outcomes.classify(Observation(**seen), "status-code", "")


def raised(result: Any) -> Any:
    """A result, or its refusal as an exception."""
    if isinstance(result, GuerdonError):
        raise result
    return result


@dataclass
class Programme:
    """Namespace ``"1"`` with one provider. ``option`` is its first: Coffee, a digital one."""

    database: Database
    namespace: str
    provider_id: UUID
    option: Option
    announced: list[tuple[Request, Accepted | GuerdonError]] = field(default_factory=list)

    @classmethod
    async def open(
        cls,
        database: Database,
        sealer: Sealer,
        namespace: str = "1",
        *,
        test: bool = False,
        **settings: Any,
    ) -> "Programme":
        given = Settings(**{"name": "Rewards", "webhook_url": "https://example.com/", **settings})
        async with database.tx() as tx:
            await access.ensure_namespace(tx, namespace, test=test)
            provider_id, _ = await providers.create(tx, sealer, namespace, given, test=test)
            body = {"type": "digital", "title": "Coffee", "price": 30}
            option = definition.new(
                namespace, ids.random_id(), tx.at, {**body, "providerId": str(provider_id)}
            )
            await options.create(tx, SLOTS, option, "test")
        return cls(database, namespace, provider_id, option)

    async def another_option(self, **fields: Any) -> Option:
        body = {"type": "digital", "title": "Tea", "price": 20, "providerId": str(self.provider_id)}
        async with self.database.tx() as tx:
            made = definition.new(self.namespace, ids.random_id(), tx.at, {**body, **fields})
            await options.create(tx, SLOTS, made, "test")
        return made

    async def member(self, user_id: str, tokens: int = 0) -> None:
        async with self.database.tx() as tx:
            change = member_model.read_change({})
            await enrolment.put_member(tx, SLOTS, self.namespace, user_id, change)
        if tokens:
            await self.issue(user_id, tokens)

    async def issue(
        self, user_id: str, amount: int, key: str = "", *, charge: bool = False
    ) -> Issued:
        route = "charges" if charge else "grants"
        used = key or str(ids.random_id())
        work = Issuance(
            self.namespace,
            user_id,
            amount,
            "for the test",
            charge,
            scope_hash(self.namespace, "api", route, user_id, used),
            body_hash(amount),
        )
        async with self.database.batch() as tx:
            return raised((await IssuanceVerb().drive(tx, self.slot(user_id), [work]))[0])

    def slot(self, user_id: str) -> int:
        return ids.bucket_of(self.namespace, user_id) % SLOTS

    def verb(self) -> RequestVerb:
        """Without places on the wire: every message is born queued."""
        return RequestVerb(
            PROCESS, None, lambda work, result: self.announced.append((work, result))
        )

    async def redeem_many(self, works: Sequence[Request]) -> list[Accepted | GuerdonError]:
        """One batch; all of one slot."""
        slot = self.slot(works[0].user_id)
        async with self.database.batch() as tx:
            return await self.verb().drive(tx, slot, works)

    async def redeem(self, user_id: str, option: Option | None = None, **asked: Any) -> UUID:
        """The ID of an accepted redemption, or its refusal raised."""
        name = (option or self.option).name
        [result] = await self.redeem_many([request(self.namespace, name, user_id, **asked)])
        return raised(result).transaction.transaction_id

    async def claim(self, transaction_id: UUID) -> int:
        """Puts the message on the wire, as a worker would; answers the attempt's number."""
        slot = ids.bucket_in(transaction_id) % SLOTS
        async with self.database.pool.connection() as connection:
            await connection.execute(
                "UPDATE message SET due_at = 'epoch' WHERE transaction_id = %s", (transaction_id,)
            )
        async with self.database.batch() as tx:
            [row] = await outbox.claim(
                tx, slot, self.provider_id, owner=PROCESS, lease_seconds=60, limit=1
            )
        assert row.transaction_id == transaction_id
        return int(row.attempts)

    async def due(self, transaction_id: UUID) -> None:
        """Deadlines and leases have passed."""
        async with self.database.pool.connection() as connection:
            for statement in (
                b"UPDATE message SET lease_until = 'epoch'"
                b" WHERE transaction_id = %s AND state = 'sending'",
                b"UPDATE transaction SET due_at = 'epoch'"
                b" WHERE transaction_id = %s AND due_at IS NOT NULL",
            ):
                await connection.execute(statement, (transaction_id,))

    def ended(
        self, transaction_id: UUID, n: int, judgement: Judgement, **settings: Any
    ) -> AttemptEnded:
        """The end of an attempt, under a provider's default settings."""
        given = {"idempotent": False, "bare4xx": "hold", "confirmation": "reply"} | settings
        return AttemptEnded(
            transaction_id, self.provider_id, n, now(), 5, None, judgement, reply=None, **given
        )

    async def hear_many(self, works: Sequence[Heard]) -> list[Concluded | GuerdonError]:
        slot = ids.bucket_in(works[0].transaction_id) % SLOTS
        async with self.database.batch() as tx:
            return await SettlementVerb(lambda _heard, _result: None).drive(tx, slot, works)

    async def hear(self, heard: Heard) -> Concluded:
        return raised((await self.hear_many([heard]))[0])

    async def operator(self, transaction_id: UUID, news: News) -> Concluded:
        return await self.hear(
            Told(transaction_id, news, "operator", "operator ann", namespace=self.namespace)
        )

    def callback(self, transaction_id: UUID, news: News, webhook_id: str = "") -> Told:
        return Told(
            transaction_id,
            news,
            "callback",
            "provider",
            namespace=self.namespace,
            provider_id=self.provider_id,
            webhook_id=webhook_id or str(ids.random_id()),
            body_hash=body_hash(str(news)),
        )

    async def resend(self, transaction_id: UUID) -> Transaction:
        """An operator has the provider asked again."""
        work = Resend(self.namespace, transaction_id, "because", "operator:ann@x", "192.0.2.1")
        async with self.database.tx() as tx:
            return await resending.resend(tx, SLOTS, work)

    async def complain(self, user_id: str, transaction_id: UUID) -> Case:
        """The member says that it did not come."""
        key = (self.namespace, user_id)
        async with self.database.tx() as tx:
            found = await members.find(tx, self.slot(user_id), [key])
            case, _ = await complaint.open_case(tx, SLOTS, found[key], transaction_id, "?", None)
        return case

    async def resolve(
        self, transaction_id: UUID, choice: Choice, actor: str = "operator:ann@x"
    ) -> Resolved:
        """An operator closes the case."""
        work = Resolve(self.namespace, transaction_id, choice, "because", actor, "192.0.2.1")
        async with self.database.tx() as tx:
            return await resolution.resolve(tx, SLOTS, work)

    async def case(self, transaction_id: UUID) -> Case | None:
        async with self.database.read() as tx:
            return await resolution.case_of(tx, SLOTS, transaction_id)

    async def transaction(self, transaction_id: UUID) -> Transaction:
        async with self.database.read() as tx:
            slot = ids.bucket_in(transaction_id) % SLOTS
            found = await transactions.get(tx, slot, transaction_id)
        assert found is not None
        return found

    async def events(self, transaction_id: UUID) -> list[str]:
        async with self.database.read() as tx:
            slot = ids.bucket_in(transaction_id) % SLOTS
            return [row.type for row in await transactions.events_of(tx, slot, transaction_id)]

    async def owes(self, transaction_id: UUID) -> str | None:
        """The state of the message: sending, queued, or nothing is owed."""
        async with self.database.read() as tx:
            slot = ids.bucket_in(transaction_id) % SLOTS
            debt = await outbox.debt(tx, slot, transaction_id)
        return None if debt is None else debt.state

    async def account(self, user_id: str) -> Account:
        async with self.database.read() as tx:
            _, account = await enrolment.profile(tx, SLOTS, self.namespace, user_id)
        return account

    async def tokens(self, user_id: str) -> tuple[int, int, int]:
        """Available, held and redeemed."""
        account = await self.account(user_id)
        return account.available, account.held, account.redeemed

    async def statement(self, user_id: str) -> list[tuple[str, int]]:
        """(movement, amount), oldest first."""
        account = await self.account(user_id)
        async with self.database.read() as tx:
            rows = await ledger.statement(
                tx, self.slot(user_id), account.member_id, before_seq=None, limit=1000
            )
        return [(row.movement, row.amount) for row in reversed(rows)]


async def faults(database: Database) -> list[Fault]:
    """What the ledger's proof finds."""
    found: list[Fault] = []
    proof = await audit.prove(database, SLOTS, found.append, lambda _: None)
    assert proof.faults == len(found)
    return found


async def waiting_for_locks(superuser_url: str, sessions: int) -> None:
    """Returns when that many sessions of this database wait for a lock: a barrier."""
    async with (
        await psycopg.AsyncConnection.connect(superuser_url, autocommit=True) as watcher,
        asyncio.timeout(20),
    ):
        while True:
            cursor = await watcher.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            row = await cursor.fetchone()
            if row is not None and row[0] >= sessions:
                return
