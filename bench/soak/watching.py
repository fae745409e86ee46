"""What long-lived processes have in hand: memory, open files, connections to PostgreSQL."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table
from tests.acceptance.site import Process, Site

_EVERY_SECONDS = 5.0
# After this part of the time everything that is kept for good has been made.
_WARM = 0.25
_MORE_MEMORY, _MORE_FILES, _CONNECTIONS = 30 * 1024 * 1024, 40, 17


class TooMuch(Exception):
    """A process has more in hand than it may."""


@dataclass(slots=True)
class Sample:
    """One look at a process."""

    memory: int
    files: int


@dataclass(slots=True)
class Watch:
    """Looks at processes until it is stopped."""

    site: Site
    processes: dict[str, Process]
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    connections: list[int] = field(default_factory=list)

    async def run(self) -> None:
        """Looks every few seconds."""
        while True:
            for name, process in self.processes.items():
                self.samples.setdefault(name, []).append(_look(process))
            rows = await asyncio.to_thread(
                self.site.query,
                "SELECT count(*) AS found FROM pg_stat_activity WHERE datname = current_database()",
            )
            self.connections.append(rows[0].found)
            await asyncio.sleep(_EVERY_SECONDS)

    def report(self, living: int, console: Console) -> None:
        """Prints what they had, and raises :class:`TooMuch` where it grew beyond its bounds."""
        table = Table("process", "memory then", "memory in the end", "files then", "files at most")
        broken = []
        for name, samples in self.samples.items():
            warm, last = samples[int(len(samples) * _WARM)], samples[-1]
            most = max(sample.files for sample in samples)
            table.add_row(name, _mb(warm.memory), _mb(last.memory), str(warm.files), str(most))
            if last.memory > warm.memory + _MORE_MEMORY:
                broken.append(f"{name} grew from {_mb(warm.memory)} to {_mb(last.memory)}")
            if samples[-1].files > warm.files + _MORE_FILES:
                broken.append(f"{name} went from {warm.files} to {samples[-1].files} open files")
        console.print(table)
        most = max(self.connections)
        console.print(f"connections to PostgreSQL: {most} at most")
        if most > living * _CONNECTIONS + 5:
            broken.append(f"{most} connections for {living} processes")
        if broken:
            raise TooMuch("; ".join(broken))


def _look(process: Process) -> Sample:
    files = len(list(Path(f"/proc/{process.pid}/fd").iterdir()))
    return Sample(process.resident_bytes(), files)


def _mb(size: int) -> str:
    return f"{size / 1024 / 1024:.0f} MB"
