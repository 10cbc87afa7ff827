"""When to try again: pure decisions, in seconds.

A destination in trouble is left alone for longer and longer, with decorrelated jitter (each wait is
drawn between the base and three times the last one), so that many hosts do not come back together.
``random`` gives numbers in [0, 1).
"""

from __future__ import annotations

from collections.abc import Callable

Random = Callable[[], float]

#: The first wait and the longest after no answer, 429 or 5xx.
BASE = 1.0
LONGEST = 300.0

#: The same when somebody must mend the set-up first (a refused key, an address that is not there).
MENDING_BASE = 30.0
MENDING_LONGEST = 600.0


def pause(
    last: float, *, after: float | None, random: Random, base: float = BASE, cap: float = LONGEST
) -> float:
    """How long a destination is left alone; ``last`` is the wait before (0: this is the first).

    ``after`` is what the destination itself asked for: never less than that.
    """
    drawn = base + random() * (max(last, base) * 3 - base)
    wait = min(cap, drawn)
    return wait if after is None else max(wait, after)


def again(attempts: int, *, after: float | None, random: Random) -> float:
    """How long one event waits after so many attempts (1: the first has just failed)."""
    ceiling = min(LONGEST, BASE * 3.0 ** min(attempts, 10))
    drawn = BASE + random() * (ceiling - BASE)
    return drawn if after is None else max(drawn, after)
