"""The sessions of who is counted without cookies: by the same 30 idle minutes, but found here.

Such a visitor lives for a day and brings nothing along, so that no page can say which session it is
in. An event that comes later than others (another process's spool) may still lie before the session
that is known: then it is a session of its own.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..event import Event, derived_page_id, iso
from .store import CountedSession, Intake


class Sessions:
    """The sessions of one transaction; ``idle`` in seconds."""

    def __init__(self, intake: Intake, *, idle: float) -> None:
        self._intake = intake
        self._idle = idle
        self._known: dict[str, CountedSession] = {}
        self._changed: dict[str, CountedSession] = {}

    def placed(self, event: Event, at: float) -> Event:
        """The event with its session in its context; ``at`` is when it happened."""
        visitor = event.anonymous_id or ""
        session = self._at(visitor, at)
        context: dict[str, Any] = event.context if isinstance(event.context, dict) else {}
        about = {"id": session.id, "number": session.number, "start": iso(session.start)}
        return msgspec.structs.replace(event, context={**context, "session": about})

    def write(self) -> None:
        """Keeps what has changed."""
        if self._changed:
            self._intake.keep_counted_sessions(self._changed.values())
            self._changed.clear()

    def _at(self, visitor: str, at: float) -> CountedSession:
        former = self._known.get(visitor) or self._intake.counted_session(visitor)
        if former is not None and at < former.start - self._idle:
            return _session(visitor, at, number=1)
        if former is None or at > former.seen + self._idle:
            session = _session(visitor, at, number=former.number + 1 if former else 1)
        else:
            session = msgspec.structs.replace(former, seen=max(at, former.seen))
        self._known[visitor] = session
        if session != former:
            self._changed[visitor] = session
        return session


def _session(visitor: str, at: float, *, number: int) -> CountedSession:
    return CountedSession(visitor, derived_page_id(visitor, iso(at)), number, at, at)
