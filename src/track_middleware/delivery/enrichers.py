"""The site's enrichers, each called in a thread of its own with a time limit.

One that takes too long costs its event what it would have added, and the drain its limit once:
while that call has not ended, no other is begun, and the events go on without it.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from queue import SimpleQueue

import msgspec

from ..event import Event, decode_event, encode_event


class TooLong(Exception):
    """An enricher did not answer in time, or is still busy with an event that it was late for."""


class Failed(msgspec.Struct):
    """What the site's own code raised instead of answering."""

    error: Exception


def asked(own: Callable[[Event], Event | None], event: Event) -> Event | Failed | None:
    """What the site's own code makes of an event: a copy of its answer, which must be an event;
    TooLong from within passes. The one boundary around such code, which may raise anything."""
    try:
        answer = own(event)
        return None if answer is None else decode_event(encode_event(answer))
    except TooLong:
        raise
    except Exception as error:  # noqa: BLE001  the caller tells of it
        return Failed(error)


class _Call:
    """One event at an enricher; ``over`` once there is an ``answer``."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self.answer: Event | Failed | None = None
        self.over = threading.Event()


_Calls = SimpleQueue[_Call | None]


class Limited:
    """An enricher that answers within so many seconds, or raises ``TooLong``; whatever else it
    raises is raised here. It gets a copy, so that a late change changes nothing; one that returns
    nothing has changed its event in place.
    """

    def __init__(self, enricher: Callable[[Event], Event | None], *, seconds: float) -> None:
        self._enricher = enricher
        self._seconds = seconds
        self._calls: _Calls = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._last: _Call | None = None

    def __call__(self, event: Event) -> Event:
        """The event as the enricher leaves it."""
        if self._is_there() and self._last is not None and not self._last.over.is_set():
            raise TooLong
        self._begin()
        call = self._last = _Call(decode_event(encode_event(event)))
        self._calls.put(call)
        if not call.over.wait(self._seconds):
            raise TooLong
        if isinstance(call.answer, Failed):
            raise call.answer.error
        return call.event if call.answer is None else call.answer

    def _is_there(self) -> bool:
        """A thread does not come along into a forked process."""
        return self._thread is not None and self._thread.is_alive()

    def _begin(self) -> None:
        if self._is_there():
            return
        self._calls = SimpleQueue()
        thread = threading.Thread(
            target=_serve, args=(self._calls, self._enricher), name="enricher", daemon=True
        )
        thread.start()
        self._thread = thread
        weakref.finalize(self, self._calls.put, None)


def _serve(calls: _Calls, enricher: Callable[[Event], Event | None]) -> None:
    while (call := calls.get()) is not None:
        call.answer = asked(enricher, call.event)
        call.over.set()
        del call  # an error in it has the frames, and by them the ``Limited``, of whoever asked
