"""A database that came back from a backup: what it holds as open may have gone on since.

    waiting, on the wire   may have been sent since: unknown, and not sent by machine again
    open otherwise         may have been decided since, by news that the backup does not hold

A provider with a statusUrl is asked about each; what it says is news like any other.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from guerdon import ids
from guerdon.access import store as access
from guerdon.clock import rfc3339
from guerdon.db.pool import Database, ReadTx
from guerdon.delivery.directory import Directory
from guerdon.delivery.enquiry import enquire
from guerdon.members import store as members
from guerdon.outbox import store as outbox
from guerdon.providers.client import ProviderClient
from guerdon.redemption.news import Told
from guerdon.redemption.settlement import Settlement
from guerdon.sealing import Sealer
from guerdon.transactions import store as transactions
from guerdon.transactions.model import ACKNOWLEDGED, Transaction
from guerdon.transactions.states import News, Status
from guerdon.transactions.store import Filter

_OPEN = (str(Status.PENDING), str(Status.POSTPONED), str(Status.RECOVERABLE))
_GROUP = 200
_ASKED_AT_ONCE = 20
_WHY = "The database was restored from a backup; since then the message may have been sent."


class Refused(Exception):
    """It must not be done now; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One transaction that the backup holds as open. ``said``: the provider's answer, if asked."""

    transaction: Transaction
    user_id: str
    provider: str
    before: Status
    said: str


class Reconciliation:
    """Goes through everything that is open, newest first, once."""

    def __init__(
        self, database: Database, sealer: Sealer, client: ProviderClient, settlement: Settlement
    ) -> None:
        self._database = database
        self._client = client
        self._settlement = settlement
        self._directory = Directory(database, sealer)
        self._asking = asyncio.Semaphore(_ASKED_AT_ONCE)

    async def run(self, at: datetime) -> AsyncIterator[list[Reconciled]]:
        """What was open and how it stands now, in groups. ``Refused`` before anything is done."""
        async with self._database.read() as tx:
            namespaces = await access.namespaces(tx)
            await self._refuse(tx, namespaces, at)
        for namespace in namespaces:
            below = ids.LAST_ID
            became: Counter[str] = Counter()
            while True:
                wanted = Filter(namespace, _OPEN, None, None, None, ids.FIRST_ID, below)
                async with self._database.read() as tx:
                    found = await transactions.page(tx, wanted, _GROUP)
                    names = await members.user_ids(tx, {(t.slot, t.member_id) for t in found})
                if not found:
                    break
                below = found[-1].transaction_id
                group = await asyncio.gather(
                    *(self._one(t, names.get(t.member_id, "")) for t in found)
                )
                became.update(str(one.transaction.status) for one in group)
                yield list(group)
            async with self._database.tx() as tx:
                await access.audit(
                    tx,
                    namespace=namespace,
                    actor="command",
                    action="database.restored",
                    target=rfc3339(at),
                    detail=dict(became),
                    address=None,
                )

    async def _refuse(self, tx: ReadTx, namespaces: Sequence[str], at: datetime) -> None:
        if await outbox.live(tx):
            raise Refused(
                "Something delivers on this database. Stop it: nobody can tell what it sent from "
                "what was sent before the restore. If it was stopped just now, wait 15 seconds."
            )
        for namespace in namespaces:
            wanted = Filter(namespace, None, None, None, None, ids.first_id_at(at), ids.LAST_ID)
            if newer := await transactions.page(tx, wanted, 1):
                raise Refused(
                    f"This database holds a transaction of {rfc3339(newer[0].created_at)}, which "
                    "is after --at: the backup is of a later moment, or Guerdon has served since."
                )

    async def _one(self, t: Transaction, user_id: str) -> Reconciled:
        before, said = t.status, ""
        provider = await self._directory.provider(t.provider_id)
        # What the provider has acknowledged is not sent again: its deadline runs.
        if before is Status.PENDING and t.open_reason != ACKNOWLEDGED:
            unknown = Told(
                t.transaction_id, News.UNKNOWN, "system", "system", rule="restored", why=_WHY
            )
            t = (await self._settlement.hear(unknown)).transaction
        if provider.status_url is not None:
            async with self._asking:
                told = await enquire(self._client, provider, t.transaction_id)
            said = "nothing" if told is None else str(told.news)
            if told is not None:
                t = (await self._settlement.hear(told)).transaction
        return Reconciled(t, user_id, provider.name, before, said)
