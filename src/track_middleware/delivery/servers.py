"""The threads of one tenure that serve destinations, each with a connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Protocol

from ..destinations.registry import Route
from ..errors import StoreError
from .shares import Rights
from .store.whole import Store

#: How often the spool, and a thread that waits for new events the log's end, is looked at, in
#: seconds.
POLL = 0.1


class Serves(Protocol):
    """What serves a job: ``serve.Serve``."""

    def once(self) -> float | None:
        """Serves until nothing is due; when to come again, None: at new events."""
        ...


#: Who serves a destination from a store.
Make = Callable[[Route, Store], Serves]

#: The worker's boundary: runs a step, None where it failed.
Guard = Callable[[str, Callable[[], float | None]], float | None]


class Servers:
    """Serves each destination in a thread of its own, so that an outage of one delays no other."""

    def __init__(
        self,
        store: Store,
        *,
        serve: Make,
        guard: Guard,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        rights: Rights,
    ) -> None:
        self._store = store
        self._rights = rights
        self._serve = serve
        self._guard = guard
        self._now = now
        self._monotonic = monotonic

    def once(self, route: Route) -> None:
        """Serves a destination in the caller's thread until nothing is due."""
        self._guard(route.name, lambda: self._once(route))

    def start(self, route: Route, ended: threading.Event) -> threading.Thread:
        """Serves a destination until the tenure ends, and once more after the last drain."""
        thread = threading.Thread(
            target=self._until, args=(route, ended), name=route.name, daemon=True
        )
        thread.start()
        return thread

    def _once(self, route: Route) -> None:
        with closing(self._store.sibling()) as store, suppress(StoreError):
            if self._rights.part(store, piece(route)):
                self._guard(route.name, self._serve(route, store).once)

    def _until(self, route: Route, ended: threading.Event) -> None:
        while not ended.is_set():
            self._guard(route.name, lambda: self._connected(route, ended))
            ended.wait(POLL)

    def _connected(self, route: Route, ended: threading.Event) -> None:
        """Again and again: another worker may have the destination, or the store be away."""
        with closing(self._store.sibling()) as store:
            while not ended.is_set():
                self._while_held(route, store, ended)
                ended.wait(POLL)

    def _while_held(self, route: Route, store: Store, ended: threading.Event) -> None:
        try:
            if not self._rights.part(store, piece(route)):
                return
            serve = self._serve(route, store)
            seen, last = -1, False
            while not last:
                last = ended.is_set()
                seen = store.end()
                again = self._guard(route.name, serve.once)
                self._until_news(route, store, ended, seen=seen, again=again)
        except StoreError:  # also Deposed
            return

    def _until_news(
        self, route: Route, store: Store, ended: threading.Event, *, seen: int, again: float | None
    ) -> None:
        """Waits for new events, another share, the moment ``again``, or the end."""
        deadline = self._monotonic() + (1.0 if again is None else max(POLL, again - self._now()))
        while not ended.wait(POLL) and self._monotonic() < deadline and store.end() == seen:
            if not self._rights.is_settled(piece(route)):
                return


def piece(route: Route) -> str:
    """What the right to serve a destination is called."""
    return f"serve {route.name}"
