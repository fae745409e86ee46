"""Makes the data set in a database of its own: COPY into bare tables, then indexes and VACUUM."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from bench.lists.rows import NAMESPACE, Member, Offer, Rows, Year, members
from psycopg import sql
from rich.console import Console
from rich.progress import Progress

from guerdon import clock, ids
from guerdon.access import store as access
from guerdon.db import installation
from guerdon.db.pool import Database
from guerdon.options import definition
from guerdon.options import store as options
from guerdon.providers import store as providers
from guerdon.providers.model import Settings
from guerdon.sealing import Sealer

_BYTES_A_ROW = 2400
_REDEMPTIONS_A_MEMBER = 20
_DETAILED = 200_000
_TITLES = (
    ("Coffee on us", "digital", 120),
    ("Free Tickets", "physical", 200),
    ("Month of streaming", "digital", 900),
    ("Canvas tote bag", "physical", 450),
    ("Cinema for two", "digital", 700),
    ("Book of the month", "physical", 380),
    ("Parking for a day", "digital", 90),
    ("Weekend in the mountains", "physical", 4800),
)
_OPTIONS, _PROVIDERS = 24, 6
_LARGE = ("transaction", "event", "attempt", "transaction_personal", "posting")
_COLUMNS = {
    "transaction": "slot, transaction_id, namespace, member_id, option_name, option_version, "
    "option_title, provider_id, type, price, origin, status, events, dirty, conflict, open_reason, "
    "created_at, updated_at, closed_at, closed_by",
    "event": "slot, transaction_id, seq, type, at, actor, payload",
    "attempt": "slot, transaction_id, n, started_at, duration_ms, http_status, evidence, rule, "
    "sentence",
    "transaction_personal": "slot, transaction_id, part, email, address, content",
    "posting": "slot, cause_id, leg, namespace, member_id, member_seq, movement, from_account, "
    "to_account, amount, available_after, held_after, at, hash",
    "member": "slot, member_id, namespace, user_id",
    "member_profile": "slot, member_id, email",
    "account": "slot, member_id, namespace, available, held, member_seq",
}


class NoRoom(Exception):
    """The disk has not enough room for the data set."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large the data set is to be."""

    rows: int

    @property
    def bytes(self) -> int:
        """What it takes on the disk while it is being made, WAL and all."""
        return self.rows * _BYTES_A_ROW + (4 << 30)


def check_room(folder: Path, size: Size) -> None:
    """Refuses before anything is written. Raises :class:`NoRoom`."""
    free = shutil.disk_usage(folder).free
    if free < size.bytes:
        raise NoRoom(
            f"{size.rows:,} redemptions take about {size.bytes / 1e9:.0f} GB while they are made; "
            f"{folder} has {free / 1e9:.0f} GB. Give --rows or --data."
        )


async def furnish(database: Database, sealer: Sealer) -> list[Offer]:
    """The programme: providers and options, made as the API makes them."""
    offers = []
    async with database.tx() as tx:
        slots = await installation.slots(tx)
        await access.ensure_namespace(tx, NAMESPACE)
        homes = []
        for number in range(_PROVIDERS):
            url = f"http://127.0.0.1:9/provider-{number}"
            settings = Settings(name=f"Provider {number}", webhook_url=url)
            homes.append((await providers.create(tx, sealer, NAMESPACE, settings))[0])
        for number in range(_OPTIONS):
            title, kind, price = _TITLES[number % len(_TITLES)]
            shown = title if number < len(_TITLES) else f"{title} {number // len(_TITLES) + 1}"
            home = homes[number % len(homes)]
            body = {"type": kind, "title": shown, "price": price, "providerId": str(home)}
            made = definition.new(NAMESPACE, ids.random_id(), tx.at, body)
            await options.create(tx, slots, made, "bench")
            offers.append(Offer(made.name, shown, kind, price, home))
    return offers


def fill(url: str, slots: int, size: Size, offers: list[Offer], console: Console) -> None:
    """Everything else, by COPY, as the owner of the tables."""
    people = members(max(1000, size.rows // _REDEMPTIONS_A_MEMBER), slots)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET maintenance_work_mem = '1GB'")
        with _bare(connection, console):
            _copy_people(connection, people)
            year = Year(size.rows, people, offers, clock.now(), min(_DETAILED, size.rows))
            _copy_year(url, year, size, console)
        console.print("VACUUM ANALYZE …")
        connection.execute("VACUUM ANALYZE")


@contextmanager
def _bare(connection: psycopg.Connection, console: Console) -> Iterator[None]:
    """The large tables with their keys alone; what else they had is made again at the end."""
    dropped = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes i JOIN pg_index p "
        "ON p.indexrelid = (quote_ident(schemaname) || '.' || quote_ident(indexname))::regclass "
        "WHERE tablename = ANY (%s) AND NOT p.indisunique",
        [list(_LARGE)],
    ).fetchall()
    for name, _ in dropped:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    yield
    for name, made in dropped:
        console.print(f"index {name} …")
        connection.execute(made)


def _copy_people(connection: psycopg.Connection, people: list[Member]) -> None:
    lines = {
        "member": (f"{m.slot}\t{m.member_id}\t{NAMESPACE}\t{m.user_id}\n" for m in people),
        "member_profile": (
            f"{m.slot}\t{m.member_id}\tuser{n}@example.com\n" for n, m in enumerate(people)
        ),
        "account": (f"{m.slot}\t{m.member_id}\t{NAMESPACE}\t800\t200\t0\n" for m in people),
    }
    for table, rows in lines.items():
        with connection.cursor().copy(_copy(table)) as copy:
            for row in rows:
                copy.write(row)


def _copy(table: str) -> bytes:
    return f"COPY {table} ({_COLUMNS[table]}) FROM STDIN".encode()


def _copy_year(url: str, year: Year, size: Size, console: Console) -> None:
    """One session a table, all of them side by side."""
    with ExitStack() as open_, Progress(console=console) as bar:
        copies = {}
        for table in _LARGE:
            session = open_.enter_context(psycopg.connect(url))
            copies[table] = open_.enter_context(session.cursor().copy(_copy(table)))
        task = bar.add_task("redemptions", total=size.rows)
        for hour in year.hours():
            for table, lines in _by_table(hour).items():
                if lines:
                    copies[table].write("".join(lines))
            bar.advance(task, len(hour.transaction))


def _by_table(hour: Rows) -> dict[str, list[str]]:
    return {
        "transaction": hour.transaction,
        "event": hour.event,
        "attempt": hour.attempt,
        "transaction_personal": hour.personal,
        "posting": hour.posting,
    }
