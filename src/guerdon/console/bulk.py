"""Many decisions at once: a selection is frozen, looked at, begun by a person, and followed.

The selection keeps the very transactions and how much had happened to each, so that nothing is
decided that nobody saw. The work is done by ``delivery/bulk.py``, in any process.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from guerdon import ids, spreadsheet
from guerdon.access.rules import store as rules
from guerdon.console import asked as addresses
from guerdon.console import selection
from guerdon.console.figures import Figures
from guerdon.console.pages import Pages, iso
from guerdon.console.site import Page
from guerdon.console.visit import Visit
from guerdon.db.pool import ReadTx
from guerdon.db.pool import Row as StoredRow
from guerdon.errors import InvalidRequest, NotFound
from guerdon.members import store as members
from guerdon.redemption import bulk as verb
from guerdon.redemption.rows import Row
from guerdon.transactions.bulk import store
from guerdon.transactions.bulk.store import Job
from guerdon.transactions.lists import pages as lists
from guerdon.transactions.lists.pages import Wanted
from guerdon.transactions.model import Transaction
from guerdon.web.parts import Parts

# Up to so many are decided for a reason; for more the number is typed as well.
FEW = 25
_LONGEST_REASON = 2000
_SHOWN = 100
_NEWEST = 50
_OUTCOMES = ("done", "skipped", "failed", "")


@dataclass(frozen=True, slots=True)
class Preview:
    """What a selection would do as things stand."""

    statuses: Counter[str]
    tokens: int
    people: int
    oldest: datetime | None
    newest: datetime | None
    skipped: Counter[str]

    @property
    def count(self) -> int:
        return sum(self.statuses.values())

    @property
    def typed(self) -> bool:
        """Whether the number is to be typed."""
        return self.count > FEW

    @property
    def reason_required(self) -> bool:
        return not self.typed or self.statuses["recoverable-failure"] > 0


@dataclass(frozen=True, slots=True)
class _Line:
    """A row of a job, with its transaction as it stands."""

    item: StoredRow
    row: Row | None


class Bulk:
    """The handlers."""

    def __init__(self, parts: Parts, pages: Pages, figures: Figures) -> None:
        self._parts = parts
        self._pages = pages
        self._figures = figures

    def table(self) -> list[Page]:
        """Their place in the table."""
        return [
            Page("POST", "/redeem/transactions/bulk", self.freeze, "bulk"),
            Page("GET", "/redeem/bulk", self.list),
            Page("GET", "/redeem/bulk/{id}", self.page),
            Page("POST", "/redeem/bulk/{id}/start", self.start, "bulk"),
            Page("POST", "/redeem/bulk/{id}/stop", self.stop, "bulk"),
            Page("POST", "/redeem/bulk/{id}/outcomes", self.outcomes, "bulk"),
        ]

    async def freeze(self, visit: Visit) -> Response:
        """Keeps what was ticked, or all that the list's filters match, and shows what it means."""
        chosen = visit.field("verb")
        if chosen not in verb.NEWS:
            raise InvalidRequest("Many transactions can be confirmed or cancelled, nothing else.")
        given = {name: visit.field(name) for name in ("view", "sort", *addresses.FILTERS)}
        given = {name: value for name, value in given.items() if value}
        asked = addresses.read(given, visit.zone, visit.now)
        if asked.wrong:
            raise InvalidRequest("A filter of this list does not read. Put it right, then select.")
        ticked = visit.field("scope") != "all"
        if asked.text is not None and not ticked:
            raise InvalidRequest(
                "How many payloads have a text is not known until all are searched. Tick the rows "
                "that you mean."
            )
        view = asked.view or "all"
        oldest_first = (
            view == "needs-decision" if asked.oldest_first is None else asked.oldest_first
        )
        async with self._parts.database.tx() as tx:
            if ticked:
                wanted = Wanted(visit.namespace, ids=_ticked(visit))
                given = {"ticked": str(len(wanted.ids or ()))}
            else:
                wanted = await selection.wanted(tx, self._parts.slots, visit, asked, view)
            found = await lists.page(tx, wanted, store.MOST + 1, oldest_first=oldest_first)
            if not found:
                raise InvalidRequest("Nothing was selected. Tick the rows that you mean first.")
            if len(found) > store.MOST:
                given["first"] = str(store.MOST)
            selected = found[: store.MOST]
            actor = visit.operator.actor
            job_id = await store.freeze(tx, visit.namespace, chosen, given, actor, selected)
        return _to(visit, job_id)

    async def list(self, visit: Visit) -> Response:
        """The newest jobs."""
        async with self._parts.database.read() as tx:
            jobs = await store.jobs(tx, visit.namespace, _NEWEST)
            counts = {job.job_id: await store.counts(tx, job.job_id) for job in jobs}
        values = {"title": "Decisions in bulk", "place": "/redeem/transactions"}
        return await self._pages.screen(
            visit, "bulk_jobs.html", values | {"jobs": jobs, "counts": counts}
        )

    async def page(self, visit: Visit) -> Response:
        """What a job would do before it is begun, and what became of its rows after."""
        async with self._parts.database.read() as tx:
            job = await self._job(tx, visit)
            if job.started_at is None:
                preview = await self._preview(tx, job)
        if job.started_at is None:
            return await self._ask(visit, job, preview)
        return await self._follow(visit, job)

    async def start(self, visit: Visit) -> Response:
        """Begins it, if it still is what was shown."""
        reason = visit.field("reason").replace("\x00", "")[:_LONGEST_REASON]
        async with self._parts.database.tx() as tx:
            job = await self._job(tx, visit)
            if job.started_at is not None:
                return _to(visit, job.job_id)
            preview = await self._preview(tx, job)
            problem = _problem(visit, preview, reason)
            if problem is None and await store.start(
                tx, job, visit.operator.actor, visit.address, reason or None
            ):
                detail = {"verb": job.verb, "count": preview.count, "reason": reason}
                await visit.audit(tx, "bulk.started", job.job_id, detail | {"asked": job.asked})
        if problem is not None:
            return await self._ask(visit, job, preview, problem=problem)
        self._figures.forget(visit.namespace)
        return _to(visit, job.job_id)

    async def stop(self, visit: Visit) -> Response:
        """Lets no further row begin."""
        async with self._parts.database.tx() as tx:
            job = await self._job(tx, visit)
            if await store.stop(tx, job, visit.operator.actor):
                await visit.audit(tx, "bulk.stopped", job.job_id, {"verb": job.verb})
        return _to(visit, job.job_id)

    async def outcomes(self, visit: Visit) -> Response:
        """What became of each row, as CSV."""
        async with self._parts.database.tx() as tx:
            job = await self._job(tx, visit)
            items = await store.items(tx, job.job_id)
            await visit.audit(tx, "bulk.exported", job.job_id, {"rows": len(items)})
        lines: list[list[spreadsheet.Cell]] = [
            [
                item.n,
                str(item.transaction_id),
                item.outcome or "waiting",
                item.sentence,
                None if item.at is None else iso(item.at),
            ]
            for item in items
        ]
        name = f"bulk-{job.verb}-{str(job.job_id)[:8]}.csv"
        return Response(
            spreadsheet.lines([["n", "id", "outcome", "sentence", "at"], *lines]),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    async def _job(self, tx: ReadTx, visit: Visit) -> Job:
        job = await store.job(tx, visit.namespace, visit.identifier("id"))
        if job is None:
            raise NotFound("There is nothing at this address.")
        return job

    async def _found(
        self, tx: ReadTx, items: Sequence[StoredRow], namespace: str
    ) -> dict[UUID, Transaction]:
        slots = self._parts.slots
        keys = [(ids.bucket_in(i.transaction_id) % slots, i.transaction_id) for i in items]
        found = await lists.by_ids(tx, keys)
        return {t.transaction_id: t for t in found if t.namespace == namespace}

    async def _preview(self, tx: ReadTx, job: Job) -> Preview:
        items = await store.items(tx, job.job_id)
        found = await self._found(tx, items, job.namespace)
        limits = await rules.second_person_from(tx, {job.namespace})
        skipped: Counter[str] = Counter()
        able: list[Transaction] = []
        for item in items:
            t = found.get(item.transaction_id)
            why = verb.why_not(t, item.events, limits.get(job.namespace))
            if why is None and t is not None:
                able.append(t)
            else:
                skipped[why or ""] += 1
        created = [t.created_at for t in able]
        return Preview(
            Counter(str(t.status) for t in able),
            sum(t.price for t in able),
            len({t.member_id for t in able}),
            min(created, default=None),
            max(created, default=None),
            skipped,
        )

    async def _ask(
        self, visit: Visit, job: Job, preview: Preview, *, problem: str | None = None
    ) -> Response:
        values = {
            "title": "Confirm many" if job.verb == "confirm" else "Cancel many",
            "place": "/redeem/transactions",
            "job": job,
            "preview": preview,
            "problem": problem,
            "reason": visit.field("reason"),
            "typed": visit.field("count"),
        }
        status = 200 if problem is None else 422
        return await self._pages.screen(visit, "bulk_preview.html", values, status=status)

    async def _follow(self, visit: Visit, job: Job) -> Response:
        text = visit.query("after") or "0"
        after = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
        outcome = visit.query("outcome")
        outcome = "" if outcome == "waiting" else outcome if outcome in _OUTCOMES else None
        async with self._parts.database.read() as tx:
            counts = await store.counts(tx, job.job_id)
            items = await store.items(
                tx, job.job_id, outcome=outcome, after=after, limit=_SHOWN + 1
            )
            found = await self._found(tx, items, job.namespace)
            names = await members.user_ids(tx, {(t.slot, t.member_id) for t in found.values()})
        lines = []
        for item in items[:_SHOWN]:
            t = found.get(item.transaction_id)
            lines.append(_Line(item, None if t is None else Row(t, names.get(t.member_id, ""))))
        values = {
            "title": "Confirming many" if job.verb == "confirm" else "Cancelling many",
            "place": "/redeem/transactions",
            "job": job,
            "counts": counts,
            "total": sum(counts.values()),
            "lines": lines,
            "outcome": outcome,
            "after": after,
            "more": lines[-1].item.n if len(items) > _SHOWN else None,
        }
        if visit.fragment:
            return self._pages.page(visit, "bulk_progress.html", values)
        return await self._pages.screen(visit, "bulk_job.html", values)


def _ticked(visit: Visit) -> tuple[UUID, ...]:
    found = []
    for text in visit.form.get("id", [])[: store.MOST]:
        try:
            found.append(UUID(text))
        except ValueError as trouble:
            raise InvalidRequest("What was ticked is no transaction.") from trouble
    return tuple(dict.fromkeys(found))


def _problem(visit: Visit, preview: Preview, reason: str) -> str | None:
    """Why it may not begin yet."""
    if not preview.count:
        return "None of these can be decided as they stand."
    if visit.field("seen") != str(preview.count):
        return (
            f"Something happened since you opened this: it is {preview.count:,} now. "
            "Read it again, then decide."
        )
    if preview.typed and visit.field("count").replace(",", "") != str(preview.count):
        return f"Type {preview.count} to say that you mean as many."
    if preview.reason_required and not reason:
        return "Say why: it is kept on every timeline."
    return None


def _to(visit: Visit, job_id: UUID) -> Response:
    return RedirectResponse(visit.url(f"/redeem/bulk/{job_id}"), status_code=303)
