"""An event loop in a thread of its own, for threads that wait for what it does."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

#: What a loop does last of all.
Farewell = Callable[[], Coroutine[Any, Any, object]]


class Loop:
    """Runs until it is ended, or nobody has it any more. Nothing of it goes over into a forked
    child, where it is not running."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stop: Callable[[], object] = lambda: None
        self._pid = 0

    @property
    def is_running(self) -> bool:
        """Whether it was started here, and not ended."""
        return self._loop is not None and self._pid == os.getpid()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """What a coroutine gives, or raises. It ends itself in time; nobody cuts it off here."""
        assert self._loop is not None
        future: Future[T] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return future.result()

    def end(self) -> None:
        """Ends the thread; what runs in it is cut off."""
        thread, is_running = self._thread, self.is_running
        self._loop = self._thread = None
        if thread is not None and is_running:
            self._stop()
            thread.join()

    def start(self, farewell: Farewell) -> None:
        """Starts the thread. ``farewell`` holds nothing that holds this object, of which otherwise
        somebody would always be left."""
        self._loop = loop = asyncio.new_event_loop()
        self._pid = os.getpid()
        stop = weakref.finalize(self, _stop, loop, self._pid)
        stop.atexit = False
        self._stop = stop
        self._thread = threading.Thread(
            target=_turn, args=(loop, farewell), name=self._name, daemon=True
        )
        self._thread.start()


def _stop(loop: asyncio.AbstractEventLoop, pid: int) -> None:
    """Whichever thread calls this, the loop's own among them, waits for nothing."""
    if pid == os.getpid():
        loop.call_soon_threadsafe(loop.stop)


def _turn(loop: asyncio.AbstractEventLoop, farewell: Farewell) -> None:
    try:
        loop.run_forever()
        loop.run_until_complete(_ended(farewell))
    finally:
        loop.close()


async def _ended(farewell: Farewell) -> None:
    """Nothing runs any more, so that whoever waits for it is told."""
    await farewell()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for each in others:
        each.cancel()
    await asyncio.gather(*others, return_exceptions=True)
