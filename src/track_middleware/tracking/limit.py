"""A token bucket per client, for the collector."""

from __future__ import annotations

_MOST_CLIENTS = 20_000


class Limit:
    """Lets ``burst`` calls pass at once and ``rate`` a second from then on, per client.

    One per process. Races between threads cost at most a call's worth; when too many clients are
    known the whole table is forgotten, in favour of the clients.
    """

    __slots__ = ("_buckets", "_burst", "_rate")

    def __init__(self, *, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait(self, client: str, now: float, *, cost: float = 1.0) -> float:
        """0 when a call may pass, else the seconds after which the next one may. One that costs
        more than is left passes, and the next one waits for it."""
        level, at = self._buckets.get(client, (self._burst, now))
        level = min(self._burst, level + max(0.0, now - at) * self._rate)
        if level < 1:
            return (1 - level) / self._rate
        if len(self._buckets) >= _MOST_CLIENTS:
            self._buckets.clear()
        self._buckets[client] = (level - cost, now)
        return 0.0
