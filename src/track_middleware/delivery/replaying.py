"""The worker's side of replays: each open one is served by a thread of its own, beside the live
jobs, until its part of the log is sent and nothing waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from typing import Protocol

from ..destinations.registry import Route
from ..errors import StoreError
from . import servers
from .backfilled import Backfilled
from .section import Section
from .serve import Serve
from .shares import Rights
from .store import Job, Log
from .store.whole import Store

logger = logging.getLogger("track_middleware")

#: How long a replay's thread waits at most before it looks again, in seconds.
_LOOK = 1.0
_LEAST = 0.1


class MakeServe(Protocol):
    """How the worker serves a job that ``find`` looks up, from a log."""

    def __call__(
        self, route: Route, store: Store, *, log: Log, find: Callable[[], Job]
    ) -> Serve: ...


#: The worker's boundary: runs a step, None where it failed.
Guard = Callable[[str, Callable[[], float | None]], float | None]


class Gone(Exception):
    """The replay was stopped, or forgotten."""


class Replaying:
    """One replay on its way. One thread uses it, with a connection of its own."""

    def __init__(
        self,
        number: int,
        route: Route,
        store: Store,
        *,
        serve: MakeServe,
        now: Callable[[], float],
    ) -> None:
        self._number = number
        self._route = route
        self._store = store
        self._now = now
        self._log = self._section()
        self._serve = serve(route, store, log=self._log, find=self._job)
        self.over = False

    def step(self) -> float:
        """Sends what comes next; when to come again (epoch seconds). ``over`` says that all is
        done. While the live job is paused, nothing is sent here either."""
        try:
            again = self._rest_until() or self._stepped()
            if again is None and self._is_over():
                self._end()
        except Gone:
            self._end()
            return self._now()
        return self._now() + _LOOK if again is None else again

    def _stepped(self) -> float | None:
        with self._store.locks.together(servers.piece(self._route)):
            return self._serve.step()

    def _is_over(self) -> bool:
        """Whether nothing is left, and nothing more can come."""
        whole = self._backfill is None or self._store.backfills.is_stored(self._backfill)
        return whole and not self._log.read(self._job().position, 1)

    def _section(self) -> Log:
        replay = self._store.replays.get(self._number)
        if replay is None:
            raise Gone
        self._backfill = replay.backfill
        if replay.backfill is not None:
            return Backfilled(self._store, replay.backfill)
        return Section(self._store, self._route.name, replay.part, replay.job.end or 0)

    def _job(self) -> Job:
        replay = self._store.replays.get(self._number)
        if replay is None or replay.ended is not None:
            raise Gone
        return next(job for job in self._store.jobs() if job.id == self._number)

    def _rest_until(self) -> float | None:
        """Until when the live job leaves the destination alone; None when it does not."""
        self._job()
        for job in self._store.jobs():
            if job.destination == self._route.name and job.end is None:
                until = job.paused_until
                return until if until is not None and until > self._now() else None
        return None

    def _end(self) -> None:
        self.over = True
        self._store.replays.end(self._number, self._now())
        logger.info("replay %s to %s is over", self._number, self._route.name)


class Replays:
    """The threads of one tenure, one for each open replay of a configured destination."""

    def __init__(
        self,
        routes: Mapping[str, Route],
        store: Store,
        *,
        serve: MakeServe,
        guard: Guard,
        now: Callable[[], float],
        rights: Rights,
    ) -> None:
        self._rights = rights
        self._routes = routes
        self._store = store
        self._serve = serve
        self._guard = guard
        self._now = now
        self._threads: dict[int, threading.Thread] = {}

    def open(self) -> list[tuple[int, Route]]:
        """Replays that are not over, of destinations that are configured."""
        return [
            (each.job.id, self._routes[each.job.destination])
            for each in self._store.replays.all()
            if each.ended is None and each.job.destination in self._routes
        ]

    def tend(self, ended: threading.Event) -> None:
        """Starts a thread for each replay that has none; they stop when ``ended`` is set."""
        for number, route in self.open():
            if number not in self._threads or not self._threads[number].is_alive():
                thread = threading.Thread(
                    target=self._run, args=(number, route, ended), name=piece(number),
                    daemon=True,
                )  # fmt: skip
                self._threads[number] = thread
                thread.start()

    def threads(self) -> list[threading.Thread]:
        """Those that run."""
        return [each for each in self._threads.values() if each.is_alive()]

    def once(self, number: int, route: Route) -> None:
        """Serves one replay in the caller's thread until nothing is due."""
        self._run(number, route, None)

    def _run(self, number: int, route: Route, ended: threading.Event | None) -> None:
        self._guard(f"replaying to {route.name}", lambda: self._connected(number, route, ended))

    def _connected(self, number: int, route: Route, ended: threading.Event | None) -> None:
        with closing(self._store.sibling()) as store, suppress(StoreError, Gone):  # also Deposed
            if self._rights.fenced(store, piece(number)):
                replaying = Replaying(number, route, store, serve=self._serve, now=self._now)
                self._serve_until_over(replaying, route.name, ended)

    def _serve_until_over(
        self, replaying: Replaying, name: str, ended: threading.Event | None
    ) -> None:
        """Steps until the replay is over or the tenure ends; without a tenure, until it waits."""
        while not replaying.over:
            again = self._guard(f"replaying to {name}", replaying.step)
            wait = _LOOK if again is None else again - self._now()
            if ended is None and wait > 0:
                return
            if ended is not None and ended.wait(min(_LOOK, max(_LEAST, wait)) if wait > 0 else 0):
                return


def piece(number: int) -> str:
    """What the right to send a replay is called."""
    return f"replay {number}"
