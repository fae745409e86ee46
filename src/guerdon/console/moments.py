"""Times as operators read them: absolute in the chosen zone, with the age beside it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LOCAL = "local"
_SUGGESTED = (
    "UTC",
    "Europe/Dublin",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Istanbul",
    "Africa/Lagos",
    "Asia/Dubai",
    "Asia/Kolkata",
    "Asia/Singapore",
    "Asia/Tokyo",
    "Australia/Sydney",
    "America/Sao_Paulo",
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
)


@dataclass(frozen=True, slots=True)
class Zone:
    """Where times are shown. ``choice`` is what was asked for: ``local`` or a zone's name."""

    choice: str
    info: ZoneInfo

    @property
    def name(self) -> str:
        return self.info.key

    @property
    def choices(self) -> list[str]:
        """What the picker offers beside the local zone."""
        return list(dict.fromkeys([*_SUGGESTED, self.name]))

    def absolute(self, moment: datetime, now: datetime) -> str:
        """``Today 22:01:07``, ``21 Nov 22:01:07``, or with the year where it is another."""
        there, today = moment.astimezone(self.info), now.astimezone(self.info)
        clock = there.strftime("%H:%M:%S")
        days = (today.date() - there.date()).days
        if days in (0, 1):
            return f"{'Today' if days == 0 else 'Yesterday'} {clock}"
        year = "" if there.year == today.year else f" {there.year}"
        return f"{there.day} {there.strftime('%b')}{year} {clock}"

    def clock(self, moment: datetime, *, exact: bool = False) -> str:
        """The time of day, ``exact`` to the millisecond."""
        there = moment.astimezone(self.info)
        fraction = f".{there.microsecond // 1000:03d}" if exact else ""
        return there.strftime("%H:%M:%S") + fraction

    def both(self, moment: datetime) -> str:
        """The moment in the zone and in UTC, for titles."""
        there = moment.astimezone(self.info)
        utc = moment.astimezone(UTC)
        return f"{there:%Y-%m-%d %H:%M:%S} {self.name} · {utc:%Y-%m-%d %H:%M:%S} UTC"

    def midnight(self, now: datetime) -> datetime:
        """When today began there."""
        return now.astimezone(self.info).replace(hour=0, minute=0, second=0, microsecond=0)


def zone(choice: str | None, local: str | None) -> Zone:
    """The zone of a choice; what the browser calls ``local`` where that was chosen."""
    for name in (choice, local) if choice not in (None, LOCAL) else (local,):
        try:
            if name:
                return Zone(choice if name == choice and choice else LOCAL, ZoneInfo(name))
        except (ValueError, ZoneInfoNotFoundError, OSError):  # no zone of that name
            continue
    return Zone(LOCAL, ZoneInfo("UTC"))


def span(length: timedelta) -> str:
    """How long: ``184 ms``, ``10.04 s``, ``2 h 14 m``, ``3 d 4 h``. Never below nothing."""
    seconds = max(0.0, length.total_seconds())
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < 60:
        return f"{seconds:.2f}".rstrip("0").rstrip(".") + " s"
    return age(length)


def age(length: timedelta) -> str:
    """The same without fractions of a second."""
    seconds = max(0, int(length.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} m" if minutes >= 10 or not seconds else f"{minutes} m {seconds} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} m"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"
