"""``guerdon restored``."""

import asyncio
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from guerdon import logs, spreadsheet
from guerdon.cli.database import DEFAULT_DATA, Data, Place, Url, migrated, place
from guerdon.cli.serve import allowed_networks
from guerdon.clock import rfc3339
from guerdon.config import ConfigurationError
from guerdon.db import installation
from guerdon.delivery.reconciliation import Reconciled, Reconciliation, Refused
from guerdon.providers.client import ProviderClient
from guerdon.redemption.lane import Lanes
from guerdon.redemption.settlement import Settlement, SettlementVerb

_console = Console(stderr=True)
_HEADER = (
    "id",
    "namespace",
    "option",
    "provider",
    "userId",
    "price",
    "createdAt",
    "before",
    "now",
    "providerSays",
)


def restored(
    *,
    at: Annotated[
        str, Parameter(help="The moment the backup is of, such as 2026-11-25T14:00:00Z.")
    ],
    data: Data = DEFAULT_DATA,
    database_url: Url = None,
) -> None:
    """Run once after a restore, before anything is delivered. Writes a report as CSV.

    Since the backup, providers may have been sent what it holds as waiting. That becomes unknown
    and is never sent again; a provider with a statusUrl is asked about all that is open.
    """
    moment = _moment(at)
    with place(data, database_url) as where:
        logs.configure(where.settings.log_level)
        seen, open_ = asyncio.run(_restored(where, moment))
    _console.print(f"{seen} were open in the backup; {open_} still are. Nothing is sent again.")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as trouble:
        raise ConfigurationError("--at must be a time such as 2026-11-25T14:00:00Z.") from trouble
    if moment.tzinfo is None:
        raise ConfigurationError("--at must have an offset, such as Z.")
    return moment


async def _restored(where: Place, at: datetime) -> tuple[int, int]:
    sealer, client = where.sealer(), ProviderClient(allowed_networks(where.settings))
    ready, _ = await migrated(where)
    seen = open_ = 0
    async with ready.opened(8) as database:
        async with database.read() as tx:
            slots = await installation.slots(tx)
        lanes = Lanes(database, slots, lambda _verb, _size: None)
        lanes.start()
        settlement = Settlement(lanes, slots, SettlementVerb(lambda _heard, _result: None))
        reconciliation = Reconciliation(database, sealer, client, settlement)
        try:
            async for group in reconciliation.run(at):
                if not seen:
                    sys.stdout.write(spreadsheet.lines([_HEADER]))
                sys.stdout.write(spreadsheet.lines(map(_row, group)))
                seen += len(group)
                open_ += sum(one.transaction.closed_at is None for one in group)
        except Refused as refused:
            raise ConfigurationError(str(refused)) from refused
        finally:
            await lanes.close()
            await client.close()
    return seen, open_


def _row(one: Reconciled) -> Sequence[spreadsheet.Cell]:
    t = one.transaction
    return [
        str(t.transaction_id),
        t.namespace,
        str(t.option_name),
        one.provider,
        one.user_id,
        t.price,
        rfc3339(t.created_at),
        str(one.before),
        str(t.status),
        one.said,
    ]
