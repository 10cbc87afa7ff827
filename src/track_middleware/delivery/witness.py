"""Whose fault it is when an answer may mean either: an event in the call, or the whole destination.

Where a verdict says both ``split`` and ``pause``, the call is halved until single events stand
alone, and these are suspects. What decides about them comes after: something that is taken shows
that it was they. When nothing is, the destination is asked with an event that it has already.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from ..destinations import Verdict
from .items import Item

#: Suspects in a row, with nothing taken before or after, that say that it is the destination.
CROWD = 8

#: Vendors drop a repeat for days at least; so long an event is sent to ask with, in seconds.
_KEPT = 43_200.0

#: How often it is looked whether the log still has the event, in seconds.
_LOOK = 60.0


class Witness:
    """The event by which one job's destination can be asked whether it takes events at all.

    It was taken in a call that may be repeated. ``refused``: how many suspects were refused, for
    want of a witness, since anything was taken. ``is_kept``: whether the log still has an event,
    for one of somebody who was erased is neither sent again nor remembered.
    """

    def __init__(self, is_kept: Callable[[Item], bool] = lambda item: True) -> None:
        self.refused = 0
        self._is_kept = is_kept
        self._item: Item | None = None
        self._at = self._looked = 0.0

    def keep(self, item: Item, now: float) -> None:
        """The destination has this event, as of now."""
        self._item, self._at, self._looked, self.refused = item, now, now, 0

    def item(self, now: float) -> Item | None:
        """An event to ask with, None when none is known."""
        self._looked = now
        if self._item is not None:
            is_fresh = 0 <= now - self._at < _KEPT
            self._item = self._item if is_fresh and self._is_kept(self._item) else None
        return self._item

    def look(self, now: float) -> None:
        """Forgets an event that the log has let go. Call it often: it looks once a minute."""
        if not 0 <= now - self._looked < _LOOK:
            self.item(now)


def is_blame(verdicts: Collection[Verdict]) -> bool:
    """Whether an answer means either."""
    return all(each.split and each.pause for each in verdicts)
