"""Slows down guessing: so many failures a while, for whatever they are counted by."""

from collections import OrderedDict

from guerdon import clock

_MOST_REMEMBERED = 10_000


class Patience:
    """Counts failures by a key; at ``most`` within ``seconds`` it has run out."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def wait(self, key: str) -> int:
        """How many seconds to wait; 0 while there is patience left."""
        failures = self._recent(key)
        if len(failures) < self._most:
            return 0
        return max(1, int(self._seconds - (clock.monotonic() - failures[0])) + 1)

    def note(self, key: str) -> None:
        """One more failure."""
        self._failures[key] = [*self._recent(key), clock.monotonic()]
        self._failures.move_to_end(key)
        while len(self._failures) > _MOST_REMEMBERED:
            self._failures.popitem(last=False)

    def _recent(self, key: str) -> list[float]:
        since = clock.monotonic() - self._seconds
        return [moment for moment in self._failures.get(key, []) if moment > since]
