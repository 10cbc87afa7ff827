"""What one visitor's day adds to the sums of that day: visitors, and why views are missing.

Pure. A day's row is changed as views come; what it adds is computed before and after, and the
difference is what the sums change by.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from .viewed import State

#: What a bait said of a visitor's day: nothing, that no blocker runs, or that one does.
UNKNOWN, FREE, BLOCKED = 0, 1, 2


class Day(msgspec.Struct, frozen=True, gc=False):
    """A visitor's views on one day: all of them, those that a browser told of (``kept``: alone or
    as a half), and of the served ones by state. ``bait`` is one of the three above."""

    views: int = 0
    kept: int = 0
    confirmed: int = 0
    missing: int = 0
    noscript: int = 0
    bait: int = UNKNOWN

    def changed(self, state: State, by: int) -> Day:
        """The day with ``by`` more views of a state."""
        return Day(
            self.views + by,
            self.kept + by * (state in ("confirmed", "browser")),
            self.confirmed + by * (state == "confirmed"),
            self.missing + by * (state == "missing"),
            self.noscript + by * (state == "noscript"),
            self.bait,
        )

    def baited(self, blocked: bool) -> Day:
        """The day after a bait's outcome; a blocker that was there once was there."""
        return msgspec.structs.replace(self, bait=max(self.bait, BLOCKED if blocked else FREE))


#: Nobody's day.
EMPTY = Day()

# ``visitors``       with a view.
# ``kept``           views that their browsers told of.
# ``once_run``       served one page, and its script ran.
# ``more_run``       served several, and the script ran on some page.
# ``more_silent``    served several, and no script ran; their views are ``silent_views``.
# ``once_silent``    served one, and no script ran.
# ``left``           views without a script of visitors in whose browser it runs.
# ``noscript_views`` views without a script of visitors whose browser showed that it runs none.
# ``baited`` ``blocked``              visitors that a bait asked, and those with a blocker.
# ``baited_views`` ``blocked_views``  views that their browsers told of.


def adds(day: Day) -> dict[str, int]:
    """What a visitor's day adds to the sums, by the names above."""
    found = {"visitors": 1, "kept": day.kept} if day.views else {}
    if day.bait:
        found |= {"baited": 1, "baited_views": day.kept}
    if day.bait == BLOCKED:
        found |= {"blocked": 1, "blocked_views": day.kept}
    if day.noscript:
        return found | {"noscript_views": day.noscript + day.missing}
    served = day.confirmed + day.missing
    if day.kept:
        if served:
            found["once_run" if served == 1 else "more_run"] = 1
        return found | {"left": day.missing}
    if day.missing == 1:
        return found | {"once_silent": 1}
    if day.missing:
        return found | {"more_silent": 1, "silent_views": day.missing}
    return found


def difference(before: Day, after: Day) -> Mapping[str, int]:
    """By what the sums change when a visitor's day does."""
    old, new = adds(before), adds(after)
    return {
        name: change
        for name in old.keys() | new.keys()
        if (change := new.get(name, 0) - old.get(name, 0))
    }
