"""How often somebody may ask: so many requests a minute, counted by each process for itself.

A bucket for each who asks: it holds a minute's worth, every request takes one, and what was taken
comes back evenly. So a burst is let in and a stream of requests is not.
"""

import math
from collections import OrderedDict
from uuid import UUID

from guerdon import clock
from guerdon.errors import TooManyRequests

_MOST_REMEMBERED = 10_000
_MINUTE = 60.0


class Pace:
    """Remembers what is left to whom; who was not seen for the longest is forgotten first."""

    def __init__(self) -> None:
        self._left: OrderedDict[UUID, tuple[float, float]] = OrderedDict()

    def take(self, who: UUID, per_minute: int) -> None:
        """One request, or ``TooManyRequests`` with the seconds until the next one may come."""
        now = clock.monotonic()
        left, since = self._left.get(who, (float(per_minute), now))
        left = min(float(per_minute), left + (now - since) * per_minute / _MINUTE)
        if left < 1.0:
            wait = math.ceil((1.0 - left) * _MINUTE / per_minute)
            raise TooManyRequests(
                f"{per_minute} requests a minute may come from here.", retryAfter=max(1, wait)
            )
        self._left[who] = (left - 1.0, now)
        self._left.move_to_end(who)
        if len(self._left) > _MOST_REMEMBERED:
            self._left.popitem(last=False)
