"""Who the visitors of an access log were, and which of their page views make a session.

Nobody had a cookie: a visitor is whoever came with the same address, as much of it as is kept, and
the same User-Agent. Sessions are the live ones': 30 idle minutes, 24 hours at most, another
campaign. No I/O happens here.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator
from functools import lru_cache
from typing import Generic, TypeVar

import msgspec

from ..tracking import ids
from ..tracking.campaign import fitted, strong
from ..tracking.privacy import kept_address
from ..tracking.session import Session, differs

T = TypeVar("T")

#: Visitors that are remembered; of more, those whose last session began longest ago are forgotten,
#: and begin anew when they come back.
_MOST = 40_000

_DAY = 86400


class Visitors:
    """Whose a page view is. ``key``: the secret of the site, without which nobody can say which
    address a visitor had; ``daily``: another visitor each day (UTC)."""

    def __init__(self, key: str, *, ip: str, daily: bool) -> None:
        secret = hashlib.blake2b(b"track-middleware/import/1\0" + key.encode()).digest()
        mode = "full" if ip == "full" else "truncate"

        @lru_cache(maxsize=4096)
        def of(address: str, agent: str, day: int) -> str:
            said = (str(day), kept_address(address, mode) or "", agent)
            text = "\0".join(said).encode("utf-8", "replace")
            return ids.uuid_text(hashlib.blake2b(text, key=secret, digest_size=16).digest())

        self._of = of
        self.daily = daily

    def visitor(self, address: str, agent: str, time: float) -> str:
        """The visitor's id: the same one in every log of the site."""
        return self._of(address, agent, int(time // _DAY) if self.daily else 0)


class Sessions:
    """The sessions of one log's visitors, found as its page views come, in the order of time.

    ``idle`` and ``longest`` in seconds. ``began`` counts sessions, ``visitors`` those that had none
    before.
    """

    def __init__(self, *, idle: int, longest: int, most: int = _MOST) -> None:
        self._idle = idle
        self._longest = longest
        self._most = most
        self._known: dict[str, Session] = {}

    def at(self, visitor: str, time: float, campaign: dict[str, str]) -> tuple[Session, bool]:
        """The session of a page view, and whether it begins with it."""
        former = self._known.get(visitor)
        if former is not None and self._goes_on(former, time, campaign):
            if time - former.seen >= 1:
                former = msgspec.structs.replace(former, seen=int(time))
                self._known[visitor] = former
            return former, False
        # Earlier than all that is known of the visitor: another log, or the same one once more.
        anew = former is None or time < former.start
        number = 1 if anew or former is None else former.number + 1
        return self._begun(visitor, time, number, campaign), True

    def _goes_on(self, session: Session, time: float, campaign: dict[str, str]) -> bool:
        if not session.start - self._idle <= time <= session.seen + self._idle:
            return False
        if time - session.start > self._longest:
            return False
        return not (campaign and strong(campaign) and differs(campaign, session.campaign))

    def _begun(self, visitor: str, time: float, number: int, campaign: dict[str, str]) -> Session:
        second, touch = int(time), fitted(campaign) or None
        session_id = ids.derived("import", visitor, str(second), repr(sorted(campaign.items())))
        session = Session(session_id, visitor, number, second, second, touch)
        self._known.pop(visitor, None)  # the newest stands last
        if len(self._known) >= self._most:
            for forgotten in list(self._known)[: self._most // 10 + 1]:
                del self._known[forgotten]
        self._known[visitor] = session
        return session


class InOrder(Generic[T]):
    """Puts what comes nearly in the order of time into it: Apache writes a line when the answer is
    over, with the time when it was asked.

    ``window`` seconds are waited for, and for ``most`` lines. A log that begins anew, hours before,
    is another log behind the first.
    """

    def __init__(self, *, window: float = 120.0, most: int = 10_000) -> None:
        self._window = window
        self._most = most
        self._heap: list[tuple[float, int, T]] = []
        self._number = 0
        self._newest = 0.0

    def put(self, time: float, value: T) -> Iterator[T]:
        """What is due now that this one has come."""
        if time < self._newest - 5 * self._window:
            yield from self.rest()
            self._newest = time
        self._number += 1
        heapq.heappush(self._heap, (time, self._number, value))
        self._newest = max(self._newest, time)
        due = self._newest - self._window
        while self._heap and (self._heap[0][0] <= due or len(self._heap) > self._most):
            yield heapq.heappop(self._heap)[2]

    def rest(self) -> Iterator[T]:
        """All that still waits, after the last one."""
        while self._heap:
            yield heapq.heappop(self._heap)[2]
        self._newest = 0.0


class Ordinals:
    """How often the same line has come before: two hits within one second are two views.

    Remembers a number of lines, whatever their number is. One that comes again after them is a copy
    of the first: no log tells the same second twice so far apart.
    """

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._new: dict[int, int] = {}
        self._old: dict[int, int] = {}

    def of(self, digest: bytes) -> int:
        """0 for a line that is new, 1 for its second one, …"""
        key = int.from_bytes(digest[:8])
        seen = self._new.get(key)
        if seen is None:
            seen = self._old.get(key, 0)
            if len(self._new) >= self._most:
                self._old, self._new = self._new, {}
        self._new[key] = seen + 1
        return seen
