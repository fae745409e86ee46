"""The one door through which time comes in.

Due times are columns compared with the database's clock. The process's own clocks serve for
two things only: the wall clock stamps what leaves the process (signatures, log lines), the
monotonic one measures durations and guards leases.
"""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The wall clock, UTC, with microseconds."""
    return datetime.now(UTC)


def unix_seconds() -> int:
    """The wall clock in whole seconds since 1970."""
    return int(time.time())


def monotonic() -> float:
    """Seconds on a clock that never steps back; only differences mean anything."""
    return time.monotonic()


def rfc3339(moment: datetime) -> str:
    """UTC with milliseconds and a ``Z``: ``2026-11-22T09:30:00.125Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
