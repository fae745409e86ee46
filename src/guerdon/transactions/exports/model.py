"""An export: what goes into its file, and how far the file was written."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from guerdon.transactions.lists.pages import Wanted

KEPT_FOR = timedelta(days=7)
# Columns of an export that hold something personal: what was sent about the member, and free text.
PERSONAL = frozenset({"personal", "note"})

State = Literal["under way", "finished", "broken off", "stopped", "withdrawn", "failed"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes into the file. ``wanted`` has both its ends: nothing made later is in it.
    ``version`` is the Guerdon that was asked for it."""

    wanted: Wanted
    columns: tuple[str, ...]
    rows: Literal["transaction", "event"]
    zone: str
    dates: Literal["iso", "spreadsheet"]
    format: Literal["csv", "jsonl"]
    version: str

    @property
    def personal(self) -> bool:
        """Whether the file holds what an erasure removes."""
        return not PERSONAL.isdisjoint(self.columns)


@dataclass(frozen=True, slots=True)
class Export:
    """One export. ``asked`` is the list's address and ``words`` the same for people; ``kept``: the
    file is written in the background and kept, otherwise it was streamed."""

    export_id: UUID
    namespace: str
    actor: str
    name: str
    asked: dict[str, str]
    words: str
    plan: Plan
    kept: bool
    started_at: datetime
    walked_to: UUID | None
    steps: int
    written: int
    size: int
    stopped_by: str | None
    stopped_at: datetime | None
    withdrawn_at: datetime | None
    trouble: str | None
    ended_at: datetime | None

    @property
    def state(self) -> State:
        """How it stands. A stream that did not end was broken off, or goes on."""
        if self.withdrawn_at is not None:
            return "withdrawn"
        if self.stopped_at is not None:
            return "stopped"
        if self.trouble is not None:
            return "failed"
        if self.ended_at is not None:
            return "finished"
        return "under way" if self.kept else "broken off"

    @property
    def has_file(self) -> bool:
        """Whether there is a file to download."""
        return self.kept and self.state == "finished"

    @property
    def kept_until(self) -> datetime:
        """When the file and what is known of it go."""
        return (self.ended_at or self.started_at) + KEPT_FOR

    @property
    def progress(self) -> float:
        """How much of the time between its ends was looked through, from 0 to 1."""
        wanted = self.plan.wanted
        if self.ended_at is not None:
            return 1.0
        if self.walked_to is None or wanted.below <= wanted.above:
            return 0.0
        whole = wanted.below.int - wanted.above.int
        return (wanted.below.int - self.walked_to.int) / whole
